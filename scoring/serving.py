"""Serve a bundle until told to stop: in one process, or in several that share what was loaded.

Several: this process loads the model and answers "starting" meanwhile. Then it hangs up, forks the processes that score
and only looks after them, so that a new one is there at once when one ends. What cannot be copied (`forking.refusal`)
is loaded by each process for itself; where nobody has asked for several, one process serves instead.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from typing import Any, Callable, Optional, Union

from . import collect, forking, inputs, limits, logs, outputs
from .app import App
from .board import Board
from .bundle import Bundle, Settings
from .errors import DriverFailed, RequestError
from .listening import INHERITED, Listener
from .relay import Relay
from .schema import NUMPY, PANDAS
from .server import Server
from .workers import ENDINGS, FAILED, Supervisor

#: after a stop, until a run() that ignores it is left behind
LEAVE_SECONDS = 0.5

Load = Callable[[App], float]


def say(text: str) -> None:
    print(text, flush=True)


def serve(bundle: Bundle, settings: Settings, listen: Union[tuple, str], load: Load, origin: forking.Origin) -> int:
    """Blocks; the exit code. `load` makes this process ready to call run(), or raises DriverFailed."""
    try:
        listener = Listener(listen)
    except OSError as error:
        print(f"Cannot listen on {listen if isinstance(listen, str) else '%s:%d' % listen}: {error.strerror or error}.", file=sys.stderr)
        return 1
    count = limits.processes(settings.workers) if settings.workers or settings.share else 1
    limits.cap_threads(count, settings.threads)
    if count == 1:
        return Process(App(bundle, settings), listener).run(load)
    return Group(bundle, settings, listener, count).run(load, origin)


def warm(app: App) -> None:
    """What the first table or array makes for good (readers, labels, modules that are imported late) is made before it is shared."""
    schema = app.schema
    sample = schema.sample() if schema is not None else None
    if schema is None or sample is None or not all(kind.kind in (NUMPY, PANDAS) for kind in schema.inputs.values()):
        return
    try:
        outputs.encode(list(inputs.build(schema, inputs.check(schema, json.dumps(sample).encode("ascii"))).values()))
    except (RequestError, ValueError, TypeError):  # a sample that does not fit: whoever sends it will be told
        pass


def tell_losses() -> None:
    if collect.spool.waiting:
        say(f"{collect.spool.waiting} collected rows are lost: nobody came for them.")


def tell_failure(error: DriverFailed) -> None:
    logs.failure(error.message, error.traceback, last=True)


class Process:
    """One process that scores. The user's code runs in the main thread, HTTP in one of its own."""

    def __init__(self, app: App, listener: Listener):
        self.app, self.listener = app, listener
        self.server = Server(app, listener, self._report)
        self.server.on_drained = self._drained
        self._wake: Any = None

    @staticmethod
    def _report(error: BaseException, request_id: str) -> None:
        print(f"The scoring runtime failed for request {request_id}: {error!r}", file=sys.stderr, flush=True)

    def start(self) -> None:
        """Answer HTTP from here on, and stop in good order when told to."""
        self.server.start()
        for number in ENDINGS:
            signal.signal(number, lambda *_: self.server.call_soon(self.drain))
        self._listen_for_signals()

    def run(self, load: Optional[Load], place: Optional[int] = None) -> int:
        """Until stopped. `load` is None where that has been done; `place` is None for a process that is alone."""
        app, seconds = self.app, 0.0
        # One that takes another's place takes no calls before it can answer them.
        started = load is not None and not app.metrics.board.said("opened")
        if started:
            self.start()
        if load is not None:
            try:
                seconds = load(app)
            except DriverFailed as error:
                app.state = "failed"
                self.listener.close()
                tell_failure(error)
                return FAILED
            forking.freeze()
        if app.state == "starting":
            said = app.calls.choose_batching()
            if not place:
                say(said)
            app.state = "ready"
            if place is None:
                app.metrics.board.say("opened", 1)
                say(f"Ready after {seconds:.1f} s: {app.settings.service or app.bundle.app.name} on {self.listener.address}")
            app.publish()
            if not started:
                self.start()
        app.worker.run_forever(lambda done: app.deliver(done, self.server.call_soon))
        return 0

    def drain(self) -> None:
        """On the loop."""
        if not self.server.draining:
            if self.listener.owned:  # of several, the one that looks after them says it
                say("Stopping: finishing the requests in flight.")
            self.app.state = "stopping"
            self.app.publish()
        self.server.drain()

    def _drained(self) -> None:
        self.app.state = "stopped"
        if self.listener.owned:
            tell_losses()
        # Last: the main thread then leaves, and this one with it.
        self.app.worker.stop()
        # A run() that ignores the end of the grace time, or an init() still loading, does not keep the process.
        self.server.loop.call_later(LEAVE_SECONDS, self._leave)

    @staticmethod
    def _leave() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)

    def _listen_for_signals(self) -> None:
        """A signal is noticed by the loop's thread at once, even while user code keeps the main thread in C."""
        ours, theirs = self._wake = socket.socketpair()
        for each in self._wake:
            each.setblocking(False)

        def arrived() -> None:
            try:
                numbers = ours.recv(64)
            except OSError:
                return
            if any(number in numbers for number in ENDINGS):
                self.drain()

        signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        self.server.call_soon(self.server.loop.add_reader, ours, arrived)

    def hang_up(self) -> None:
        """The opposite of `start`."""
        signal.set_wakeup_fd(-1)
        self.server.stop()
        for each in self._wake:
            each.close()


