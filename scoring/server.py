"""HTTP/1.1 in and out on one event loop: keep-alive, pipelining, limits, drain.

The loop runs in a thread of its own, so that the user's code has the main thread
(signals, event loops and libraries that insist on it work there as in a script).
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import threading
import time
from typing import Any, Callable, Set, Union

from . import collect
from .app import App
from .connection import Connection

SWEEP_SECONDS = 0.5


class Server:
    """Listens, in a thread, until drained. `listen` is (host, port) or a socket path."""

    def __init__(self, app: App, listen: Union[tuple, str], report: Callable[[BaseException, str], None]):
        self.app, self.listen, self.report = app, listen, report
        self.connections: Set[Connection] = set()
        self.in_flight = self.buffered = 0
        self.most_buffered = max(256 * 1024 * 1024, 4 * app.settings.max_body)
        self.draining = False
        self.patience = app.settings.patience
        self.address = ""
        self.on_drained: Callable[[], None] = lambda: None
        self.loop = asyncio.new_event_loop()
        self._server: Any = None
        self._inode = 0
        self._thread = threading.Thread(target=self._main, name="http", daemon=True)

    def start(self) -> None:
        """Bind here (OSError when that fails), serve in the thread."""
        sock = self._bind()
        self.app.call_later = self.loop.call_later
        self._server = self.loop.run_until_complete(self.loop.create_server(lambda: Connection(self), sock=sock, backlog=1024))
        self._thread.start()

    def _bind(self) -> socket.socket:
        if isinstance(self.listen, str):
            if os.path.exists(self.listen) and stat.S_ISSOCK(os.stat(self.listen).st_mode):
                os.unlink(self.listen)  # left over from a replica that was killed
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.bind(self.listen)
            self._inode = os.stat(self.listen).st_ino
            os.chmod(self.listen, 0o666)  # the folder decides who reaches it; the secret who is answered
            self.address = self.listen
        else:
            host, port = self.listen
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            sock = socket.socket(family, socket.SOCK_STREAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, port))
            shown = f"[{host}]" if ":" in host else host
            self.address = f"http://{shown}:{sock.getsockname()[1]}"
        sock.setblocking(False)
        return sock

    def _main(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.call_later(SWEEP_SECONDS, self._sweep)
        self.loop.run_forever()

    def _sweep(self) -> None:
        now = time.monotonic()
        for connection in list(self.connections):
            connection.sweep(now)
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
        self._server.close()
        self.unlink()
        for connection in list(self.connections):
            if not connection.pipeline and connection.current is None and not connection.pulls:
                connection.transport.close()
        self._finish(time.monotonic() + self.app.settings.grace)

    def unlink(self) -> None:
        """Remove our socket file, unless another replica has put its own there."""
        if isinstance(self.listen, str) and os.path.exists(self.listen) and os.stat(self.listen).st_ino == self._inode:
            os.unlink(self.listen)

    def _finish(self, deadline: float) -> None:
        busy = self.in_flight > 0 or any(each.current is not None or each.transport.get_write_buffer_size() for each in self.connections)
        # What was collected is not lost with us while somebody is there who takes it.
        busy = busy or (any(each.pulls for each in self.connections) and collect.spool.waiting > 0)
        if busy and time.monotonic() < deadline:
            self.loop.call_later(0.02, self._finish, deadline)
        else:
            self.on_drained()
