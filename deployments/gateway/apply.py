"""Bringing the gateway up to a set of routes: files first, then the running process.

The files of one generation lie in a folder of their own and `current` points to
it, so that HAProxy, started at any moment, reads one whole generation.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deployments.gateway.binary import find_haproxy
from deployments.gateway.control import Control, NotRunning, Refused, WorkerControl
from deployments.gateway.render import Rendered, render
from deployments.gateway.routes import Routes, ServiceRoute
from deployments.gateway.settings import GatewaySettings

logger = logging.getLogger(__name__)

LOCK_WAIT = 30.0
CHECK_TIMEOUT = 60.0
#: more single changes than this are slower than loading the files again
MOST_CHANGES = 1000


class GatewayError(Exception):
    """The gateway could not be brought up to the routes. What ran before goes on running."""


@dataclass(frozen=True, slots=True)
class Applied:
    """How: "runtime" (changed while running), "reload", "written" (HAProxy is not running), "stale" (a newer one is there)."""

    generation: int
    how: str
    detail: str = ""


class Gateway:
    """The one that writes the gateway's folder. Safe to use from several processes: a lock and the generation decide."""

    def __init__(self, settings: GatewaySettings):
        self.settings = settings
        self.folder = Path(settings.folder).absolute()
        self.current = self.folder / "current"
        self.control = Control(settings.master_socket)

    def command(self) -> list[str]:
        """Run this in the foreground. SIGTERM or SIGUSR1 to it end the workers; SIGUSR1 lets them finish their calls."""
        socket = f"unix@{self.settings.master_socket},mode,600"
        return [find_haproxy(self.settings.haproxy), "-W", "-S", socket, "-f", str(self.current / "haproxy.cfg")]

    def ensure_initial(self) -> None:
        """Before HAProxy is started: write the last routes with today's settings, or no services if there never were any."""
        with self._lock():
            routes = self._last()
            if routes is None and (self.current / "haproxy.cfg").exists():
                return  # routes of another version of this program: what it wrote is still what HAProxy should serve
            self._write(render(routes or Routes(generation=0), self.settings))

    def apply(self, routes: Routes) -> Applied:
        """Write, check and apply. Raises GatewayError; the same routes again are harmless and repair a process that drifted."""
        with self._lock():
            last = self._last()
            if last and last.generation > routes.generation:
                return Applied(last.generation, "stale")
            rendered = render(routes, self.settings)
            self._write(rendered)
            try:
                return Applied(routes.generation, *self._change(rendered))
            except NotRunning:
                return Applied(routes.generation, "written", "HAProxy is not running; it will start with these routes")
            except Refused as error:
                raise GatewayError(f"HAProxy did not take the routes: {error}") from error

    def serves(self, routes: Routes) -> bool:
        """Whether these services, of whatever generation, are written and, where it runs, are what the process has."""
        last = self._last()
        if last is None or last.services != routes.services:
            return False
        return self.running_generation() in (last.generation, None)

    def routes(self, service: ServiceRoute) -> bool:
        """Whether the running process has this one service exactly so, whatever is on its way for the others."""
        last = self._last()
        return last is not None and service in last.services and self.running_generation() == last.generation

    def running_generation(self) -> int | None:
        """What the running process serves; None when it does not run."""
        try:
            return self._generation(self.control.worker(self.control.workers().current))
        except (NotRunning, Refused):
            return None

    def verify(self, generation: int | None = None) -> bool:
        """Whether the running process has this generation (by default: the one last written)."""
        if generation is None:
            last = self._last()
            generation = last.generation if last else None
        return generation is not None and self.running_generation() == generation

    # -- files

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.settings.make_folders()
        with open(self.folder / "lock", "a", opener=lambda path, flags: os.open(path, flags, 0o600)) as handle:
            deadline = time.monotonic() + LOCK_WAIT
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise GatewayError(f"another process has been applying routes for {LOCK_WAIT:.0f} s") from None
                    time.sleep(0.02)
            yield

    def _last(self) -> Routes | None:
        try:
            return Routes.from_data(json.loads((self.current / "routes.json").read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            logger.warning("the routes in %s cannot be read; the next ones replace them", self.current)
            return None

    def _write(self, rendered: Rendered) -> None:
        """Into a new folder, checked by HAProxy itself, and only then made the current one by one rename."""
        now = os.readlink(self.current) if self.current.is_symlink() else ""
        if now and all(_same(self.current / name, text) for name, text in rendered.files.items()):
            return
        name = f"v{rendered.generation}-{time.time_ns()}"
        new = self.folder / name
        new.mkdir(mode=0o700)
        try:
            for filename, text in rendered.files.items():
                with open(new / filename, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as handle:
                    handle.write(text.encode())
                    handle.flush()
                    os.fsync(handle.fileno())
            self._check(new / "haproxy.cfg")
            link = self.folder / "current.new"
            link.unlink(missing_ok=True)
            link.symlink_to(name)
            os.replace(link, self.current)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        for old in self.folder.glob("v*-*"):
            if old.name not in (name, now):
                shutil.rmtree(old, ignore_errors=True)

    def _check(self, path: Path) -> None:
        try:
            done = subprocess.run(
                [find_haproxy(self.settings.haproxy), "-c", "-f", str(path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=CHECK_TIMEOUT,
            )
        except subprocess.TimeoutExpired as error:
            raise GatewayError(f"HAProxy took longer than {CHECK_TIMEOUT:.0f} s to check the configuration") from error
        if done.returncode:
            raise GatewayError(f"HAProxy refuses the configuration: {done.stdout[-2000:]}")

    # -- the running process

    def _change(self, rendered: Rendered) -> tuple[str, str]:
        workers = self.control.workers()
        # First of all, everywhere: what is no longer allowed. A worker that only finishes old connections has keys of its own.
        for pid in workers.old:
            self._tighten_old(pid, rendered)
        current = self.control.worker(workers.current)
        revoke(current, rendered)
        why = "another structure"
        if current.structure() == rendered.structure:
            try:
                return "runtime", self._change_running(current, rendered)
            except Refused as error:
                why = str(error)
        before = workers.current
        self.control.reload()
        self._tighten_old(before, rendered)
        after = self.control.worker(self.control.workers().current)
        found = self._generation(after)
        if found != rendered.generation:
            raise Refused(f"after the reload it serves generation {found}, not {rendered.generation}")
        return "reload", why

    def _change_running(self, worker: WorkerControl, rendered: Rendered) -> str:
        changes = 0
        # Servers before the maps that send calls to them.
        changes += change_servers(worker, rendered.servers)
        for name, wanted in rendered.maps.items():
            if name != "generation.map":
                if len(wanted.keys() ^ worker.map(name).keys()) > MOST_CHANGES:
                    raise Refused("too many changes for single commands")
                changes += worker.change_map(name, wanted)
        # Last, so that a generation that can be read is a generation that is complete.
        worker.change_map("generation.map", rendered.maps["generation.map"])
        return f"{changes} changes"

    def _tighten_old(self, pid: int, rendered: Rendered) -> None:
        try:
            revoke(self.control.worker(pid), rendered)
        except (NotRunning, Refused):
            if pid in self.control.workers().old:
                raise

    def _generation(self, worker: WorkerControl) -> int | None:
        found = worker.map("generation.map").get("generation", "")
        return int(found) if found.isdigit() else None


def revoke(worker: WorkerControl, rendered: Rendered) -> None:
    """Take away keys and services that are gone, and let states, access and limits follow; nothing is given."""
    wanted_keys = rendered.maps["keys.map"]
    for key, value in worker.map("keys.map").items():
        if key not in wanted_keys:
            worker.do(f"del map keys.map {key}")
        elif value != wanted_keys[key]:
            worker.do(f"set map keys.map {key} {wanted_keys[key]}")
    wanted = rendered.maps["services.map"]
    for name, value in worker.map("services.map").items():
        if name not in wanted:
            worker.do(f"del map services.map {name}")
            continue
        # The backend stays the worker's own: it may not have the new one. So does "starting", while it has none.
        new, old = wanted[name].split("|"), value.split("|")
        if new[0] != old[0]:
            worker.do(f"del map services.map {name}")
        elif (kept := "|".join([*new[:4], old[4]])) != value and old[4] != "-":
            worker.do(f"set map services.map {name} {kept}")


def change_servers(worker: WorkerControl, wanted: dict[str, dict[str, str]]) -> int:
    """Add new servers first, so that a backend that changes all of them is never without one."""
    found, changes = worker.servers(), 0
    for backend, servers in wanted.items():
        there = found.get(backend, {})
        for name, options in servers.items():
            if name not in there:
                worker.do(f"add server {backend}/{name} {options}", says="New server registered")
                worker.do(f"enable health {backend}/{name}")
            if not there.get(name):
                worker.do(f"enable server {backend}/{name}")
                changes += 1
        for name in there.keys() - servers.keys():
            worker.do(f"set server {backend}/{name} state maint")
            # Refused while it answers calls: it gets no new ones, and goes with a later change or reload.
            worker.ask(f"del server {backend}/{name}")
            changes += 1
    return changes


def _same(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except FileNotFoundError:
        return False
