"""How other people's code runs as child processes of this machine: what confines it, and what could not be confined.

Used by the directory builder (resolve, install, probe) and the process target (replicas) alike.
"""

from __future__ import annotations

import functools
import json
import os
import selectors
import signal
import stat
import subprocess
import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deployments.builds.builders.base import Report
from deployments.targets import process_child
from portal.errors import Unavailable
from portal.told import told

SYSTEM = told("This machine")
SUPERVISOR = [sys.executable, "-I", "-S", str(Path(process_child.__file__).resolve())]
LARGEST_FILE = 16 << 30


@dataclass(frozen=True, slots=True)
class Confinement:
    """`uid` is another user's number, or None where the code runs as the portal's own user. `notes` are for the log."""

    uid: int | None
    network: bool
    notes: tuple[str, ...]

    def job(self, *, argv: list[str], cwd: Path, home: Path, memory: int, environment: Mapping[str, str] | None = None, **more) -> dict:
        """The supervisor's job. The environment is made anew: nothing of the portal's own is in it."""
        clean = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "TMPDIR": str(home),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return {
            "argv": argv,
            "env": clean | dict(environment or {}),
            "cwd": str(cwd),
            "memory": memory,
            "uid": self.uid,
            "network": self.network,
            "file_size": LARGEST_FILE,
            **more,
        }

    def give(self, *folders: Path) -> None:
        """Make folders this code's own."""
        if self.uid:
            for folder in folders:
                os.chown(folder, self.uid, self.uid)


def confinement(name: str, *, network: bool, reads: list[Path], writes: list[Path]) -> Confinement:
    """What can be done here for the code called `name`, which must reach these paths to run."""
    notes = []
    uid = None
    if os.geteuid() == 0:
        unreachable = next((path for path in [*reads, *writes] if not reachable(path)), None)
        if unreachable is None:
            uid = 20_000 + zlib.crc32(name.encode()) % 20_000
        else:
            notes.append(f"It runs as the portal's own user (root, without its powers): another user cannot reach {unreachable}.")
    else:
        notes.append("It runs as the portal's own user, and could read what that user can read.")
    cut = not network and can_cut_the_network()
    if not network and not cut:
        notes.append("Its network could not be cut: this kernel does not allow it to this user.")
    notes.append("Memory is watched, CPU is shared: there are no hard limits without a container engine.")
    return Confinement(uid, not cut, tuple(notes))


def reachable(path: Path) -> bool:
    """May any other user get to this path, and to what it links to, and read it?"""
    try:
        folders = {*path.absolute().parents, *path.resolve().parents}
        mode = path.stat().st_mode
        return bool(
            all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)
            and mode & stat.S_IROTH
            and (mode & stat.S_IXOTH or not stat.S_ISDIR(mode))
        )
    except OSError:
        return False


@functools.cache
def can_cut_the_network() -> bool:
    try:
        return subprocess.run([*SUPERVISOR, "--can-cut-the-network"], capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def detach(job: dict) -> None:
    """Start a replica's supervisor in its own session; returns when it is on its own."""
    try:
        done = subprocess.run(
            SUPERVISOR, input=json.dumps({**job, "detach": True}).encode(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, env={"PATH": os.defpath}, cwd="/", timeout=30, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(SYSTEM, told("could not start a process: %(error)s", error=error)) from error
    if done.returncode:
        raise Unavailable(SYSTEM, told("could not start a process: %(error)s", error=f"exit code {done.returncode}"))


def run(job: dict, report: Report, *, stdout: Callable[[bytes], None], stderr: Callable[[bytes], None]) -> dict:
    """Run a child to its end; the supervisor's word on how it ended. A cancel kills it and what it started at once."""
    report.check_cancelled()
    ours, theirs = os.pipe()
    try:
        try:
            process = subprocess.Popen(
                SUPERVISOR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=(theirs,),
                start_new_session=True, env={"PATH": os.defpath}, cwd="/",
            )  # fmt: skip
        except OSError as error:
            raise Unavailable(SYSTEM, told("could not start a process: %(error)s", error=error)) from error
        finally:
            os.close(theirs)  # the supervisor has its own copy under the same number
        with process, report.on_cancel(lambda: process.send_signal(signal.SIGTERM)):
            try:
                with process.stdin:
                    process.stdin.write(json.dumps({**job, "status": theirs}).encode())
                how = _read(process, ours, stdout, stderr)
            except BaseException:
                # Also when we fail ourselves: the supervisor takes everything with it.
                process.terminate()
                raise
        if not how:
            raise Unavailable(SYSTEM, told("a process and its supervisor were killed"))
        return json.loads(how)
    finally:
        os.close(ours)


def _read(process: subprocess.Popen, status: int, stdout: Callable[[bytes], None], stderr: Callable[[bytes], None]) -> bytes:
    """Both streams and the status to their end."""
    how = bytearray()
    with selectors.DefaultSelector() as selector:
        for stream, take in ((process.stdout.fileno(), stdout), (process.stderr.fileno(), stderr), (status, how.extend)):
            selector.register(stream, selectors.EVENT_READ, take)
        while selector.get_map():
            for key, _ in selector.select():
                data = os.read(key.fd, 65536)
                if data:
                    key.data(data)
                else:
                    selector.unregister(key.fd)
    return bytes(how)
