"""What the gateway serves, as a value: made from the database by the caller, turned into files by `render`.

Everything here ends in a configuration file, so every field is checked against
the characters it may have; a value that does not fit is a `ValueError`.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields

NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,30}[a-z0-9]")
HEX_ID = re.compile(r"[0-9a-f]{32}")
SHA256 = re.compile(r"[0-9a-f]{64}")
TOKEN = re.compile(r"[A-Za-z0-9_.:-]{1,200}")
KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
ADDRESS = re.compile(r"(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\]):\d{1,5}|unix@/[A-Za-z0-9._/+@~-]{1,106}")
ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]{1,260}")


def check(pattern: re.Pattern[str], value: str, what: str) -> None:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"{what} cannot be used in the gateway: {value!r}")


@dataclass(frozen=True, slots=True)
class ReplicaRoute:
    """`address` is `ip:port` or `unix@/path`."""

    name: str
    address: str

    def __post_init__(self) -> None:
        check(TOKEN, self.name, "replica name")
        check(ADDRESS, self.address, "replica address")


@dataclass(frozen=True, slots=True)
class RevisionBackend:
    """One revision's replicas. `weight` is its share of the calls against the other revisions'; 0 is no call."""

    number: int
    weight: int
    digest: str
    nonce: str
    replicas: tuple[ReplicaRoute, ...] = ()

    def __post_init__(self) -> None:
        check(TOKEN, self.digest, "digest")
        check(TOKEN, self.nonce, "nonce")
        if self.number < 0 or self.weight < 0:
            raise ValueError("revision number and weight must not be negative")
        if len({replica.name for replica in self.replicas}) != len(self.replicas):
            raise ValueError("two replicas with one name")


@dataclass(frozen=True, slots=True)
class KeyRoute:
    """`sha256` is the lower-case hex hash of the whole key; `expires` is seconds since 1970, None for never."""

    key_id: str
    sha256: str
    expires: int | None = None

    def __post_init__(self) -> None:
        check(KEY_ID, self.key_id, "key id")
        check(SHA256, self.sha256, "key hash")


@dataclass(frozen=True, slots=True)
class ServiceRoute:
    """`access` is "key" or "public"; `state` is "running", "starting" or "stopped"; `max_body` bytes, `timeout` seconds.

    `repeatable` allows a second replica to be asked when the first closed without an answer. None takes the gateway's default.
    """

    group: str
    name: str
    id: str
    secret: str
    access: str = "key"
    state: str = "running"
    backends: tuple[RevisionBackend, ...] = ()
    keys: tuple[KeyRoute, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    max_body: int | None = None
    timeout: int | None = None
    repeatable: bool = False

    def __post_init__(self) -> None:
        check(NAME, self.group, "group name")
        check(NAME, self.name, "service name")
        check(HEX_ID, self.id, "service id")
        check(TOKEN, self.secret, "secret")
        for origin in self.allowed_origins:
            check(ORIGIN, origin, "origin")
        if self.access not in ("key", "public"):
            raise ValueError(f"unknown access {self.access!r}")
        if self.state not in ("running", "starting", "stopped"):
            raise ValueError(f"unknown state {self.state!r}")
        if len({backend.number for backend in self.backends}) != len(self.backends):
            raise ValueError("two backends for one revision")


@dataclass(frozen=True, slots=True)
class Routes:
    """Everything that is served. `generation` grows with every change; an older one never replaces a newer one."""

    generation: int
    services: tuple[ServiceRoute, ...] = ()

    def __post_init__(self) -> None:
        for what in ("id", "path"):
            seen = [s.id if what == "id" else (s.group, s.name) for s in self.services]
            if len(set(seen)) != len(seen):
                raise ValueError(f"two services with one {what}")

    def as_data(self) -> dict:
        """Plain lists and dictionaries, for JSON; `from_data` reads them back."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: dict) -> Routes:
        return cls(generation=data["generation"], services=tuple(_service(item) for item in data["services"]))


def _known(cls: type, data: dict) -> dict:
    """The entries this version knows: a file written by another version must not stop the gateway."""
    names = {field.name for field in fields(cls)}
    return {key: value for key, value in data.items() if key in names}


def _service(data: dict) -> ServiceRoute:
    values = _known(ServiceRoute, data)
    values["backends"] = tuple(_backend(item) for item in values.get("backends", ()))
    values["keys"] = tuple(KeyRoute(**_known(KeyRoute, item)) for item in values.get("keys", ()))
    values["allowed_origins"] = tuple(values.get("allowed_origins", ()))
    return ServiceRoute(**values)


def _backend(data: dict) -> RevisionBackend:
    values = _known(RevisionBackend, data)
    values["replicas"] = tuple(ReplicaRoute(**_known(ReplicaRoute, item)) for item in values.get("replicas", ()))
    return RevisionBackend(**values)
