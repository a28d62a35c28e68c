"""Services as child processes of this machine, for one where no container engine answers.

Each replica has a supervisor of its own (`process_child.py`) in its own session: web, worker and observer may restart,
replicas stay and are found again by their files, where process number, boot and start time say which process is meant.

    <folder>/<spec>/<replica>/  replica.json (what was asked for), pid.json, exit.json, log*, home/, run/s (the socket)
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil
from django.utils.translation import gettext_lazy as _

from deployments.targets import process_logs, process_sandbox
from deployments.targets.base import Check, ObservedReplica, ReplicaState, Spec, Target, image_gone, other_image
from deployments.targets.endings import ending
from deployments.targets.process_child import started
from portal.errors import Unavailable
from portal.told import told

SYSTEM = process_sandbox.SYSTEM

#: a socket's address is at most 108 bytes long, and HAProxy takes some off
LONGEST_SOCKET = 97
#: what an address in HAProxy's configuration may hold without quotes
PLAIN_PATH = re.compile(r"/[A-Za-z0-9._/+@~-]+")

#: a supervisor that has not written its number after so many seconds will not
BIRTH = 15.0

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class _Replica:
    """One replica as its files say. `pid` and `child` are 0 unless exactly that process is alive."""

    folder: Path
    asked: dict
    pid: int
    child: int
    started_at: datetime | None
    ended: dict | None
    young: bool

    @property
    def name(self) -> str:
        return self.folder.name


class ProcessTarget(Target):
    """`folder` keeps the state of all replicas; whoever has the same folder sees the same replicas."""

    image_format = "directory"
    title = "Processes on this machine"
    about = _(
        "Every replica is a process of the portal's own machine. For one person's laptop: nothing has to be installed, and little stands between a model's code and the machine."
    )

    #: the last CPU reading of a process, since use is a difference; shared, for a target lives as long as one call
    _readings: dict[tuple[int, float], tuple[float, float]] = {}

    def __init__(self, *, folder: str | Path):
        self.folder = Path(folder)

    # -- what should be ------------------------------------------------------

    def apply(self, spec: Spec) -> None:
        image = self._image(spec)
        with self._alone(spec.name):
            wanted = spec.fingerprint()
            found = self._replicas(spec.name)
            good = [one for one in found if one.asked.get("fingerprint") == wanted and one.ended is None and (one.pid or one.young)]
            good.sort(key=lambda one: one.asked["at"])
            bad = [one for one in found if one not in good]
            for _ in range(spec.replicas - len(good)):
                self._start(spec, image, wanted)
            self._stop(bad + good[spec.replicas :], grace=10.0)

    def remove(self, name: str, *, grace: float = 10.0) -> None:
        with self._alone(name):
            self._stop(self._replicas(name), grace=grace)
            with suppress(OSError):
                self._spec_folder(name).rmdir()

    def remove_replica(self, name: str, replica: str, *, grace: float = 10.0) -> None:
        with self._alone(name):
            self._stop([one for one in self._replicas(name) if one.name == replica], grace=grace)

    # -- what is -------------------------------------------------------------

    def observe(self, name: str) -> list[ObservedReplica]:
        return [self._observed(one) for one in self._replicas(name)]

    def names(self) -> set[str]:
        try:
            return {
                entry.name for entry in self.folder.iterdir() if entry.is_dir() and not entry.name.startswith(".") and any(entry.iterdir())
            }
        except OSError:
            return set()

    def logs(self, name: str, replica: str, *, lines: int = 200) -> list[str]:
        return process_logs.tail(self._spec_folder(name) / replica / "log", lines) if _NAME.fullmatch(replica) else []

    def follow(self, name: str, replica: str, *, since: datetime | None = None) -> Iterator[tuple[datetime, str]]:
        if not _NAME.fullmatch(replica):
            return iter(())
        folder = self._spec_folder(name) / replica

        def ended() -> bool:
            one = self._read(folder)
            return one is None or one.ended is not None or not (one.pid or one.young)

        return process_logs.follow(folder / "log", ended, since)

    def usage(self, name: str) -> dict[str, tuple[float, int]]:
        alive = [one for one in self._replicas(name) if one.child]
        first = {one.name: self._reading(one.child) for one in alive}
        new = [one for one in alive if (now := first[one.name]) and now[0] not in self._readings]
        for one in new:
            identity, cpu, at, _ = first[one.name]
            self._readings[identity] = (cpu, at)
        if new:
            time.sleep(0.25)
        found = {}
        for one in alive:
            if not (reading := self._reading(one.child)):
                continue
            identity, cpu, at, memory = reading
            before, then = self._readings.get(identity, (cpu, at - 1))
            self._readings[identity] = (cpu, at)
            found[one.name] = (max(cpu - before, 0.0) / max(at - then, 1e-3), memory)
        return found

    def check(self) -> list[Check]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            return [Check("The folder of the replicas can be written", False, str(error), f"Let the portal's user write to {self.folder}.")]
        about = process_sandbox.confinement("check", network=False, reads=[], writes=[self.folder])
        cores, memory = psutil.cpu_count() or 1, psutil.virtual_memory().total
        checks = [Check("The folder of the replicas can be written", True, str(self.folder), cores=cores, memory=memory)]
        cut = process_sandbox.can_cut_the_network()
        cure = "" if cut else "Run the portal as root or on a kernel with user namespaces, or use a Docker Engine."
        checks.append(
            Check(
                "Replicas have no network", cut, "They are called through a socket." if cut else "It could not be cut.", cure, needed=False
            )
        )
        own = about.uid is not None
        cure = "" if own else "Fine for one person's laptop; for several people use a Docker Engine."
        detail = "Each service runs as a user of its own." if own else about.notes[0]
        checks.append(Check("Replicas run as another user", own, detail, cure, needed=False))
        return checks

    # -- parts ---------------------------------------------------------------

    def _spec_folder(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a name made from a uuid: {name!r}")
        return self.folder / name

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        """One at a time changes what runs for a spec, whichever process it is."""
        self._spec_folder(name)
        locks = self.folder / ".locks"
        try:
            locks.mkdir(parents=True, exist_ok=True)
            with (locks / name).open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise Unavailable(SYSTEM, told("the replicas' files cannot be written: %(error)s", error=error.strerror)) from error

    def _image(self, spec: Spec) -> Path:
        image = Path(spec.image)
        try:
            digest = (image / "digest").read_text().strip()
        except OSError as error:
            raise image_gone(SYSTEM, image.name, spec) from error
        if digest != spec.digest:
            raise other_image(SYSTEM, image.name, spec)
        return image

    def _start(self, spec: Spec, image: Path, wanted: str) -> None:
        environment = Path((image / "environment").read_text().strip())
        folder = self._spec_folder(spec.name) / f"{spec.name}-{uuid.uuid4().hex[:8]}"
        home, run = folder / "home", folder / "run"
        python = environment / "bin" / "python"
        socket = self._socket(run)
        asked = {
            "fingerprint": wanted, "image": spec.image, "digest": spec.digest, "memory": spec.memory, "socket": str(socket),
            "labels": dict(spec.labels), "at": time.time(),
        }  # fmt: skip
        # Whole at once: whoever looks meanwhile must not take it for a dead one.
        unborn = folder.with_name(f".{folder.name}")
        for inner in ("home", "run"):
            (unborn / inner).mkdir(parents=True, mode=0o700)
        (unborn / "replica.json").write_text(json.dumps(asked))
        unborn.rename(folder)
        reads = [python, environment, image, image / "app", image / "opt/modelport/launch.py"]
        about = process_sandbox.confinement(spec.name, network=False, reads=reads, writes=[folder])
        about.give(home, run, *([] if socket.parent == run else [socket.parent]))
        job = about.job(
            argv=[str(python), str(image / "opt/modelport/launch.py"), "serve", "--unix", str(socket)],
            cwd=image / "app",
            home=home,
            memory=spec.memory,
            environment=spec.environment,
            log=str(folder / "log"),
            pid_file=str(folder / "pid.json"),
            exit_file=str(folder / "exit.json"),
        )
        try:
            process_sandbox.detach(job)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _socket(self, run: Path) -> Path:
        """In the replica's folder, or, where that path is too long or has characters HAProxy cannot read, in a short private one of its own."""
        socket = run / "s"
        if len(os.fsencode(socket)) <= LONGEST_SOCKET and PLAIN_PATH.fullmatch(str(socket)):
            return socket
        top = Path(tempfile.gettempdir()) / f"modelport-{hashlib.sha256(os.fsencode(self.folder.resolve())).hexdigest()[:16]}"
        if len(os.fsencode(top)) > LONGEST_SOCKET - 20:
            top = Path("/tmp") / top.name
        top.mkdir(mode=0o711, exist_ok=True)
        if top.is_symlink() or top.stat().st_uid != os.geteuid():
            raise Unavailable(SYSTEM, told("%(path)s belongs to somebody else: remove it", path=top))
        short = top / hashlib.sha256(os.fsencode(run)).hexdigest()[:12]
        short.mkdir(mode=0o700, exist_ok=True)
        return short / "s"

    def _stop(self, replicas: list[_Replica], *, grace: float) -> None:
        """All at once: they have the same time to finish what they are doing."""
        for one in replicas:
            _signal(one.pid, signal.SIGTERM)
        self._wait(replicas, grace)
        for one in replicas:
            if (now := self._read(one.folder)) and now.pid and now.child:
                with suppress(ProcessLookupError):
                    os.killpg(now.child, signal.SIGKILL)
        self._wait(replicas, 3.0)
        for one in replicas:
            if now := self._read(one.folder):
                _signal(now.pid, signal.SIGKILL)
            socket = Path(one.asked.get("socket", one.folder / "run/s"))
            if not socket.is_relative_to(self.folder):
                shutil.rmtree(socket.parent, ignore_errors=True)
            shutil.rmtree(one.folder, ignore_errors=True)

    def _wait(self, replicas: list[_Replica], seconds: float) -> None:
        end = time.monotonic() + seconds
        while any((now := self._read(one.folder)) and now.pid for one in replicas) and time.monotonic() < end:
            time.sleep(0.05)

    def _replicas(self, name: str) -> list[_Replica]:
        folder = self._spec_folder(name)
        try:
            entries = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
        except OSError:
            return []
        return [one for one in (self._read(entry) for entry in entries) if one is not None]

    def _read(self, folder: Path) -> _Replica | None:
        if not folder.is_dir():
            return None
        asked, born, ended = (_json(folder / name) for name in ("replica.json", "pid.json", "exit.json"))
        asked = asked or {"at": 0.0}
        alive = born is not None and _alive(born["pid"], born["started"])
        return _Replica(
            folder,
            asked,
            pid=born["pid"] if born and alive else 0,
            child=born["child"] if born and alive and ended is None else 0,
            started_at=datetime.fromisoformat(born["at"]) if born else None,
            ended=ended,
            young=born is None and time.time() - asked["at"] < BIRTH,
        )

    def _observed(self, one: _Replica) -> ObservedReplica:
        common = {"name": one.name, "started_at": one.started_at, "digest_matches": self._is_image(one)}
        if one.ended is None and one.young:
            return ObservedReplica(state=ReplicaState.STARTING, address="", **common)
        if one.ended is None and one.pid:
            return ObservedReplica(state=ReplicaState.RUNNING, address=f"unix@{one.asked.get('socket')}", **common)
        how = one.ended or {}
        code = how.get("code")
        detail = ending(code, out_of_memory=how.get("out_of_memory", False), memory=one.asked.get("memory", 0), error=how.get("error", ""))
        return ObservedReplica(state=ReplicaState.EXITED, address="", exit_code=code, detail=detail, **common)

    def _is_image(self, one: _Replica) -> bool:
        try:
            return (Path(one.asked["image"]) / "digest").read_text().strip() == one.asked["digest"]
        except (OSError, KeyError):
            return False

    def _reading(self, pid: int) -> tuple[tuple[int, float], float, float, int] | None:
        """(identity, CPU seconds, now, bytes in use) of a process and its descendants."""
        try:
            process = psutil.Process(pid)
            family = [process, *process.children(recursive=True)]
            times = [one.cpu_times() for one in family]
            memory = sum(_in_use(one) for one in family)
            return (pid, process.create_time()), sum(one.user + one.system for one in times), time.monotonic(), memory
        except psutil.Error:
            return None


def _json(path: Path) -> dict | None:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def _alive(pid: int, identity: str) -> bool:
    try:
        return started(pid) == identity and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (OSError, IndexError, psutil.Error):
        return False


def _signal(pid: int, number: int) -> None:
    if pid:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _in_use(process: psutil.Process) -> int:
    """Bytes, with what processes share divided between them; with what this user may not look into, all of it."""
    try:
        return process.memory_full_info().pss
    except psutil.AccessDenied:
        return process.memory_info().rss
