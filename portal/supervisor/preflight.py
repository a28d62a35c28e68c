"""What is looked at before anything starts; each fault is one sentence that names the setting and the cure."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
from contextlib import contextmanager

from django.conf import settings


class CannotStart(Exception):
    """One sentence for the person at the console."""


#: less than this on the data folder's disk and a first build would not fit
LEAST_FREE_BYTES = 2 * 2**30


@contextmanager
def only_one():
    """Holds the data folder for this process; a second portal on the same folder would tear its broker and gateway apart."""
    path = settings.DATA_DIR / "run" / "start.lock"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with open(path, "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise CannotStart(
                f"The portal is already running on {settings.DATA_DIR} (process {file.read().strip() or 'unknown'}): {settings.PORTAL_URL}  "
                "Stop it with: make stop"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def running_pid() -> int | None:
    """The process of the portal that holds this data folder, if one does."""
    path = settings.DATA_DIR / "run" / "start.lock"
    try:
        with open(path) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read().strip() or 0) or None
    except FileNotFoundError:
        pass
    return None


def check_ports() -> None:
    """Raises CannotStart naming the first setting whose port is taken or may not be used."""
    wanted = [
        ("MODELPORT_PORT", settings.HOST, settings.PORT),
        ("MODELPORT_GATEWAY_PORT", settings.GATEWAY_HOST, settings.GATEWAY_PORT),
        ("MODELPORT_OBSERVER_PORT", "127.0.0.1", settings.OBSERVER_PORT),
    ]
    seen: dict[int, str] = {}
    for name, host, port in wanted:
        if port in seen:
            raise CannotStart(f"{name} and {seen[port]} are both {port}; give them two ports: make run {name}={free_port(host, port + 1)}")
        seen[port] = name
        fault = port_fault(host, port)
        if fault == errno.EADDRINUSE:
            raise CannotStart(f"{name} {port} is taken by another program; choose another: make run {name}={free_port(host, port + 10)}")
        if fault == errno.EACCES:
            raise CannotStart(
                f"{name} {port} may not be used by this account; choose one above 1023: make run {name}={free_port(host, 8080)}"
            )
        if fault:
            raise CannotStart(f"{name} {port} cannot be opened on {host}: {os.strerror(fault)}.")


def port_fault(host: str, port: int) -> int:
    """0 when a server could listen there now, else the errno that it would meet."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        return errno.EADDRNOTAVAIL
    with socket.socket(family, kind, protocol) as probe:
        # As the servers do: connections of a portal that has just stopped do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            return error.errno or errno.EINVAL
    return 0


def free_port(host: str, start: int) -> int:
    """The first port from `start` on that could be used now."""
    taken = {settings.PORT, settings.GATEWAY_PORT, settings.OBSERVER_PORT}
    return next(port for port in range(max(start, 1024), 65536) if port not in taken and not port_fault(host, port))


def check_disk() -> None:
    free = shutil.disk_usage(settings.DATA_DIR).free
    if free < LEAST_FREE_BYTES:
        raise CannotStart(
            f"MODELPORT_DATA {settings.DATA_DIR} has {free / 2**30:.1f} GB free and needs {LEAST_FREE_BYTES / 2**30:.0f}; "
            "make room, or choose another folder: make run MODELPORT_DATA=/path/to/folder"
        )
