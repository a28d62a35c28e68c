"""Memory and restarts of the replicas and the gateway while the traffic runs."""

from __future__ import annotations

import statistics
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

#: seconds between two looks
STEP = 5


def memory(process: psutil.Process) -> int:
    """Bytes that would be free if it and its children ended (PSS where the kernel tells, so that shared pages count once)."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        with suppress(psutil.Error):
            total += one.memory_full_info().pss
    return total


@dataclass
class Watched:
    """`looks` are (seconds since the start, bytes)."""

    name: str
    process: psutil.Process
    looks: list[tuple[float, int]] = field(default_factory=list)

    @property
    def same(self) -> bool:
        return self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE

    def between(self, start: float, end: float) -> int:
        """The median of the bytes seen in that span."""
        return int(statistics.median([size for at, size in self.looks if start <= at <= end] or [0]))


class Watch:
    def __init__(self, watched: list[Watched]):
        self.watched, self.begun, self.ended = watched, time.monotonic(), threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.ended.set()
        self.thread.join()

    def _run(self) -> None:
        while not self.ended.wait(STEP):
            for one in self.watched:
                with suppress(psutil.Error):
                    one.looks.append((time.monotonic() - self.begun, memory(one.process)))
