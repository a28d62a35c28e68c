"""Talking to a running HAProxy: one command a connection, through the master's socket."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from pathlib import Path

ADMIN_MAINTENANCE = 0x01


class NotRunning(Exception):
    """Nobody listens on the control socket."""


class Refused(Exception):
    """HAProxy answered a command with something other than what it says when it did it."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Process ids: the worker that takes new connections, and those that finish old ones after a reload."""

    current: int
    old: tuple[int, ...]


class Control:
    """`timeout` is seconds for one command; a reload gets `reload_timeout`, since it loads everything again."""

    def __init__(self, path: Path, *, timeout: float = 5.0, reload_timeout: float = 60.0):
        self.path, self.timeout, self.reload_timeout = path, timeout, reload_timeout

    def ask(self, command: str, *, timeout: float | None = None) -> str:
        if "\n" in command or ";" in command:
            raise ValueError(f"not one command: {command!r}")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout or self.timeout)
            try:
                connection.connect(str(self.path))
            except (FileNotFoundError, ConnectionRefusedError) as error:
                raise NotRunning(str(self.path)) from error
            try:
                connection.sendall(command.encode() + b"\n")
                # The master keeps the connection open for more commands until our side is closed.
                connection.shutdown(socket.SHUT_WR)
                parts = []
                while part := connection.recv(65536):
                    parts.append(part)
            except OSError as error:
                raise Refused(f"no answer to {command.split()[0]!r}: {error}") from error
        return b"".join(parts).decode(errors="replace").strip()

    def workers(self) -> Workers:
        section, current, old = "", 0, []
        for line in self.ask("show proc").splitlines():
            if line.startswith("# "):
                section = line[2:].strip()
            elif (words := line.split()) and words[0].isdigit():
                if section == "workers":
                    current = int(words[0])
                elif section == "old workers":
                    old.append(int(words[0]))
        if not current:
            raise NotRunning("the master has no worker")
        return Workers(current, tuple(old))

    def reload(self) -> None:
        """Returns when the new worker has taken over the listening sockets."""
        answer = self.ask("reload", timeout=self.reload_timeout)
        if not answer.startswith("Success=1"):
            raise Refused(f"reload failed: {answer[-1000:]}")

    def worker(self, pid: int) -> WorkerControl:
        return WorkerControl(self, pid)


class WorkerControl:
    """One worker process, current or old."""

    def __init__(self, control: Control, pid: int):
        self.control, self.pid = control, pid

    def ask(self, command: str) -> str:
        return self.control.ask(f"@!{self.pid} {command}")

    def do(self, command: str, *, says: str = "") -> None:
        """Raises Refused unless HAProxy answers with `says` (nothing, for most commands)."""
        answer = self.ask(command)
        if (says and says not in answer) or (not says and answer):
            raise Refused(f"{command.split(' ', 2)[0:2]}: {answer[:300]}")

    def structure(self) -> str:
        found = re.search(r"structure=([0-9a-f]*)", self.ask("show info"))
        return found.group(1) if found else ""

    def map(self, name: str) -> dict[str, str]:
        """Entries of a map; each printed line is a reference, the key and the value."""
        lines = (line.split(" ", 2) for line in self.ask(f"show map {name}").splitlines())
        return {words[1]: words[2] for words in lines if len(words) == 3 and words[0].startswith("0x")}

    def change_map(self, name: str, wanted: dict[str, str]) -> int:
        """Make the map so, taking away first; returns how many entries were changed."""
        found = self.map(name)
        gone = found.keys() - wanted.keys()
        for key in gone:
            self.do(f"del map {name} {key}")
        changed = {key: value for key, value in wanted.items() if found.get(key) != value}
        for key, value in changed.items():
            self.do(f"{'set' if key in found else 'add'} map {name} {key} {value}")
        return len(gone) + len(changed)

    def servers(self) -> dict[str, dict[str, bool]]:
        """Backend -> server -> whether it takes calls (False: taken out, and waiting to be removed)."""
        found: dict[str, dict[str, bool]] = {}
        for line in self.ask("show servers state").splitlines():
            words = line.split()
            if len(words) > 10 and words[0].isdigit():
                found.setdefault(words[1], {})[words[3]] = not int(words[6]) & ADMIN_MAINTENANCE
        return found
