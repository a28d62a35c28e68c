"""Numbers that all processes of a replica see: each writes in a lane of its own, everybody adds them up.

The memory is made before the processes fork, and a lane stays when its process ends,
so that counters never go back.
"""

from __future__ import annotations

import mmap
import time
from typing import Any, List, Tuple

#: a lane begins with answers by status, those of the worker's thread and then those of the event loop's: one number has one writer
STATUSES = 600
REFUSED = STATUSES
TIMES = REFUSED + STATUSES
BUCKETS = 16
#: what holds of a worker now, and nothing when it is gone; `started` is when the call of run() in progress began
GAUGES = ("ready", "waiting", "started", "batching", "connections")
#: one number each, after statuses and buckets
NAMES = (
    *("seconds", "failures", "batches", "batched", "taken_apart"),  # counters of a worker
    *GAUGES,
    *("collected", "dropped", "uncollected", "restarts", "opened"),  # of the replica, in the last lane
)
PLACES = {name: TIMES + BUCKETS + place for place, name in enumerate(NAMES)}
#: seconds after which a call of run() counts as a long one, behind which nobody should be queued; gauges are up to half a second old
LONG = 1.0
LANE = TIMES + BUCKETS + len(NAMES)


class Board:
    """`workers` lanes, and one more for the process that starts them."""

    def __init__(self, workers: int = 1):
        self.workers = workers
        self._cells = memoryview(mmap.mmap(-1, (workers + 1) * LANE * 8)).cast("d")
        self.lanes: List[Any] = [self._cells[place * LANE : (place + 1) * LANE] for place in range(workers + 1)]
        self.replica = self.lanes[-1]

    def total(self, place: int) -> float:
        return sum(lane[place] for lane in self.lanes[:-1])

    def said(self, name: str) -> float:
        """Of the whole replica."""
        return self.replica[PLACES[name]]

    def say(self, name: str, value: float) -> None:
        self.replica[PLACES[name]] = value

    def add(self, name: str, value: float = 1) -> None:
        self.replica[PLACES[name]] += value

    def ready(self) -> int:
        return int(self.total(PLACES["ready"]))

    def prefers_another(self, mine: Any) -> bool:
        """Should a new connection rather go to another worker than the one of this lane: less held up, or with fewer connections?

        One more is no reason: leaving every second one to somebody else would cost each of them a while.
        """
        ready, since, connections, now = PLACES["ready"], PLACES["started"], PLACES["connections"], time.monotonic()

        def load(lane: Any) -> Tuple[bool, float]:
            return 0 < lane[since] < now - LONG, lane[connections]

        held_up, here = load(mine)
        return any(lane is not mine and lane[ready] and load(lane) < (held_up, here - 1) for lane in self.lanes[:-1])

    def busy(self) -> bool:
        """Is any worker in a call of run(), or has one waiting?"""
        return bool(self.total(PLACES["started"]) or self.total(PLACES["waiting"]))

    def stuck(self, timeout: float) -> int:
        """How many workers are in a call of run() that has taken longer than it may. The clock is one for all processes."""
        now, place = time.monotonic(), PLACES["started"]
        return sum(1 for lane in self.lanes[:-1] if lane[place] and now - lane[place] > timeout)
