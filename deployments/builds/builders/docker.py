"""Images made on a Docker Engine.

Nothing of a user ever becomes a part of a Dockerfile, a shell line or a build argument: requirement lines and locks
travel on standard input, files in a tar stream, people's names as labels. Dockerfiles have no RUN line at all; what
must run (uv, the probe) runs in hardened containers that are removed whatever happens.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
import time
import uuid
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, unquote

from deployments.builds.builders import recipe, uv_errors
from deployments.builds.builders.base import (
    Base,
    Builder,
    BuildFailed,
    Built,
    Bundle,
    BundleFile,
    EnvironmentImage,
    Package,
    Probe,
    Report,
)
from deployments.builds.builders.context import checked, tar_stream, text_file
from deployments.builds.builders.index import PackageIndex
from deployments.builds.builders.probing import ProbeReader
from deployments.docker_engine import (
    KIND,
    LABEL,
    SYSTEM,
    UID,
    Ended,
    build_image,
    commit,
    engine_at,
    host_config,
    inspect_image,
    plain_errors,
    ran,
    refused,
    remove_container,
    remove_image,
    stream,
)
from deployments.lines import Lines, clean, memory_text, without_credentials
from portal.errors import Unavailable
from portal.told import one_of, together, told
from registry.runtimes import RUNTIMES

GIB = 1 << 30
ABOUT = "modelport.about"
#: the Pythons that are looked for when one is not there
VERSIONS = [f"3.{minor}" for minor in range(8, 16)]
TOOLS, ENVIRONMENT_FOLDER = "/opt/modelport-tools", "/opt/env"

#: The Dockerfiles. `{...}` are image ids, a uuid and words of ours, checked by `_dockerfile`; nothing else is ever filled in.
#: Each line is a step and costs time, and so does each label given beside them: there is one, `modelport.about`.
TOOLBOX = """FROM {base}
LABEL modelport={installation} modelport.kind={kind} modelport.build={build}
COPY tools/ /opt/modelport-tools/
"""
ENVIRONMENT = f"""FROM {{base}}
LABEL modelport={{installation}} modelport.kind={{kind}} modelport.build={{build}}
ENV PATH=/opt/env/bin:/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C.UTF-8 PYTHONUNBUFFERED=1
USER {UID}:{UID}
WORKDIR /app
ENTRYPOINT ["/opt/env/bin/python", "/opt/modelport/launch.py"]
CMD ["serve", "--host", "0.0.0.0", "--port", "5001"]
"""
IMAGE = """FROM {base}
LABEL modelport={installation} modelport.kind={kind} modelport.build={build}
COPY root/ /
"""


class DockerBuilder(Builder):
    """`base_images` maps a runtime to an image reference in which `{python}` stands for the version ("3.11").

    `registry` ("registry.example.com/team") is where images are pushed; empty keeps them in the engine. The engine's
    own credentials (docker login) are used. `memory` (bytes) and
    `timeout` (seconds) limit each container of a build.
    """

    image_format = "oci"
    recipe = recipe.RECIPE

    def __init__(
        self,
        *,
        base_images: Mapping[str, str] | None = None,
        base_url: str | None = None,
        installation: str = "local",
        registry: str = "",
        index_url: str = "",
        extra_index_urls: tuple[str, ...] | list[str] = (),
        ca_bundle: str = "",
        memory: int = 4 * GIB,
        timeout: float = 1800,
    ):
        self.engine = engine_at(base_url)
        self.base_images = dict(base_images or {"python": "python:{python}-slim-bookworm"})
        self.installation, self.registry, self.memory, self.timeout = installation, registry.rstrip("/"), memory, timeout
        self.index = PackageIndex.from_options(index_url=index_url, extra_index_urls=extra_index_urls, ca_bundle=ca_bundle)

    def index_identity(self) -> str:
        return self.index.identity()

    def base(self, runtime: str, python: str, report: Report) -> Base:
        if runtime not in self.base_images:
            known = ", ".join(sorted(self.base_images))
            message = told(
                "There is no base image for the runtime `%(runtime)s` here: choose one of %(known)s.", runtime=clean(runtime), known=known
            )
            raise BuildFailed(message, code="UnknownRuntime")
        if not re.fullmatch(r"3\.\d{1,2}", python):
            message = told("`%(python)s` is not a Python version such as 3.11.", python=clean(python))
            raise BuildFailed(message, code="UnknownPython")
        reference = self.base_images[runtime].replace("{python}", python)
        found = inspect_image(self.engine, reference)
        if found is None:
            report.line(f"Pulling the base image {reference}")
            try:
                self._pull(reference, report)
            except (BuildFailed, Unavailable) as error:
                raise self._without_base(runtime, python, error) from error
            found = inspect_image(self.engine, reference)
        if found is None:
            raise Unavailable(SYSTEM, told("it pulled %(image)s and does not have it", image=reference))
        report.line(f"Base image {reference} ({found['Id'][7:19]})")
        return Base(reference, found["Id"], python, f"{found['Os']}/{found['Architecture']}")

    def resolve(self, base: Base, requirements: str, report: Report) -> str:
        result, heard = bytearray(), deque(maxlen=200)
        room = {"tmpfs": {"/tmp": "size=1g,mode=1777,nosuid,nodev"}}
        config = host_config(self.engine, memory=self.memory, network="bridge", **room)
        job = {"do": "resolve", "requirements": requirements}
        with self._recipe(job, TOOLS, report, result, heard, image=self._toolbox(base, report), config=config) as ended:
            self._check(ended, heard, told("Finding versions that fit together"))
        return result.decode()

    def find_environment(self, base: Base, key: str) -> EnvironmentImage | None:
        found = inspect_image(self.engine, _environment_tag(key))
        about = _about(found) if found else {}
        if not found or about.get("base") != base.digest or "packages" not in about:
            return None
        return EnvironmentImage(key, _environment_tag(key), found["Id"], tuple(Package(*package) for package in about["packages"]))

    def install(self, base: Base, lock: str, key: str, report: Report) -> EnvironmentImage:
        tag = _environment_tag(key)
        result, heard = bytearray(), deque(maxlen=200)
        temporary = f"modelport/temporary:{uuid.uuid4().hex}"
        # The tools lie in the environment's folder, where their user may remove them again, so that one layer is all there is.
        tools = ENVIRONMENT_FOLDER + "/.modelport-tools"
        job = {"do": "install", "lock": lock, "environment": ENVIRONMENT_FOLDER, "tools": tools}
        config = host_config(self.engine, memory=self.memory, network="bridge", read_only=False)
        files = tar_stream(self._tools(tools.lstrip("/")), report.check_cancelled, owner=UID, top=ENVIRONMENT_FOLDER.lstrip("/"))
        try:
            with self._recipe(job, tools, report, result, heard, image=base.digest, config=config, files=files) as ended:
                self._check(ended, heard, told("Installing the packages"))
                packages = tuple(Package(name, version) for name, version in json.loads(result))
                report.line("Keeping the environment")
                source = commit(self.engine, ended, temporary, report)
            about = {"base": base.digest, "key": key, "packages": [[package.name, package.version] for package in packages]}
            identity = self._build(ENVIRONMENT, source, tag, about, [], report)
        finally:
            # On a busy machine the engine takes its time; what stays is swept, and is no reason to install everything again.
            with suppress(Unavailable):
                remove_image(self.engine, temporary)
        report.line(f"Environment {key[:12]} has {len(packages)} packages")
        return EnvironmentImage(key, tag, identity, packages)

    def bundle(self, environment: EnvironmentImage, bundle: Bundle, *, name: str, labels: Mapping[str, str], report: Report) -> Built:
        tag = f"modelport/image:{_tag(name)}"
        about = dict(labels) | {"bundle": bundle.digest, "environment": environment.key}
        files = [BundleFile("root/" + checked(file.path), file.size, file.open, file.mode) for file in bundle.files]
        identity = self._build(IMAGE, environment.digest, tag, about, files, report)
        found = inspect_image(self.engine, identity)
        size = found["Size"] if found else 0
        report.line(f"Image {identity[7:19]}: {len(bundle.files)} files, {memory_text(size)} with its environment")
        return Built(tag, identity, size)

    def probe(self, built: Built, *, memory: int, timeout: float, report: Report) -> Probe:
        reader = ProbeReader(report.line)
        config = host_config(
            self.engine,
            memory=memory,
            network="none",
            # It calls run() a dozen times, and the image does not say what it runs on.
            pids_limit=max(runtime.threads for runtime in RUNTIMES.values()),
            tmpfs={"/tmp": "size=64m,mode=1777,noexec,nosuid,nodev"},
        )
        with ran(
            self.engine, image=built.digest, command=["probe"], config=config, labels=self._labels("probe"), report=report,
            timeout=timeout, stdout=reader.stdout, stderr=reader.stderr, hostname="localhost",
        ) as ended:  # fmt: skip
            return reader.result(
                code=ended.code, timed_out=timeout if ended.timed_out else None, out_of_memory=memory if ended.out_of_memory else None
            )

    def push(self, built: Built, report: Report) -> Built:
        if not self.registry:
            return built
        repository, tag = f"{self.registry}/modelport/image", built.location.rpartition(":")[2]
        with plain_errors(told("tag an image")):
            self.engine.api().tag(built.digest, repository, tag)
        report.line(f"Pushing to {self.registry}")
        digest = ""
        try:
            for event in stream(
                self.engine, f"/images/{repository}/push", doing=told("push an image"), params={"tag": tag}, report=report,
                headers=self._credentials(repository),
            ):  # fmt: skip
                if "error" in event:
                    raise Unavailable(told("The image registry"), without_credentials(clean(event["error"]))[:300])
                digest = (event.get("aux") or {}).get("Digest") or digest
        except BaseException:
            remove_image(self.engine, f"{repository}:{tag}")
            raise
        remove_image(self.engine, built.location)
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
            raise Unavailable(told("The image registry"), told("it took the image and did not say its digest"))
        return Built(f"{repository}@{digest}", digest, built.size)

    def discard(self, location: str) -> None:
        found = inspect_image(self.engine, location)
        # All of its names that are ours: a pushed image has one in the registry's repository besides its digest.
        names = [*((found or {}).get("RepoTags") or []), *((found or {}).get("RepoDigests") or [])]
        ours = [name for name in names if name.startswith(("modelport/", f"{self.registry}/modelport/" if self.registry else "modelport/"))]
        for name in ours:
            remove_image(self.engine, name)

    def sweep(self, *, older_than: float) -> int:
        with plain_errors(told("look for what was left behind")):
            api, before = self.engine.api(), time.time() - older_than
            kinds = [{"label": [f"{LABEL}={self.installation}", f"{KIND}={kind}"]} for kind in ("resolve", "install", "probe")]
            containers = [found["Id"] for kind in kinds for found in api.containers(all=True, filters=kind) if found["Created"] < before]
            images = [found for found in api.images(filters={"label": f"{LABEL}={self.installation}"}) if found["Created"] < before]
        for container in containers:
            remove_container(self.engine, container)
        # What has no name, or only the one of a step, is no image that anybody was told of.
        unnamed = [tag for found in images for tag in found["RepoTags"] or ["<none>:<none>"] if tag.startswith("modelport/temporary:")]
        unnamed += [
            found["Id"] for found in images if not found["RepoDigests"] and (found["RepoTags"] or ["<none>:<none>"]) == ["<none>:<none>"]
        ]
        for image in unnamed:
            with suppress(Unavailable):  # in use after all
                remove_image(self.engine, image)
        return len(containers) + len(unnamed)

    # -- parts ---------------------------------------------------------------

    def _labels(self, kind: str) -> dict[str, str]:
        return {LABEL: self.installation, KIND: kind}

    def _recipe(
        self, job: dict, tools: str, report: Report, result: bytearray, heard: deque, *, image: str, config: object, **options: object
    ):
        """The recipe in a hardened container; what it prints goes to the log, what it found to `result`."""
        certificates = {"certificates": f"{tools}/ca.crt"} if self.index.certificates else {}
        body = json.dumps({**job, **self.index.job(), **certificates, "uv": f"{tools}/uv"}).encode()

        def tell(text: str) -> None:
            heard.append(text)
            report.line(without_credentials(text))

        log = Lines(tell)
        return ran(
            self.engine, image=image, command=["python3", "-I", f"{tools}/recipe.py"], config=config, labels=self._labels(job["do"]),
            report=report, timeout=self.timeout, stdout=result.extend, stderr=log.feed, stdin=b"%d\n" % len(body) + body,
            entrypoint=[], working_dir="/tmp", **options,
        )  # fmt: skip

    def _check(self, ended: Ended, heard: deque, doing: str) -> None:
        if ended.timed_out:
            raise uv_errors.took_too_long(doing, self.timeout)
        if ended.out_of_memory:
            raise uv_errors.out_of_memory(doing, self.memory)
        if ended.code:
            raise uv_errors.explain("\n".join(heard), doing=doing)

    def _tools(self, folder: str) -> list[BundleFile]:
        from uv import find_uv_bin

        binary = Path(find_uv_bin())
        files = [
            text_file(f"{folder}/recipe.py", Path(recipe.__file__).read_bytes()),
            BundleFile(f"{folder}/uv", binary.stat().st_size, lambda: binary.open("rb"), 0o755),
        ]
        if self.index.certificates:
            files.append(text_file(f"{folder}/ca.crt", Path(self.index.certificates).read_bytes()))
        return files

    def _toolbox(self, base: Base, report: Report) -> str:
        """The base with uv and the recipe, for containers that may write nothing; made once for each base, uv and recipe."""
        tools = self._tools("tools")
        identity = hashlib.sha256(f"{base.digest} {importlib.metadata.version('uv')} {TOOLBOX}".encode())
        for file in tools:
            if file.size < 1 << 20:
                identity.update(file.open().read())
        tag = f"modelport/toolbox:{identity.hexdigest()[:32]}"
        if found := inspect_image(self.engine, tag):
            return found["Id"]
        report.line("Preparing the tools for this base image (once)")
        return self._build(TOOLBOX, base.digest, tag, {}, tools, report)

    def _build(self, template: str, base: str, tag: str, about: dict, files: list[BundleFile], report: Report) -> str:
        kind, build = tag.partition(":")[0].rpartition("/")[2], uuid.uuid4().hex
        dockerfile = text_file("Dockerfile", _dockerfile(template, base=base, installation=self.installation, kind=kind, build=build))
        context = tar_stream([dockerfile, *files], report.check_cancelled)
        # The engine puts a label's value between single quotes and expands what escapes them: nothing is left that could.
        labels = {ABOUT: quote(json.dumps(about), safe=" /:@.,=+-_()")} if about else {}
        return build_image(self.engine, context, tag=tag, labels=labels, build=build, report=report, log=False)

    def _without_base(self, runtime: str, python: str, error: BuildFailed | Unavailable) -> Exception:
        """The sentence for whoever chose that Python, with those that can be had; the error itself where there is nothing to choose."""
        template = self.base_images[runtime]
        reference, why = template.replace("{python}", python), getattr(error, "detail", "") or error.message
        there = [version for version in VERSIONS if inspect_image(self.engine, template.replace("{python}", version))]
        missing = {"python": python, "image": reference}
        sentence = told(
            "There is no base image for Python %(python)s here: %(image)s is not in the engine and could not be pulled.", **missing
        )
        if runtime != "python":
            made = told("An administrator makes it with: %(command)s.", command=f"manage.py make_base {runtime} --python {python}")
            choose = told("Choose Python %(versions)s, or have it made.", versions=one_of(there)) if there else ""
            return BuildFailed(together(sentence, choose, made), code="NoBaseImage")
        if not there or "{python}" not in template:
            return error
        words = told("Choose Python %(versions)s, or ask an administrator to bring that image in.", versions=one_of(there))
        return BuildFailed(together(sentence, words, f"({without_credentials(why)[:300]})"), code="NoBaseImage")

    def _pull(self, reference: str, report: Report) -> None:
        repository, tag = _split(reference)
        heard = ""
        for event in stream(
            self.engine, "/images/create", doing=told("pull an image"), params={"fromImage": repository, "tag": tag}, report=report,
            headers=self._credentials(repository),
        ):  # fmt: skip
            if "error" in event:
                heard = without_credentials(clean(event["error"]))
                if re.search(r"manifest (for .* )?(unknown|not found)", heard, re.IGNORECASE):
                    message = told("There is no base image %(image)s: choose another Python version.", image=reference)
                    raise BuildFailed(message, code="NoBaseImage")
                raise refused(told("pull an image"), f"{reference} is not in the engine and could not be pulled ({heard})")
            if event.get("id") and event.get("status") in ("Pull complete", "Download complete"):
                report.line(f"{event['id']}: {event['status']}")

    def _credentials(self, repository: str) -> dict[str, str]:
        from docker import auth

        with plain_errors(told("read the registry's credentials")), suppress(KeyError):
            registry, _ = auth.resolve_repository_name(repository)
            if header := auth.get_config_header(self.engine.api(), registry):
                return {"X-Registry-Auth": header}
        return {"X-Registry-Auth": "e30="}  # the engine wants the header; this is {}


def _dockerfile(template: str, **values: str) -> str:
    for value in values.values():
        if not re.fullmatch(r"(sha256:)?[a-z0-9][a-z0-9_.-]{0,63}", value):
            raise ValueError(f"not a word of ours: {value!r}")
    return template.format(**values)


def _about(image: Mapping) -> dict:
    try:
        return json.loads(unquote(((image.get("Config") or {}).get("Labels") or {}).get(ABOUT, "{}")))
    except ValueError:
        return {}


def _environment_tag(key: str) -> str:
    return f"modelport/env:{_tag(key)}"


def _tag(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,127}", name):
        raise ValueError(f"not a name made from a uuid: {name!r}")
    return name


def _split(reference: str) -> tuple[str, str]:
    if "@" in reference:
        repository, _, digest = reference.partition("@")
        return repository, digest
    head, slash, last = reference.rpartition("/")
    name, _, tag = last.partition(":")
    return head + slash + name, tag or "latest"
