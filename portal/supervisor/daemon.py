"""supervisord as a child process: started, asked and stopped.

The `supervisor` package keeps the processes running, restarts them and rotates their logs; here it is only driven.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
from django.conf import settings
from supervisor.xmlrpc import SupervisorTransport

from portal.supervisor.configuration import GROUP, render
from portal.supervisor.preflight import CannotStart
from portal.supervisor.processes import Process
from portal.supervisor.web import end_with_parent

#: a Unix socket's address ends here, less what supervisord adds while it binds
LONGEST_SOCKET = 90
STOP_SECONDS = 12


class Daemon:
    """The running supervisord and what it says about its processes."""

    def __init__(self, processes: list[Process]):
        self.processes = processes
        self.folder = settings.DATA_DIR / "run"
        self.socket = _socket_path(self.folder)
        self.child: subprocess.Popen | None = None

    def start(self) -> None:
        """Starts supervisord and with it everything else; raises CannotStart with its own words when it cannot."""
        end_leftovers(self.folder)
        configuration = self.folder / "supervisord.conf"
        try:
            text = render(self.processes, folder=self.folder, logs=settings.LOG_DIR, socket=self.socket, directory=settings.ROOT)
        except ValueError as error:
            raise CannotStart(str(error)) from None
        configuration.write_text(text)
        self.socket.unlink(missing_ok=True)
        with open(settings.LOG_DIR / "supervisord.out", "wb") as out:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "portal.supervisor.keeper", "-n", "-c", str(configuration)],
                cwd=settings.ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                # Its own session, so that a Ctrl-C at the terminal reaches only us and the order of stopping is ours.
                start_new_session=True,
                preexec_fn=partial(end_with_parent, signal.SIGTERM),
            )
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            with suppress(OSError, xmlrpc.client.Error):
                if self._proxy().supervisor.getState()["statename"] == "RUNNING":
                    return
            if self.child.poll() is not None:
                break
            time.sleep(0.1)
        raise CannotStart("The supervisor did not start: " + tail(settings.LOG_DIR / "supervisord.out", 3))

    def observe(self) -> dict[str, dict]:
        """What supervisord knows now, by process name: `statename`, `pid`, `start`, `exitstatus`, `spawnerr` ...

        Raises CannotStart when supervisord itself is gone.
        """
        try:
            rows = self._proxy().supervisor.getAllProcessInfo()
        except (OSError, xmlrpc.client.Error) as error:
            raise CannotStart(f"The supervisor is gone: {error}") from error
        with suppress(OSError):  # a full disk
            _remember(self.folder, [row["pid"] for row in rows if row["pid"]])
        return {row["name"]: row for row in rows}

    def start_process(self, name: str) -> None:
        with suppress(OSError, xmlrpc.client.Error):
            self._proxy().supervisor.startProcess(f"{GROUP}:{name}", False)

    def stop(self) -> None:
        """Ends every process, then supervisord; what does not end in time is killed."""
        if self.child is None:
            return
        self.child.terminate()
        try:
            self.child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child = None
        end_leftovers(self.folder)
        self.socket.unlink(missing_ok=True)

    def _proxy(self) -> xmlrpc.client.ServerProxy:
        return xmlrpc.client.ServerProxy("http://supervisor", transport=SupervisorTransport(None, None, f"unix://{self.socket}"))


def tail(path: Path, lines: int = 1) -> str:
    """The last lines of a log that say something."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - 16_384))
            said = [line for line in file.read(16_384).decode(errors="replace").splitlines() if line.strip()]
    except FileNotFoundError:
        return ""
    return "\n".join(said[-lines:])


def alive(folder: Path) -> list[psutil.Process]:
    """The processes that the supervisor of this folder was last seen to run, as far as they still do."""
    found = []
    for pid, started in _remembered(folder):
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            # A number is given to another process later; the time of its start tells them apart.
            if abs(process.create_time() - started) < 0.5:
                found.append(process)
    return found


def end_leftovers(folder: Path) -> None:
    """Ends processes of an earlier start whose supervisor was killed before it could."""
    found = []
    for process in alive(folder):
        with suppress(psutil.Error):
            found += [*process.children(recursive=True), process]
    for process in found:
        with suppress(psutil.Error):
            process.terminate()
    for process in psutil.wait_procs(found, timeout=5)[1]:
        with suppress(psutil.Error):
            process.kill()
    (folder / "processes.json").unlink(missing_ok=True)


def _remember(folder: Path, pids: list[int]) -> None:
    path = folder / "processes.json"
    if {pid for pid, _ in _remembered(folder)} == set(pids):
        return
    rows = []
    for pid in pids:
        with suppress(psutil.Error):
            rows.append((pid, psutil.Process(pid).create_time()))
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(rows))
    temporary.replace(path)


def _remembered(folder: Path) -> list[tuple[int, float]]:
    try:
        return [(int(pid), float(started)) for pid, started in json.loads((folder / "processes.json").read_text())]
    except (FileNotFoundError, ValueError):
        return []


def _socket_path(folder: Path) -> Path:
    path = folder / "supervisor.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET:
        return path
    short = Path(tempfile.gettempdir()) / f"modelport-{os.getuid()}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.stat().st_uid != os.getuid() or short.is_symlink():
        raise CannotStart(f"{short} belongs to somebody else; choose a MODELPORT_DATA with a shorter path.")
    return short / "supervisor.sock"
