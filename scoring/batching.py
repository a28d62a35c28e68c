"""The bounded queue in front of run() and the worker that empties it.

The event loop submits; the worker takes what is there and answers through the loop.
run() is never called by two threads at once.
"""

from __future__ import annotations

import queue
import time
from typing import Any, Callable, Optional

STOP = object()


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
    """Calls `work(job)` for each job, in the thread that calls `run_forever`."""

    def __init__(self, work: Callable[[Job], Any], limit: int):
        self._work, self.limit = work, limit
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

    def run_forever(self, answer: Callable[[Job, Any], None]) -> None:
        """Until `stop`. `answer(job, response)` is called in this thread."""
        while True:
            job = self._queue.get()
            if job is STOP:
                return
            if job.given_up:
                continue
            self.started_at = time.monotonic()
            response = self._work(job)
            self.started_at = None
            answer(job, response)

    def stop(self) -> None:
        self._queue.put(STOP)
