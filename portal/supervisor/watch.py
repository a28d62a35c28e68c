"""Silence while all is well; one line when a process dies, comes back, or cannot be kept."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from django.conf import settings

from portal.supervisor.daemon import Daemon, tail

#: after supervisord has given a process up, it is tried again this often
AGAIN_SECONDS = 30


def watch(daemon: Daemon, say: Callable[[str], None], *, seconds: float = 1.0) -> None:
    """Looks at the processes until an exception (a signal, or supervisord gone) ends it."""
    notice = Notices(daemon.observe())
    given_up: dict[str, float] = {}
    while True:
        time.sleep(seconds)
        rows = daemon.observe()
        for sentence in notice.compare(rows):
            say(sentence)
        for name, row in rows.items():
            if row["statename"] != "FATAL":
                given_up.pop(name, None)
            elif time.monotonic() - given_up.setdefault(name, time.monotonic()) > AGAIN_SECONDS:
                given_up[name] = time.monotonic()
                daemon.start_process(name)


class Notices:
    """What has changed between two looks, in sentences."""

    def __init__(self, rows: dict[str, dict]):
        self.pids = {name: row["pid"] for name, row in rows.items()}
        self.down: set[str] = set()

    def compare(self, rows: dict[str, dict]) -> list[str]:
        said = []
        for name, row in rows.items():
            ended = self.pids[name] and row["pid"] != self.pids[name]
            if ended and name not in self.down:
                self.down.add(name)
                said.append(f"{name} ended {how(name)} and is started again. {last_words(name)}")
            elif name in self.down and row["statename"] == "FATAL" and self.pids[name] is not None:
                said.append(f"{name} does not stay up; it is tried again every {AGAIN_SECONDS} seconds. {last_words(name)}")
                self.pids[name] = None
                continue
            elif name in self.down and row["statename"] == "RUNNING":
                self.down.discard(name)
                said.append(f"{name} is running again.")
            if row["pid"]:
                self.pids[name] = row["pid"]
        return said


def how(name: str) -> str:
    """How a process ended last, in supervisord's words, which only its log keeps once the process runs again."""
    for line in reversed(tail(settings.LOG_DIR / "supervisord.log", 200).splitlines()):
        if found := re.search(rf" exited: {re.escape(name)} \((.*?)(?:; (?:not )?expected)?\)$", line):
            return f"({found[1]})"
        if " spawnerr: " in line:
            return f"({line.partition(' spawnerr: ')[2]})"
    return "by itself"


def last_words(name: str) -> str:
    log = settings.LOG_DIR / f"{name}.log"
    line = tail(log)
    return f"Its last line in {log}: {line}" if line else f"Its log: {log}"
