"""The process that starts the others, replaces those that end, and does nothing else."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import time
from typing import Any, Callable, Dict, List, Optional

from . import collect
from .board import GAUGES, PLACES, Board
from .relay import Desk

#: the exit code for "the user's files cannot be served"; nothing is gained by trying again
FAILED = 3
#: so many ends within so many seconds, and the replica ends too
MOST_ENDS, WITHIN = 5, 60.0
#: after the time for requests in flight, until a process that does not end is killed
BEYOND_GRACE = 2.0
ENDINGS = (signal.SIGTERM, signal.SIGINT)

Start = Callable[[int, socket.socket], int]


class _One:
    """A running process."""

    def __init__(self, place: int, pid: int, desk: Desk):
        self.place, self.pid, self.desk = place, pid, desk


class Supervisor:
    """`start(place, channel)` is called in each new process and returns its exit code.

    `opened` is called when all take requests for the first time, `stopping` before they are told to end.
    """

    def __init__(self, board: Board, start: Start, *, grace: float, opened: Callable[[], None], stopping: Callable[[], None]):
        self.board, self._start, self._grace, self._opened, self._stopping = board, start, grace, opened, stopping
        self._running: Dict[int, _One] = {}
        self._selector = selectors.DefaultSelector()
        self._ours, self._theirs = socket.socketpair()
        self._ends: List[float] = []
        self._due: Dict[int, float] = {}  # places without a process, and when they get one
        self._deadline: Optional[float] = None
        self._code = 0

    def run(self) -> int:
        """Until told to stop, or until it makes no sense to go on. The exit code."""
        for each in (self._ours, self._theirs):
            each.setblocking(False)
        self._selector.register(self._ours, selectors.EVENT_READ, self._signalled)
        for number in (*ENDINGS, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)  # the wake-up below tells which
        signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)
        self._due = dict.fromkeys(range(self.board.workers), 0.0)
        while True:
            self._fill()
            for key, _ in self._selector.select(self._pause()):
                key.data()
            self._reap()
            if not self.board.said("opened") and self.board.ready() == self.board.workers and self._deadline is None:
                self.board.say("opened", 1)
                self._opened()
            if self._deadline is not None:
                if not self._running:
                    return self._code
                if time.monotonic() > self._deadline:
                    self._tell(signal.SIGKILL)

    def _pause(self) -> float:
        """Seconds that nothing need be looked at."""
        if not self.board.said("opened"):
            return 0.01
        return 0.05 if self._due or self._deadline is not None else 5.0

    def _fill(self) -> None:
        now = time.monotonic()
        for place in [place for place, when in self._due.items() if when <= now and self._deadline is None]:
            del self._due[place]
            ours, theirs = socket.socketpair()
            signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)  # until the copy does not have our handlers any more
            pid = os.fork()
            if pid == 0:
                ours.close()
                self._become(place, theirs)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
            theirs.close()
            desk = Desk(ours, collect.spool, self.board)
            one = self._running[pid] = _One(place, pid, desk)
            self._selector.register(ours, selectors.EVENT_READ, lambda one=one: self._read(one))  # type: ignore[misc]

    def _become(self, place: int, channel: socket.socket) -> None:
        """In the new process. Never returns."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (*ENDINGS, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
            self._selector.close()
            for each in (self._ours, self._theirs, *(one.desk.channel for one in self._running.values())):
                each.close()
            code = self._start(place, channel)
        except BaseException as error:
            print(f"A scoring process failed: {error!r}", file=sys.stderr)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _read(self, one: _One) -> None:
        if not one.desk.read():
            self._hang_up(one)

    def _signalled(self) -> None:
        try:
            numbers = self._ours.recv(64)
        except OSError:
            return
        if any(number in numbers for number in ENDINGS):
            self.stop()

    def stop(self, code: int = 0) -> None:
        if self._deadline is None:
            self._code, self._deadline = code, time.monotonic() + self._grace + BEYOND_GRACE
            self._stopping()
            self._tell(signal.SIGTERM)

    def _tell(self, number: int) -> None:
        for pid in self._running:
            os.kill(pid, number)  # not reaped yet, so the number is still theirs

    def _reap(self) -> None:
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            one = self._running.pop(pid, None)
            if one is not None:
                while one.desk.open and one.desk.read():
                    pass
                self._forget(one)
                if self._deadline is None:
                    self._ended(one, os.waitstatus_to_exitcode(status))

    def _forget(self, one: _One) -> None:
        lane = self.board.lanes[one.place]
        for name in GAUGES:
            lane[PLACES[name]] = 0
        self._hang_up(one)

    def _hang_up(self, one: _One) -> None:
        if one.desk.open:
            self._selector.unregister(one.desk.channel)
            one.desk.channel.close()

    def _ended(self, one: _One, code: int) -> None:
        if code == FAILED and not self.board.said("opened"):
            self.stop(FAILED)
            return
        how = f"was killed by {_signal(-code)}" if code < 0 else f"ended with exit code {code}"
        now = time.monotonic()
        self._ends = [each for each in self._ends if now - each < WITHIN] + [now]
        if len(self._ends) >= MOST_ENDS:
            print(f"The scoring process {one.pid} {how}. It is the {len(self._ends)}th within {WITHIN:g} s: stopping.", file=sys.stderr)
            self.stop(1)
            return
        print(f"The scoring process {one.pid} {how}. Another one is started in its place.", file=sys.stderr, flush=True)
        self.board.add("restarts")
        self._due[one.place] = now + 0.2 * (len(self._ends) - 1)


def _signal(number: int) -> str:
    name: Any = number
    try:
        name = signal.Signals(number).name
    except ValueError:
        pass
    return f"{name} (often: not enough memory)" if number == signal.SIGKILL else str(name)