class Group:
    """Several processes behind one address."""

    def __init__(self, bundle: Bundle, settings: Settings, listener: Listener, count: int):
        self.bundle, self.settings, self.listener, self.count = bundle, settings, listener, count
        self.board = Board(count)
        self.app = App(bundle, settings)
        self.began = time.perf_counter()

    def run(self, load: Load, origin: forking.Origin) -> int:
        if self.settings.share:
            code = self._load(load, origin)
            if code is not None:
                return code

        def start(place: int, channel: socket.socket) -> int:
            return self._score(place, channel, load)

        code = Supervisor(self.board, start, grace=self.settings.grace, opened=self._opened, stopping=self._stopping).run()
        tell_losses()
        return code

    def _load(self, load: Load, origin: forking.Origin) -> Optional[int]:
        """Here, for all. An exit code when that is the end of it."""
        known = forking.sockets()
        process = Process(self.app, self.listener)
        process.start()
        try:
            load(self.app)
        except DriverFailed as error:
            self.app.state = "failed"
            self.listener.close()
            tell_failure(error)
            return FAILED
        process.hang_up()
        if self.app.state != "starting":  # told to stop meanwhile
            return 0
        reason = forking.refusal(self.app.driver, known)
        if reason:
            self._start_again(reason, origin)
        warm(self.app)
        forking.freeze()
        return None

    def _start_again(self, reason: str, origin: forking.Origin) -> None:
        os.set_inheritable(self.listener.sock.fileno(), True)
        kept = {INHERITED: str(self.listener.sock.fileno()), "MODELPORT_SHARE": "off"}
        if self.settings.workers:
            say(f"The loaded model cannot be shared, as {reason}: each of the {self.count} processes loads it for itself.")
        else:
            say(f"The loaded model cannot be shared by several processes, as {reason}: one process serves.")
        origin.again(**kept)

    def _score(self, place: int, channel: socket.socket, load: Load) -> int:
        """In a new process."""
        self.listener.owned = False
        collect.spool = Relay(channel, self.board)  # type: ignore[assignment]
        self.app.metrics.use(self.board, place)
        process = Process(self.app, self.listener)
        process.server.call_soon(process.server.loop.add_reader, channel, lambda: self._parent_spoke(channel, process))
        if self.settings.share:
            forking.after_fork()
            return process.run(None, place)
        return process.run(load, place)

    @staticmethod
    def _parent_spoke(channel: socket.socket, process: Process) -> None:
        """Outside of answers, which are waited for, the parent only says that it has ended."""
        try:
            ended = not channel.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            ended = True
        if ended:
            process.server.loop.remove_reader(channel)
            process.drain()

    def _opened(self) -> None:
        shared = "which share the loaded model" if self.settings.share else "each of which has loaded the model"
        say(f"{self.count} processes score, {shared}.")
        name = self.settings.service or self.bundle.app.name
        say(f"Ready after {time.perf_counter() - self.began:.1f} s: {name} on {self.listener.address}")

    def _stopping(self) -> None:
        say("Stopping: finishing the requests in flight.")
        self.listener.close()
