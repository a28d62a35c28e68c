"""The port behind which images are made.

`deployments.builds.build` drives the named steps of a build through these verbs,
writes the log and keeps the cache; a builder knows containers or virtual
environments and nothing else. User text reaches a builder only as data: never in
a Dockerfile, a shell line or a build argument.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol


class BuildFailed(Exception):
    """The user's fault: `message` is one sentence (`portal.told`), `file` and `line` say what to change, when known; `cure` is of builds.cures.

    A builder sees only the normalised requirements, so it names the `package`; `Requirements.place` turns that
    into the line of the person's own file.
    """

    def __init__(self, message: str, *, code: str = "BuildFailed", file: str = "", line: int | None = None, package: str = ""):
        super().__init__(message)
        self.message, self.code, self.file, self.line, self.package = message, code, file, line, package
        self.cure: dict | None = None


class Cancelled(Exception):
    """Somebody cancelled; raised by whatever was waiting."""


class Report(Protocol):
    """How a step talks while it runs."""

    def line(self, text: str) -> None:
        """One line for the step's log."""

    def check_cancelled(self) -> None:
        """Raises Cancelled once somebody has cancelled."""

    def on_cancel(self, act: Callable[[], None]) -> AbstractContextManager[None]:
        """While inside, `act` is called (from another thread, at once) when somebody cancels.

        If the build is cancelled already, `act` is called on entry. On exit, Cancelled is
        raised if the build was cancelled meanwhile, whatever error the act caused.
        """


@dataclass(frozen=True, slots=True)
class Base:
    """What an environment is installed on: a base image, or an interpreter of this machine."""

    reference: str
    digest: str
    python: str
    platform: str


@dataclass(frozen=True, slots=True)
class Package:
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class EnvironmentImage:
    """Installed packages on a base, kept under `key` and shared by many images."""

    key: str
    location: str
    digest: str
    packages: tuple[Package, ...]


@dataclass(frozen=True, slots=True)
class BundleFile:
    """One file of the bundle: a relative POSIX path and a way to open its bytes, late."""

    path: str
    size: int
    open: Callable[[], BinaryIO]
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything that is copied into an image on top of its environment.

    Paths start with `app/` (the user's files; the working directory) or
    `opt/modelport/` (the runtime, `launch.py` and `bundle.json`). `digest` is the
    sha256 over the sorted (path, content digest) list; `bundle.json` names it.
    """

    digest: str
    files: tuple[BundleFile, ...]


@dataclass(frozen=True, slots=True)
class Built:
    """`location` is what a target is given; `digest` what it checks; `size` is in bytes."""

    location: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Probe:
    """What the first start said: `ok`, the answer to the schema's sample, or the user's own traceback."""

    ok: bool
    message: str = ""
    sample_result: object = None
    details: Mapping[str, object] = field(default_factory=dict)


class Builder(ABC):
    """Makes images. Implementations pass tests/deployments/contracts.py.

    Every verb may raise `BuildFailed` (the user's fault), `portal.errors.Unavailable`
    (ours; the build is tried again) or `Cancelled`, and leaves nothing half-made.
    """

    #: "oci" or "directory"
    image_format: str = ""
    #: raised when the same lock would give another environment; part of an environment's key
    recipe: int = 0

    @abstractmethod
    def index_identity(self) -> str:
        """Which package indexes are asked; part of the key under which a lock is kept."""

    @abstractmethod
    def base(self, runtime: str, python: str, report: Report) -> Base:
        """Find (or pull) the base for a runtime ("python", "spark-py") and Python version ("3.11")."""

    @abstractmethod
    def resolve(self, base: Base, requirements: str, report: Report) -> str:
        """Normalised requirement lines -> a lock with exact versions and hashes; wheels only."""

    @abstractmethod
    def find_environment(self, base: Base, key: str) -> EnvironmentImage | None:
        """The environment kept under `key`, if it is still there."""

    @abstractmethod
    def install(self, base: Base, lock: str, key: str, report: Report) -> EnvironmentImage:
        """Install the lock with byte code compiled, and keep it under `key`."""

    @abstractmethod
    def bundle(self, environment: EnvironmentImage, bundle: Bundle, *, name: str, labels: Mapping[str, str], report: Report) -> Built:
        """One layer on top of the environment. `name` is derived from a uuid."""

    @abstractmethod
    def probe(self, built: Built, *, memory: int, timeout: float, report: Report) -> Probe:
        """Start it once with no network: import, init(), run() with the schema's sample."""

    @abstractmethod
    def push(self, built: Built, report: Report) -> Built:
        """To the configured registry, by digest; without one, the same value back."""

    @abstractmethod
    def discard(self, location: str) -> None:
        """Remove an image that is not wanted (cancelled, failed, deleted). Already gone is success."""

    def sweep(self, *, older_than: float) -> int:
        """Remove what builds of a killed worker left behind, when it is older than so many seconds; how much it was."""
        return 0
