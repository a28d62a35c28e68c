"""Images made on a Docker Engine.

Nothing of a user ever becomes a part of a Dockerfile, a shell line or a build argument: requirement lines and locks
travel on standard input, files in a tar stream, people's names as labels. Dockerfiles have no RUN line at all; what
must run (uv, the probe) runs in hardened containers that are removed whatever happens.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

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
    engine_at,
    host_config,
    inspect_image,
    plain_errors,
    ran,
    refused,
    remove_image,
    stream,
)
from deployments.lines import Lines, clean, memory_text, without_credentials
from portal.errors import Unavailable

GIB = 1 << 30

#: The Dockerfiles. `{...}` are image ids and a uuid, checked by `_dockerfile`; nothing else is ever filled in.
TOOLBOX = f"""FROM {{base}}
LABEL modelport.build={{build}}
COPY tools/ /opt/modelport-tools/
COPY --chown={UID}:{UID} env/ /opt/env/
"""
ENVIRONMENT = f"""FROM {{base}}
LABEL modelport.build={{build}}
COPY --from={{source}} /opt/env /opt/env
ENV PATH=/opt/env/bin:/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C.UTF-8 PYTHONUNBUFFERED=1
USER {UID}:{UID}
WORKDIR /app
ENTRYPOINT ["/opt/env/bin/python", "/opt/modelport/launch.py"]
CMD ["serve", "--host", "0.0.0.0", "--port", "5001"]
"""
IMAGE = """FROM {base}
LABEL modelport.build={build}
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
            raise BuildFailed(
                f"There is no base image for the runtime `{clean(runtime)}` here: choose one of {known}.", code="UnknownRuntime"
            )
        if not re.fullmatch(r"3\.\d{1,2}", python):
            raise BuildFailed(f"`{clean(python)}` is not a Python version such as 3.11.", code="UnknownPython")
        reference = self.base_images[runtime].replace("{python}", python)
        found = inspect_image(self.engine, reference)
        if found is None:
            report.line(f"Pulling the base image {reference}")
            self._pull(reference, report)
            found = inspect_image(self.engine, reference)
        if found is None:
            raise Unavailable(SYSTEM, f"it pulled {reference} and does not have it")
        report.line(f"Base image {reference} ({found['Id'][7:19]})")
        return Base(reference, found["Id"], python, f"{found['Os']}/{found['Architecture']}")

    def resolve(self, base: Base, requirements: str, report: Report) -> str:
        job = {"do": "resolve", "requirements": requirements}
        result, told = bytearray(), deque(maxlen=200)
        with self._recipe(base, job, report, result, told, read_only=True) as ended:
            self._check(ended, told, "Finding versions that fit together")
        return result.decode()

    def find_environment(self, base: Base, key: str) -> EnvironmentImage | None:
        found = inspect_image(self.engine, _environment_tag(key))
        labels = (found or {}).get("Config", {}).get("Labels") or {}
        if not found or labels.get("modelport.base") != base.digest or "modelport.packages" not in labels:
            return None
        packages = (item.partition("==") for item in labels["modelport.packages"].split())
        return EnvironmentImage(key, _environment_tag(key), found["Id"], tuple(Package(name, version) for name, _, version in packages))

    def install(self, base: Base, lock: str, key: str, report: Report) -> EnvironmentImage:
        tag = _environment_tag(key)
        result, told = bytearray(), deque(maxlen=200)
        temporary = f"modelport/temporary:{uuid.uuid4().hex}"
        try:
            job = {"do": "install", "lock": lock, "environment": "/opt/env"}
            with self._recipe(base, job, report, result, told, read_only=False) as ended:
                self._check(ended, told, "Installing the packages")
                packages = tuple(Package(name, version) for name, version in json.loads(result))
                report.line("Keeping the environment")
                source = self._commit(ended.container, temporary, report)
            build = uuid.uuid4().hex
            labels = self._labels("environment") | {
                "modelport.base": base.digest,
                "modelport.key": key,
                "modelport.packages": " ".join(f"{package.name}=={package.version}" for package in packages),
            }
            dockerfile = _dockerfile(ENVIRONMENT, base=base.digest, build=build, source=source)
            context = tar_stream([text_file("Dockerfile", dockerfile)], report.check_cancelled)
            identity = build_image(self.engine, context, tag=tag, labels=labels, build=build, report=report, log=False)
        finally:
            remove_image(self.engine, temporary)
        report.line(f"Environment {key[:12]} has {len(packages)} packages")
        return EnvironmentImage(key, tag, identity, packages)

    def bundle(self, environment: EnvironmentImage, bundle: Bundle, *, name: str, labels: Mapping[str, str], report: Report) -> Built:
        tag, build = f"modelport/image:{_tag(name)}", uuid.uuid4().hex
        dockerfile = text_file("Dockerfile", _dockerfile(IMAGE, base=environment.digest, build=build))
        all_labels = {_label_key(key): _label_value(value) for key, value in labels.items()}
        all_labels |= self._labels("image") | {"modelport.bundle": bundle.digest, "modelport.environment": environment.key}
        context = tar_stream(_context(dockerfile, bundle.files), report.check_cancelled)
        identity = build_image(self.engine, context, tag=tag, labels=all_labels, build=build, report=report, log=False)
        found = inspect_image(self.engine, identity)
        size = found["Size"] if found else 0
        report.line(f"Image {identity[7:19]}: {len(bundle.files)} files, {memory_text(size)} with its environment")
        return Built(tag, identity, size)

    def probe(self, built: Built, *, memory: int, timeout: float, report: Report) -> Probe:
        reader = ProbeReader(report.line)
        config = host_config(self.engine, memory=memory, network="none", tmpfs={"/tmp": "size=64m,mode=1777,noexec,nosuid,nodev"})
        with ran(
            self.engine, image=built.digest, command=["probe"], config=config, labels=self._labels("probe"), report=report,
            timeout=timeout, stdout=reader.stdout, stderr=reader.stderr,
        ) as ended:  # fmt: skip
            return reader.result(
                code=ended.code, timed_out=timeout if ended.timed_out else None, out_of_memory=memory if ended.out_of_memory else None
            )

    def push(self, built: Built, report: Report) -> Built:
        if not self.registry:
            return built
        repository, tag = f"{self.registry}/modelport/image", built.location.rpartition(":")[2]
        with plain_errors("tag an image"):
            self.engine.api().tag(built.digest, repository, tag)
        report.line(f"Pushing to {self.registry}")
        digest = ""
        try:
            for event in stream(
                self.engine, f"/images/{repository}/push", doing="push an image", params={"tag": tag}, report=report,
                headers=self._credentials(repository),
            ):  # fmt: skip
                if "error" in event:
                    raise Unavailable("The image registry", without_credentials(clean(event["error"]))[:300])
                digest = (event.get("aux") or {}).get("Digest") or digest
        except BaseException:
            remove_image(self.engine, f"{repository}:{tag}")
            raise
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
            raise Unavailable("The image registry", "it took the image and did not say its digest")
        return Built(f"{repository}@{digest}", digest, built.size)

    def discard(self, location: str) -> None:
        remove_image(self.engine, location)

    # -- parts ---------------------------------------------------------------

    def _labels(self, kind: str) -> dict[str, str]:
        return {LABEL: self.installation, KIND: kind}

    def _recipe(self, base: Base, job: dict, report: Report, result: bytearray, told: deque, *, read_only: bool):
        """The recipe in a hardened container of the toolbox; what it prints goes to the log, its result to `result`."""
        toolbox = self._toolbox(base, report)
        certificates = {"certificates": "/opt/modelport-tools/ca.crt"} if self.index.certificates else {}
        body = json.dumps({**job, **self.index.job(), **certificates, "uv": "/opt/modelport-tools/uv"}).encode()

        def tell(text: str) -> None:
            told.append(text)
            report.line(without_credentials(text))

        log = Lines(tell)
        room = {"tmpfs": {"/tmp": "size=1g,mode=1777,nosuid,nodev"}} if read_only else {}
        config = host_config(self.engine, memory=self.memory, network="bridge", read_only=read_only, **room)
        return ran(
            self.engine, image=toolbox, command=["python3", "-I", "/opt/modelport-tools/recipe.py"], config=config,
            labels=self._labels(job["do"]), report=report, timeout=self.timeout, stdout=result.extend, stderr=log.feed,
            stdin=b"%d\n" % len(body) + body, entrypoint=[], working_dir="/tmp",
        )  # fmt: skip

    def _check(self, ended: Ended, told: deque, doing: str) -> None:
        if ended.timed_out:
            raise BuildFailed(
                f"{doing} took longer than {self.timeout:.0f} seconds: ask for fewer or more exact versions.", code="TimedOut"
            )
        if ended.out_of_memory:
            raise BuildFailed(f"{doing} needed more than {memory_text(self.memory)} of memory.", code="OutOfMemory")
        if ended.code:
            raise uv_errors.explain("\n".join(told), doing=doing)

    def _commit(self, container: str, temporary: str, report: Report) -> str:
        repository, _, tag = temporary.partition(":")
        with plain_errors("keep an environment"):
            identity = self.engine.api().commit(container, repository=repository, tag=tag)["Id"]
        report.check_cancelled()
        return identity

    def _toolbox(self, base: Base, report: Report) -> str:
        """The base with uv and the recipe; made once for each base, uv and recipe."""
        from uv import find_uv_bin

        binary, script = Path(find_uv_bin()), Path(recipe.__file__).read_bytes()
        certificates = Path(self.index.certificates).read_bytes() if self.index.certificates else b""
        state = binary.stat()
        parts = [base.digest, str(state.st_size), str(state.st_mtime_ns), hashlib.sha256(script + certificates).hexdigest(), TOOLBOX]
        tag = f"modelport/toolbox:{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:32]}"
        if found := inspect_image(self.engine, tag):
            return found["Id"]
        report.line("Preparing the tools for this base image (once)")
        build = uuid.uuid4().hex
        files = [
            text_file("Dockerfile", _dockerfile(TOOLBOX, base=base.digest, build=build)),
            text_file("tools/recipe.py", script),
            BundleFile("tools/uv", state.st_size, lambda: binary.open("rb"), 0o755),
            text_file("env/.keep", ""),
        ] + ([text_file("tools/ca.crt", certificates)] if certificates else [])
        context = tar_stream(files, report.check_cancelled)
        return build_image(self.engine, context, tag=tag, labels=self._labels("toolbox"), build=build, report=report, log=False)

    def _pull(self, reference: str, report: Report) -> None:
        repository, tag = _split(reference)
        told = ""
        for event in stream(
            self.engine, "/images/create", doing="pull an image", params={"fromImage": repository, "tag": tag}, report=report,
            headers=self._credentials(repository),
        ):  # fmt: skip
            if "error" in event:
                told = without_credentials(clean(event["error"]))
                if re.search(r"manifest (for .* )?(unknown|not found)", told, re.IGNORECASE):
                    raise BuildFailed(f"There is no base image {reference}: choose another Python version.", code="NoBaseImage")
                raise refused("pull an image", f"{reference} is not in the engine and could not be pulled ({told})")
            if event.get("id") and event.get("status") in ("Pull complete", "Download complete"):
                report.line(f"{event['id']}: {event['status']}")

    def _credentials(self, repository: str) -> dict[str, str]:
        from docker import auth

        with plain_errors("read the registry's credentials"), suppress(KeyError):
            registry, _ = auth.resolve_repository_name(repository)
            if header := auth.get_config_header(self.engine.api(), registry):
                return {"X-Registry-Auth": header}
        return {"X-Registry-Auth": "e30="}  # the engine wants the header; this is {}


