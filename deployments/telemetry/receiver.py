"""Takes the gateway's call log over TCP and hands each call on."""

from __future__ import annotations

import logging
import socketserver
import threading
from collections.abc import Callable

from deployments.telemetry.lines import BadLine, Call, parse

logger = logging.getLogger(__name__)
LONGEST_FRAME = 65536


class CallReceiver:
    """Listens on `host:port` and calls `on_call` for each line, from one thread a connection.

    A reloading gateway has several connections for a while, so `on_call` is
    called under a lock: one call at a time. `received`, `unreadable` (lines that
    are not calls) and `failed` (calls that `on_call` raised on) only grow.
    """

    def __init__(self, host: str, port: int, on_call: Callable[[Call], None]):
        self.on_call = on_call
        self.received = self.unreadable = self.failed = 0
        self._lock = threading.Lock()
        receiver = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                try:
                    receiver._read(self.rfile)
                except OSError:
                    logger.info("the gateway's log connection ended")

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False

        self._server = Server((host, port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="call-log", daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; the port that was found when 0 was asked for."""
        host, port = self._server.server_address[:2]
        return str(host), int(port)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """No new connections; what is connected ends with the process."""
        self._server.shutdown()
        self._server.server_close()

    def _read(self, stream) -> None:
        """Frames of RFC 6587: `<length> <text>`, or lines ended by a newline; told apart by their first character."""
        while first := stream.read(1):
            if first.isspace():
                continue
            if first.isdigit():
                digits = first
                while (character := stream.read(1)).isdigit() and len(digits) < 7:
                    digits += character
                size = int(digits)
                if character != b" " or size > LONGEST_FRAME:
                    # Where the next frame begins is not known any more: drop the connection, the gateway makes a new one.
                    self._count_unreadable()
                    return
                frame = stream.read(size)
                if len(frame) < size:
                    self._count_unreadable()
                    return
            else:
                frame = first + stream.readline(LONGEST_FRAME)
            self._take(frame)

    def _count_unreadable(self) -> None:
        with self._lock:
            self.unreadable += 1

    def _take(self, frame: bytes) -> None:
        try:
            call = parse(frame.decode(errors="replace"))
        except BadLine:
            self._count_unreadable()
            return
        with self._lock:
            self.received += 1
            try:
                self.on_call(call)
            except Exception:
                self.failed += 1
                logger.exception("a call from the gateway's log could not be counted")
