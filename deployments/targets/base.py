"""The port behind which replicas run.

A target is told *what should be running*, not to start one thing, so every verb
is safe to repeat. Health, rollout, keys and routing are above the port and are
written once; a target knows processes or containers and nothing else.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from portal.errors import Unavailable
from portal.told import told
from registry.runtimes import THREADS


class ReplicaState(StrEnum):
    """What the target itself can see; readiness is asked of the replica over HTTP."""

    STARTING = "starting"
    RUNNING = "running"
    EXITED = "exited"


@dataclass(frozen=True, slots=True)
class Spec:
    """What should be running for one revision of one service.

    `name` is derived from uuids, never from people's words. `image` is the
    location recorded by the builder and `digest` what the running thing must
    have been started from. `cpu` is in cores, `memory` in bytes.
    """

    name: str
    image: str
    digest: str
    replicas: int
    cpu: float
    memory: int
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    #: how many; -1 is all that the machine has
    gpus: int = 0
    #: processes and threads a replica may have; only a target with containers holds them to it
    threads: int = THREADS

    def fingerprint(self) -> str:
        """Everything that makes one replica what it is; how many there are is no part of it."""
        parts = [self.name, self.image, self.digest, self.cpu, self.memory, sorted(self.environment.items()), sorted(self.labels.items())]
        # Only where there are some, so that what ran before there was such a wish is still what is wanted.
        parts += [self.gpus] if self.gpus else []
        parts += [f"threads {self.threads}"] if self.threads != THREADS else []
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ObservedReplica:
    """One replica as the target sees it now.

    `address` is `host:port` or `unix@/path`, the form HAProxy dials; empty while
    there is none. `detail` is one sentence when something is wrong ("Killed: out
    of memory (limit 256 MiB)"). `digest_matches` is false when the running thing
    was not started from the image asked for.
    """

    name: str
    state: ReplicaState
    address: str
    started_at: datetime | None = None
    exit_code: int | None = None
    detail: str = ""
    digest_matches: bool = True


@dataclass(frozen=True, slots=True)
class Check:
    """One line of *Test connection*: what was looked at, whether it holds, and the cure.

    Without what is `needed` nothing runs; the others are limits that somebody should know of.
    """

    name: str
    ok: bool
    detail: str
    cure: str = ""
    needed: bool = True
    #: what the machine has, from the check that has seen it; bytes
    cores: float | None = None
    memory: int | None = None


class Target(ABC):
    """Where services run. Implementations pass tests/deployments/contracts.py.

    Faults of the outside system are raised as `portal.errors.Unavailable`; an
    SDK's own exceptions never leave the implementation.
    """

    #: the image format this target can run: "oci" or "directory"
    image_format: str = ""
    #: the title people read: "Docker Engine", "Processes on this machine"
    title: str = ""
    #: what it is good for and what it needs, for who chooses one
    about: str = ""

    @abstractmethod
    def apply(self, spec: Spec) -> None:
        """Make it so. The same spec again changes nothing; exited replicas are replaced."""

    @abstractmethod
    def observe(self, name: str) -> list[ObservedReplica]:
        """The replicas of this spec name, sorted by name; [] if there is none."""

    @abstractmethod
    def remove(self, name: str, *, grace: float = 10.0) -> None:
        """Stop (SIGTERM, then SIGKILL after `grace` seconds) and remove. Already gone is success."""

    @abstractmethod
    def remove_replica(self, name: str, replica: str, *, grace: float = 10.0) -> None:
        """Remove one replica, so that the next apply starts a new one."""

    @abstractmethod
    def names(self) -> set[str]:
        """Every spec name this portal has something for here, so that left-overs can be removed."""

    @abstractmethod
    def logs(self, name: str, replica: str, *, lines: int = 200) -> list[str]:
        """The last lines a replica printed (standard output and error), oldest first.

        Works for an exited replica too, until it is removed or replaced.
        """

    @abstractmethod
    def follow(self, name: str, replica: str, *, since: datetime | None = None) -> Iterator[tuple[datetime, str]]:
        """Timestamped lines as they are printed; ends when the replica does. Closing it lets go of the stream."""

    @abstractmethod
    def usage(self, name: str) -> dict[str, tuple[float, int]]:
        """replica name -> (cores in use, resident bytes), as measured now."""

    @abstractmethod
    def check(self) -> list[Check]:
        """Is the outside system there and able to run things?"""

    def offers_gpus(self) -> bool:
        """May a spec ask for GPUs?"""
        return False


def image_gone(system: str, name: str, spec: Spec) -> Unavailable:
    """The image that a revision wants is not where replicas are started."""
    return Unavailable(
        system, told("the image %(image)s is not here any more (%(digest)s): build it again", image=name, digest=spec.digest[:19])
    )


def other_image(system: str, name: str, spec: Spec) -> Unavailable:
    """There is an image of that name, with another digest."""
    return Unavailable(
        system, told("the image %(image)s is not the one asked for (%(digest)s): build it again", image=name, digest=spec.digest[:19])
    )