def _context(dockerfile: BundleFile, files: tuple[BundleFile, ...]) -> Iterator[BundleFile]:
    yield dockerfile
    for file in files:
        yield BundleFile("root/" + checked(file.path), file.size, file.open, file.mode)


def _dockerfile(template: str, **values: str) -> str:
    for value in values.values():
        if not re.fullmatch(r"(sha256:)?[0-9a-f]{32,64}", value):
            raise ValueError(f"not an image id: {value!r}")
    return template.format(**values)


def _environment_tag(key: str) -> str:
    return f"modelport/env:{_tag(key)}"


def _tag(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,127}", name):
        raise ValueError(f"not a name made from a uuid: {name!r}")
    return name


def _label_key(key: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9._-]{0,62}", key):
        raise ValueError(f"not a label of ours: {key!r}")
    return key


def _label_value(value: str) -> str:
    """The engine puts label values between single quotes and expands what escapes them, so nothing may escape."""
    return quote(value, safe=" /:@.,=+-_()")[:2000]


def _split(reference: str) -> tuple[str, str]:
    if "@" in reference:
        repository, _, digest = reference.partition("@")
        return repository, digest
    head, slash, last = reference.rpartition("/")
    name, _, tag = last.partition(":")
    return head + slash + name, tag or "latest"
