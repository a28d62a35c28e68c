"""HTTP/1.1 in and out on one event loop: keep-alive, pipelining, limits, drain.

The loop runs in a thread of its own, so that the user's code has the main thread
(signals, event loops and libraries that insist on it work there as in a script).
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, Callable, Set

import uvloop

from . import collect
from .app import App
from .connection import READ_BYTES, Connection
from .listening import Listener

SWEEP_SECONDS = 0.5
#: a process with more connections than another lets that one take the next, but no longer than this: it may be held up in C
YIELD_SECONDS = 0.001


class Server:
    """Serves a listener's connections, in a thread, until drained or paused."""

    def __init__(self, app: App, listener: Listener, report: Callable[[BaseException, str], None]):
        self.app, self.listener, self.report = app, listener, report
        self.connections: Set[Connection] = set()
        self.buffer = memoryview(bytearray(READ_BYTES))
        self.in_flight = self.buffered = 0
        self.most_buffered = max(256 * 1024 * 1024, 4 * app.settings.max_body)
        self.draining = self._accepting = False
        self.patience = app.settings.patience
        self.on_drained: Callable[[], None] = lambda: None
        self.loop = uvloop.new_event_loop()
        self._tasks: Set[Any] = set()
        self._thread = threading.Thread(target=self._main, name="http", daemon=True)

    def start(self) -> None:
        self.app.call_later = self.loop.call_later
        self.app.worker.call_soon = self.loop.call_soon
        self._accept(True)
        self._thread.start()

    def stop(self) -> None:
        """From another thread, once: hang up, end the loop and its thread. Others go on with the listener."""
        self.call_soon(self._pause, time.monotonic() + 1.0)
        self._thread.join()
        self.loop.close()

    def _pause(self, deadline: float) -> None:
        self.draining = True  # connections end with the answer they are waiting for
        self._accept(False)
        for connection in list(self.connections):
            if time.monotonic() > deadline:
                connection.transport.abort()
            elif not connection.pipeline:
                connection.transport.close()
        if self.connections or self._tasks:
            self.loop.call_later(0.005, self._pause, deadline)
        else:
            self.loop.stop()

    def _main(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.call_later(SWEEP_SECONDS, self._sweep)
        self.loop.run_forever()

    # Connections. One is taken at a time, so that processes that listen together share them.

    def _accept(self, wanted: bool) -> None:
        if wanted != self._accepting:
            self._accepting = wanted
            if wanted:
                self.loop.add_reader(self.listener.sock, self._take)
            else:
                self.loop.remove_reader(self.listener.sock)

    def _take(self) -> None:
        metrics = self.app.metrics
        if metrics.board.workers > 1 and metrics.board.prefers_another(metrics.lane):
            self._accept(False)
            self.loop.call_later(YIELD_SECONDS, self._take_over)
        else:
            self._take_one()

    def _take_over(self) -> None:
        """The connection that was left to another process, if it is there still."""
        if not self.draining:
            self._accept(True)
            self._take_one()

    def _take_one(self) -> None:
        try:
            sock = self.listener.take()
        except OSError:  # no more descriptors: try again when some may be free
            self._accept(False)
            return
        if sock is None:
            return
        sock.setblocking(False)
        task = self.loop.create_task(self.loop.connect_accepted_socket(lambda: Connection(self), sock))
        self._tasks.add(task)
        task.add_done_callback(self._taken)
        self.count()

    def _taken(self, task: Any) -> None:
        self._tasks.discard(task)
        self.count()

    def count(self) -> None:
        """Tell the other processes how many connections are here."""
        self.app.metrics.gauge("connections", len(self.connections) + len(self._tasks))

    def _sweep(self) -> None:
        now = time.monotonic()
        for connection in list(self.connections):
            connection.sweep(now)
        if not self.draining:
            elsewhere = self.app.publish()
            for connection in list(self.connections) if elsewhere else []:
                if not connection.pipeline and connection.current is None and not connection.pulls:
                    connection.transport.close()
            self._accept(not elsewhere)
        self.loop.call_later(SWEEP_SECONDS, self._sweep)

    def call_soon(self, act: Callable[..., None], *args: Any) -> None:
        """From any thread."""
        try:
            self.loop.call_soon_threadsafe(act, *args)
        except RuntimeError:  # the loop is closed: nobody is there to be answered
            pass

    def drain(self) -> None:
        """On the loop: take no more connections, finish what is in flight, hand over what was collected, then `on_drained`. Safe to repeat."""
        if self.draining:
            return
        self.draining = True
        self._accept(False)
        self.listener.close()
        for connection in list(self.connections):
            if not connection.pipeline and connection.current is None and not connection.pulls:
                connection.transport.close()
        # Where other processes send rows to the same spool, it takes a sweep until each has said whether it is at work.
        wait = SWEEP_SECONDS + 0.1 if collect.spool.shared and any(each.pulls for each in self.connections) else 0
        self.loop.call_later(wait, self._finish, time.monotonic() + self.app.settings.grace)

    def _finish(self, deadline: float) -> None:
        busy = self.in_flight > 0 or any(each.current is not None or each.transport.get_write_buffer_size() for each in self.connections)
        # What was collected is not lost with us while somebody is there who takes it.
        busy = busy or (any(each.pulls for each in self.connections) and (collect.spool.waiting > 0 or collect.spool.coming))
        if busy and time.monotonic() < deadline:
            self.loop.call_later(0.02, self._finish, deadline)
        else:
            self.on_drained()
