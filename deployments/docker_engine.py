"""What the Docker builder and the Docker target share: a connection, plain errors, plain text.

The SDK is imported inside functions, so that a portal on a machine without Docker starts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from portal.errors import Unavailable

SYSTEM = "Docker Engine"

#: On everything we make in an engine; its value is the installation's id, so that two portals can share one engine.
LABEL = "modelport"
KIND = "modelport.kind"

#: The user of every container of ours. No such account exists in the base images, on purpose.
UID = 10001

#: What a container that runs other people's code may never have; checked in the tests from inside.
HARDENED: dict[str, Any] = {
    "user": f"{UID}:{UID}",
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "pids_limit": 256,
    "init": True,
    "ipc_mode": "private",
    "restart_policy": {"Name": "no"},
}


def ulimits() -> list:
    import docker.types

    return [docker.types.Ulimit(name="nofile", soft=4096, hard=4096), docker.types.Ulimit(name="core", soft=0, hard=0)]


class Engine:
    """One engine; a client a thread, since a cancel arrives from another thread than the work."""

    def __init__(self, base_url: str | None = None, *, timeout: int = 60):
        self.base_url, self.timeout = base_url, timeout
        self._local = threading.local()

    def client(self) -> Any:
        """A connected client. Raises Unavailable when nobody answers."""
        import docker

        client = getattr(self._local, "client", None)
        if client is None:
            with plain_errors("connect"):
                options = {"timeout": self.timeout}
                client = docker.DockerClient(base_url=self.base_url, **options) if self.base_url else docker.from_env(**options)
            self._local.client = client
        return client

    def forget(self) -> None:
        """Drop this thread's connection; the next call makes a new one."""
        client = self._local.__dict__.pop("client", None)
        if client is not None:
            client.close()


@contextmanager
def plain_errors(doing: str, *, missing_is_fine: bool = False) -> Iterator[None]:
    """SDK and transport errors become Unavailable, so that no caller needs to know the SDK."""
    import docker.errors
    import requests.exceptions
    import urllib3.exceptions

    try:
        yield
    except docker.errors.NotFound as error:
        if not missing_is_fine:
            raise Unavailable(SYSTEM, f"could not {doing}: {explanation(error)}") from error
    except docker.errors.DockerException as error:
        text = explanation(error)
        if "no space left on device" in text.lower():
            raise Unavailable(SYSTEM, f"could not {doing}: no disk space left", code="InsufficientStorage", status=507) from error
        raise Unavailable(SYSTEM, f"could not {doing}: {text}") from error
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise Unavailable(SYSTEM, f"could not {doing}: {clean(str(error))[:300]}") from error


def explanation(error: Exception) -> str:
    return clean(str(getattr(error, "explanation", "") or error))[:300]


def clean(text: str) -> str:
    """One printable line: control characters, escape sequences and broken surrogates do not reach logs or pages."""
    return "".join(c if c == "\t" or (c.isprintable() and not 0xD800 <= ord(c) <= 0xDFFF) else " " for c in text).rstrip()


class Lines:
    """Bytes in, whole clean lines out; long lines are cut and a flood is counted instead of kept."""

    LONGEST = 4_000

    def __init__(self, out: Callable[[str], None], *, limit: int = 5 << 20):
        self._out, self._left, self._rest, self.dropped = out, limit, b"", 0

    def feed(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._emit(line)
        if len(self._rest) > self.LONGEST:
            self._emit(self._rest[: self.LONGEST])
            self._rest = self._rest[-1:] if self._rest.endswith(b"\n") else b""

    def close(self) -> None:
        if self._rest:
            self._emit(self._rest)
            self._rest = b""
        if self.dropped:
            self._out(f"[{self.dropped} more lines were not kept: the log is full]")

    def _emit(self, raw: bytes) -> None:
        raw = raw.rsplit(b"\r", 1)[-1] if b"\r" in raw.rstrip(b"\r") else raw
        if self._left <= 0:
            self.dropped += 1
            return
        self._left -= len(raw) + 1
        self._out(clean(raw[: self.LONGEST].decode("utf-8", "replace")))


def memory_text(size: int) -> str:
    return f"{size / (1 << 30):g} GiB" if size >= 1 << 30 and size % (1 << 28) == 0 else f"{size // (1 << 20)} MiB"


def gone(error: Exception) -> bool:
    """Is this the engine saying that the thing is not there (any more), or is being removed already?"""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status == 404 or (status == 409 and "removal" in str(error))


def remove_container(engine: Engine, container_id: str) -> None:
    """Force it away, running or not. Already gone is success."""
    import docker.errors

    with plain_errors("remove a container"):
        try:
            engine.client().api.remove_container(container_id, force=True, v=True)
        except docker.errors.APIError as error:
            if not gone(error):
                raise


def image_id(engine: Engine, reference: str) -> str | None:
    """The engine's id of an image, or None when it has none of that name."""
    import docker.errors

    with plain_errors("look at an image"):
        try:
            return engine.client().api.inspect_image(reference)["Id"]
        except docker.errors.ImageNotFound:
            return None
