"""The bounded queue in front of run() and the worker that empties it.

The event loop submits; the worker takes what is there and answers through the loop.
run() is never called by two threads at once.
"""

from __future__ import annotations

import collections
import threading
import time
from typing import Any, Callable, Deque, Iterator, List, Optional, Tuple

#: requests that are taken at once
MOST_TOGETHER = 256
#: requests that may wait, where nobody says
WAITING_ALONE, WAITING_TOGETHER = 64, 2 * MOST_TOGETHER

Done = List[Tuple["Job", Any]]


class Job:
    """One request on its way to run(). `values` is set when the body was checked already.

    It is answered once: by whoever claims it first, the worker that is done with it or the timer.
    `answer` is called on the event loop; `hurry` may be called before it, in the worker, so that the answer leaves at once.
    """

    __slots__ = ("_claim", "answer", "checked", "hurry", "request", "rows", "values")

    def __init__(self, request: Any, answer: Callable[[Any], None], hurry: Callable[[Any], None]):
        self.request, self.answer, self.hurry = request, answer, hurry
        self.values: Any = None
        #: of `values`, where it can be put together with others
        self.rows: Optional[int] = None
        self.checked = False
        self._claim = threading.Lock()

    def claim(self) -> bool:
        """From any thread: true for the first who asks."""
        return self._claim.acquire(blocking=False)

    @property
    def claimed(self) -> bool:
        """Answered, or about to be: nobody waits for a further answer."""
        return self._claim.locked()


class Worker:
    """Calls `work(jobs)` in the thread that calls `run_forever`; it yields (job, response) pairs as they are done.

    With `greedy`, everything that arrived while the last call was busy is given to the next one. No time is ever waited for;
    but after a call for several the worker looks again when their answers are written and what has arrived by then was read.
    Else the callers split for good into those who are being answered and those who are being calculated: twice the calls.
    """

    def __init__(self, work: Callable[[List[Job]], Iterator[Done]], limit: int = 0):
        self._work, self._asked, self.greedy = work, limit, False
        self._jobs: Deque[Job] = collections.deque()
        self._bell = threading.Lock()  # free: look for jobs
        self._bell.acquire()
        self._rung = self._stopped = self._settling = False
        self.started_at: Optional[float] = None
        #: the event loop's: act when what has arrived by now has been read
        self.call_soon: Callable[[Callable[[], None]], Any] = lambda act: act()

    @property
    def limit(self) -> int:
        """Jobs that may wait: no more than are answered in good time, and many more where one call takes many."""
        return self._asked or (WAITING_TOGETHER if self.greedy else WAITING_ALONE)

    @property
    def waiting(self) -> int:
        return len(self._jobs)

    def submit(self, job: Job) -> bool:
        """False when as many are waiting as may. The worker is woken once for all that arrive in one turn of the loop."""
        if len(self._jobs) >= self.limit:
            return False
        self._jobs.append(job)
        if not self._rung:
            self._rung = True
            self.call_soon(self._ring)
        return True

    def settled(self) -> None:
        """On the event loop: the answers to a call for several are written."""
        self.call_soon(lambda: self.call_soon(self._settled))  # in the turn after the next: what arrives in the next one is read

    def _settled(self) -> None:
        self._settling = False
        self._ring()

    def _ring(self) -> None:
        self._rung = False
        try:
            self._bell.release()
        except RuntimeError:  # it is free already
            pass

    def busy_for(self) -> float:
        """Seconds that the call in progress has taken; 0 when there is none."""
        started = self.started_at
        return time.monotonic() - started if started else 0.0

    def run_forever(self, answer: Callable[[Done], bool]) -> None:
        """Until `stop`. `answer` is called in this thread; it tells whether `settled` will be called."""
        while True:
            jobs, stopped = self._take()
            self.started_at = time.monotonic()
            for done in self._work([job for job in jobs if not job.claimed]):
                self.started_at = None
                self._settling = True
                if not answer(done):
                    self._settling = False
                self.started_at = time.monotonic()
            self.started_at = None
            if stopped:
                return

    def _take(self) -> Tuple[List[Job], bool]:
        """At least one job, or the word to stop."""
        jobs: List[Job] = []
        most = MOST_TOGETHER if self.greedy else 1
        while self._settling and not self._stopped:
            self._bell.acquire()
        while not jobs:
            try:
                while len(jobs) < most:
                    jobs.append(self._jobs.popleft())
            except IndexError:
                if self._stopped:
                    return jobs, True
                if not jobs:
                    self._bell.acquire()
        return jobs, False

    def stop(self) -> None:
        """From any thread: end when nothing is waiting."""
        self._stopped = True
        self._ring()
