"""Images as folders of this machine, for one where no container engine answers: a virtual environment and a bundle.

    <environments>/<key>/           the virtual environment; kept.json says that it is whole
    <images>/<name>/                app/, opt/modelport/, environment (path of the former), digest, labels.json

What must run (uv, the probe) runs confined as `deployments.targets.process_sandbox` can; the log says what it could not.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import time
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deployments.builds.builders import interpreters, recipe, uv_errors
from deployments.builds.builders.base import Base, Builder, BuildFailed, Built, Bundle, EnvironmentImage, Package, Probe, Report
from deployments.builds.builders.context import CHUNK, checked
from deployments.builds.builders.index import PackageIndex
from deployments.builds.builders.probing import ProbeReader
from deployments.lines import Lines, clean, memory_text, without_credentials
from deployments.targets import process_sandbox
from portal.errors import Unavailable
from portal.told import together, told

SYSTEM = process_sandbox.SYSTEM
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,127}")


class DirectoryBuilder(Builder):
    """`images` and `environments` are folders; `wheels` is one in which packages are looked for first, such as pyspark's.

    `memory` (bytes) and `timeout` (seconds) limit each process of a build.
    """

    image_format = "directory"
    recipe = recipe.RECIPE

    def __init__(
        self,
        *,
        images: str | Path,
        environments: str | Path,
        wheels: str | Path = "",
        index_url: str = "",
        extra_index_urls: tuple[str, ...] | list[str] = (),
        ca_bundle: str = "",
        memory: int = 4 << 30,
        timeout: float = 1800,
    ):
        self.images, self.environments = Path(images).absolute(), Path(environments).absolute()
        self.index = PackageIndex.from_options(index_url=index_url, extra_index_urls=extra_index_urls, ca_bundle=ca_bundle)
        self.wheels = Path(wheels).absolute() if wheels else None
        self.memory, self.timeout = memory, timeout

    def index_identity(self) -> str:
        return " ".join([self.index.identity(), *self._wheels("*")])

    def _wheels(self, package: str) -> list[str]:
        return sorted(wheel.name for wheel in self.wheels.glob(f"{package}.whl")) if self.wheels else []

    def base(self, runtime: str, python: str, report: Report) -> Base:
        if runtime == "spark-py":
            self._check_spark()
        elif runtime != "python":
            message = told("There is no runtime `%(runtime)s` here: choose python or spark-py.", runtime=clean(runtime)[:40])
            raise BuildFailed(message, code="UnknownRuntime")
        found = interpreters.find(python) if re.fullmatch(r"3\.\d{1,2}", python) else None
        if found is None:
            message = told("There is no Python %(python)s on this machine: choose another version.", python=clean(python)[:20])
            raise BuildFailed(message, code="UnknownPython")
        report.line(f"Python {found.version} of this machine ({found.path})")
        return Base(str(found.path), found.digest, python, found.platform)

    def resolve(self, base: Base, requirements: str, report: Report) -> str:
        with self._scratch() as scratch:
            return self._recipe(
                base, {"do": "resolve", "requirements": requirements}, told("Finding versions that fit together"), scratch, report
            )

    def find_environment(self, base: Base, key: str) -> EnvironmentImage | None:
        folder = self.environments / _checked_name(key)
        try:
            kept = json.loads((folder / "kept.json").read_bytes())
        except (OSError, ValueError):
            return None
        if kept["base"] != base.digest:
            return None
        return EnvironmentImage(key, str(folder), kept["digest"], tuple(Package(*package) for package in kept["packages"]))

    def install(self, base: Base, lock: str, key: str, report: Report) -> EnvironmentImage:
        folder = self.environments / _checked_name(key)
        # In its last place at once, for byte code and scripts name it; whole only when kept.json is there.
        with self._alone(key), self._scratch() as scratch:
            report.check_cancelled()
            if kept := self.find_environment(base, key):
                return kept
            shutil.rmtree(folder, ignore_errors=True)
            try:
                folder.mkdir()
                job = {"do": "install", "lock": lock, "environment": str(folder)}
                result = self._recipe(base, job, told("Installing the packages"), scratch, report, folder)
                packages = json.loads(result)
                digest = "sha256:" + hashlib.sha256(f"{base.digest}\n{lock}".encode()).hexdigest()
                _write(folder / "kept.json", json.dumps({"base": base.digest, "digest": digest, "packages": packages}))
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        report.line(f"Environment {key[:12]} has {len(packages)} packages")
        return EnvironmentImage(key, str(folder), digest, tuple(Package(*package) for package in packages))

    def bundle(self, environment: EnvironmentImage, bundle: Bundle, *, name: str, labels: Mapping[str, str], report: Report) -> Built:
        folder = self.images / _checked_name(name)
        paths = [checked(file.path) for file in bundle.files]
        part = self.images / f".{name}-{uuid.uuid4().hex}"
        digest = "sha256:" + hashlib.sha256(f"{environment.digest}\n{bundle.digest}".encode()).hexdigest()
        try:
            with _our_disk(told("write the image")):
                for top in ("app", "opt/modelport"):
                    (part / top).mkdir(parents=True)
                for file, path in zip(bundle.files, paths, strict=True):
                    target = part / path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    report.check_cancelled()
                    with file.open() as source, target.open("xb") as sink:
                        while chunk := source.read(CHUNK):
                            report.check_cancelled()
                            sink.write(chunk)
                    target.chmod(0o444)
                _write(part / "environment", environment.location)
                _write(part / "labels.json", json.dumps({**labels, "modelport.bundle": bundle.digest}))
                _write(part / "digest", digest)
                for top, _, _ in os.walk(part):
                    os.chmod(top, 0o755)
                report.check_cancelled()
                shutil.rmtree(folder, ignore_errors=True)
                part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        size = sum(file.size for file in bundle.files)
        report.line(f"Image {digest[7:19]}: {len(bundle.files)} files, {memory_text(size)} without its environment")
        return Built(str(folder), digest, size)

    def probe(self, built: Built, *, memory: int, timeout: float, report: Report) -> Probe:
        folder = Path(built.location)
        python = Path((folder / "environment").read_text()) / "bin" / "python"
        launcher = folder / "opt/modelport/launch.py"
        reader = ProbeReader(report.line)
        with self._scratch() as scratch:
            about = process_sandbox.confinement(built.digest, network=False, reads=[python, folder / "app", launcher], writes=[scratch])
            about.give(scratch)
            for note in about.notes:
                report.line(f"Note: {note}")
            job = about.job(argv=[str(python), str(launcher), "probe"], cwd=folder / "app", home=scratch, memory=memory, timeout=timeout)
            how = process_sandbox.run(job, report, stdout=reader.stdout, stderr=reader.stderr)
        if how["error"]:
            raise Unavailable(SYSTEM, how["error"])
        return reader.result(
            code=how["code"], timed_out=timeout if how["timed_out"] else None, out_of_memory=memory if how["out_of_memory"] else None
        )

    def push(self, built: Built, report: Report) -> Built:
        return built

    def discard(self, location: str) -> None:
        folder = Path(location)
        if folder.parent not in (self.images, self.environments) or not _NAME.fullmatch(folder.name):
            raise ValueError(f"not an image of this builder: {location!r}")
        with _our_disk(told("remove an image")):
            try:
                # First out of sight, so that nobody finds half of it.
                hidden = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
                folder.rename(hidden)
            except FileNotFoundError:
                return
            shutil.rmtree(hidden)

    def sweep(self, *, older_than: float) -> int:
        found, before = [], time.time() - older_than
        with _our_disk(told("look for what was left behind")):
            for folder in (self.images, self.environments):
                for entry in folder.iterdir() if folder.is_dir() else ():
                    half = entry.name.startswith(".") and entry.name != ".locks"
                    if folder == self.environments and not half and entry.name != ".locks":
                        half = not (entry / "kept.json").is_file()
                    if half and entry.stat().st_mtime < before:
                        found.append(entry)
        for entry in found:
            shutil.rmtree(entry, ignore_errors=True)
        return len(found)

    # -- parts ---------------------------------------------------------------

    def _check_spark(self) -> None:
        """Spark needs Java where replicas look for programs, and the wheel that an administrator has made."""
        if not shutil.which("java", path="/usr/local/bin:/usr/bin:/bin"):
            message = told(
                "There is no base for Spark on this machine: it has no Java. An administrator installs one, such as Debian's "
                "openjdk-17-jre-headless; an environment with a container engine needs none."
            )
            raise BuildFailed(message, code="NoBaseImage")
        if not self._wheels("pyspark-*"):
            message = told(
                "There is no base for Spark on this machine: pyspark is on the package index as source alone, and its wheel is not here."
            )
            cure = told("An administrator makes it with: %(command)s.", command="manage.py make_base spark-py --wheel")
            raise BuildFailed(together(message, cure), code="NoBaseImage")

    def _recipe(self, base: Base, job: dict, doing: str, scratch: Path, report: Report, *gives: Path) -> str:
        """The recipe as a confined child; it may use the network, and nothing of a user runs in it."""
        from uv import find_uv_bin

        binary, script, python = Path(find_uv_bin()).resolve(), Path(recipe.__file__).resolve(), Path(base.reference)
        name = f"{job['do']} {scratch.name}"
        about = process_sandbox.confinement(
            name, network=True, reads=[binary, script, python, *([self.wheels] if self._wheels("*") else [])], writes=[scratch, *gives]
        )
        about.give(scratch, *gives)
        for note in about.notes:
            report.line(f"Note: {note}")
        found = {"certificates": self.index.certificates} if self.index.certificates else {}
        found |= {"wheels": str(self.wheels)} if self._wheels("*") else {}
        body = json.dumps({**job, **self.index.job(), **found, "uv": str(binary)})
        result, heard = bytearray(), deque(maxlen=200)

        def tell(text: str) -> None:
            heard.append(text)
            report.line(without_credentials(text))

        log = Lines(tell)
        run = about.job(
            argv=[str(python), "-I", str(script)], cwd=scratch, home=scratch, memory=self.memory, timeout=self.timeout,
            input=f"{len(body.encode())}\n{body}", umask=0o022,
        )  # fmt: skip
        how = process_sandbox.run(run, report, stdout=result.extend, stderr=log.feed)
        log.close()
        if how["timed_out"]:
            raise uv_errors.took_too_long(doing, self.timeout)
        if how["out_of_memory"]:
            raise uv_errors.out_of_memory(doing, self.memory)
        if how["error"]:
            raise Unavailable(SYSTEM, how["error"])
        if how["code"]:
            raise uv_errors.explain("\n".join(heard), doing=doing)
        return result.decode()

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """A private folder for HOME, caches and temporary files: on the disk of the environments, so that uv can link."""
        with _our_disk(told("make a folder")):
            for folder in (self.environments, self.images):
                folder.mkdir(parents=True, exist_ok=True)
            scratch = self.environments / f".scratch-{uuid.uuid4().hex}"
            scratch.mkdir(mode=0o755)
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """One at a time installs an environment."""
        with _our_disk(told("lock an environment")):
            locks = self.environments / ".locks"
            locks.mkdir(parents=True, exist_ok=True)
            file = (locks / key).open("w")
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


@contextmanager
def _our_disk(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            full = told("could not %(do)s: no disk space left", do=doing)
            raise Unavailable(SYSTEM, full, code="InsufficientStorage", status=507) from error
        raise Unavailable(SYSTEM, told("could not %(do)s: %(error)s", do=doing, error=error.strerror or error)) from error


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o644)


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a name made from a uuid: {name!r}")
    return name
