"""The bounded queue in front of run() and the worker that empties it.

The event loop submits; the worker takes what is there and answers through the loop.
run() is never called by two threads at once.
"""

from __future__ import annotations

import queue
import time
from typing import Any, Callable, Iterator, List, Optional, Tuple

STOP = object()
#: requests that are taken at once
MOST_TOGETHER = 256

Done = List[Tuple["Job", Any]]


class Job:
    """One request on its way to run(). `values` is set when the body was checked already; `given_up` when nobody waits any more."""

    __slots__ = ("answer", "checked", "given_up", "request", "timer", "values")

    def __init__(self, request: Any, answer: Callable[[Any], None]):
        self.request, self.answer = request, answer
        self.values: Any = None
        self.checked = False
        self.given_up = False
        self.timer: Any = None


class Worker:
    """Calls `work(jobs)` in the thread that calls `run_forever`; it yields (job, response) pairs as they are done.

    With `greedy`, everything that arrived while the last call was busy is given to the next one; nothing is ever waited for.
    """

    def __init__(self, work: Callable[[List[Job]], Iterator[Done]], limit: int):
        self._work, self.limit, self.greedy = work, limit, False
        self._queue: "queue.SimpleQueue[Any]" = queue.SimpleQueue()
        self.started_at: Optional[float] = None

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    def submit(self, job: Job) -> bool:
        """False when as many are waiting as may."""
        if self._queue.qsize() >= self.limit:
            return False
        self._queue.put(job)
        return True

    def busy_for(self) -> float:
        """Seconds that the call in progress has taken; 0 when there is none."""
        started = self.started_at
        return time.monotonic() - started if started else 0.0

    def run_forever(self, answer: Callable[[Done], None]) -> None:
        """Until `stop`. `answer` is called in this thread."""
        while True:
            jobs, stopped = self._take()
            self.started_at = time.monotonic()
            for done in self._work([job for job in jobs if not job.given_up]):
                self.started_at = None
                answer(done)
                self.started_at = time.monotonic()
            self.started_at = None
            if stopped:
                return

    def _take(self) -> Tuple[List[Job], bool]:
        """At least one job, or the word to stop."""
        jobs: List[Job] = []
        found = self._queue.get()
        while found is not STOP:
            jobs.append(found)
            if not self.greedy or len(jobs) >= MOST_TOGETHER:
                return jobs, False
            try:
                found = self._queue.get_nowait()
            except queue.Empty:
                return jobs, False
        return jobs, True

    def stop(self) -> None:
        self._queue.put(STOP)
