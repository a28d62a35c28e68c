"""After a call for several, the worker looks for more when their answers are written: the loop's turns, one by one."""

from __future__ import annotations

import queue
import threading

import pytest

from scoring.batching import Job, Worker

WAIT = 10


class Turns:
    """An event loop that goes on when it is told to. Its owner is the only one who calls the worker."""

    def __init__(self):
        self.due = []

    def call_soon(self, act):
        self.due.append(act)

    def turn(self):
        due, self.due = self.due, []
        for act in due:
            act()


class Bench:
    """A worker in a thread of its own. `called` gets the names of each call; a call ends with `go`, its answers are told by `told`."""

    def __init__(self, several=True):
        self.loop, self.called, self.told, self.go = Turns(), queue.Queue(), queue.Queue(), threading.Semaphore(0)
        self.worker = Worker(self._work)
        self.worker.greedy, self.worker.call_soon = several, self.loop.call_soon
        self._thread = threading.Thread(target=self.worker.run_forever, args=(self._answer,), daemon=True)
        self._thread.start()

    def _work(self, jobs):
        self.called.put([job.request for job in jobs])
        assert self.go.acquire(timeout=WAIT)
        yield [(job, None) for job in jobs]

    def _answer(self, done):
        self.told.put(len(done))
        return len(done) > 1

    def submit(self, *names):
        for name in names:
            assert self.worker.submit(Job(name, lambda response: None, lambda response: None))

    def next_call(self):
        return self.called.get(timeout=WAIT)

    def end(self):
        self.worker.stop()
        self._thread.join(WAIT)
        assert not self._thread.is_alive()


@pytest.fixture
def bench():
    made = []

    def make(**how):
        made.append(Bench(**how))
        return made[-1]

    yield make
    for each in made:
        for _ in range(10):
            each.go.release()
        each.end()


def first_call_for_two(bench):
    """Two wait when the worker first looks; one more arrives while they are calculated. Returns when they are done."""
    bench.submit("a", "b")
    bench.loop.turn()
    assert bench.next_call() == ["a", "b"]
    bench.submit("c")
    bench.loop.turn()
    bench.go.release()
    assert bench.told.get(timeout=WAIT) == 2


def test_who_arrives_while_the_answers_are_written_is_in_the_next_call(bench):
    bench = bench()
    first_call_for_two(bench)
    bench.worker.settled()
    bench.loop.turn()
    bench.submit("d")
    bench.loop.turn()
    bench.go.release()
    assert bench.next_call() == ["c", "d"]


def test_nobody_is_waited_for(bench):
    bench = bench()
    first_call_for_two(bench)
    bench.worker.settled()
    bench.loop.turn()
    bench.loop.turn()
    assert bench.next_call() == ["c"]


def test_after_a_call_for_one_the_worker_looks_at_once(bench):
    bench = bench(several=False)
    bench.submit("a", "b")
    bench.loop.turn()
    assert bench.next_call() == ["a"]
    bench.go.release()
    assert bench.next_call() == ["b"]


def test_a_stop_is_heard_while_answers_are_written(bench):
    bench = bench()
    first_call_for_two(bench)
    bench.go.release()
    bench.end()
    assert bench.next_call() == ["c"]
