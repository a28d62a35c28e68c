"""What the processes of a replica tell the one that started them: collected rows, and who asks for them.

There is one spool, in the parent, so that `/collected` gives the rows of all whichever process is asked,
and what a process collected is still there when it has ended. A message is its length, a letter and bytes.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from typing import Any, Dict, Iterator, Tuple

from . import outputs
from .board import Board
from .spool import UNKNOWN, Spool, Stream

HEAD = struct.Struct("!IcI")  # bytes of both parts, what it is, bytes of the first part
PUT, LOSE, PULL = b"+", b"-", b"?"
#: longest wait for the parent, which does nothing else
SECONDS = 5.0


def _message(kind: bytes, header: Any, raw: bytes = b"") -> bytes:
    head = json.dumps(header).encode("ascii")
    return HEAD.pack(len(head) + len(raw), kind, len(head)) + head + raw


class Relay:
    """In a worker, in the place of `collect.spool`. Nothing here raises into a request; what cannot be sent is counted as lost."""

    shared = True

    def __init__(self, channel: socket.socket, board: Board):
        self.channel, self.board = channel, board
        channel.settimeout(SECONDS)
        self._lock = threading.Lock()

    def add(self, batch: Dict[str, Any], rows: int) -> None:
        stream: Stream = (batch["model"], batch["modelVersion"], batch["identifier"])
        self._send(_message(PUT, [stream, rows], outputs.encode(batch)), rows)

    def lose(self, rows: int, stream: Stream = UNKNOWN) -> None:
        self._send(_message(LOSE, [stream, rows]), rows)

    def pull(self, after: int, most: int = 1024 * 1024, *, of: str = "") -> bytes:
        """What the parent's spool answers. Raises OSError when the parent is gone."""
        with self._lock:
            self.channel.sendall(_message(PULL, [after, most, of]))
            (length,) = struct.unpack("!I", self._read(4))
            return self._read(length)

    def _read(self, length: int) -> bytes:
        out = bytearray()
        while len(out) < length:
            part = self.channel.recv(min(length - len(out), 256 * 1024))
            if not part:
                raise ConnectionError("The process that keeps the collected rows has ended.")
            out += part
        return bytes(out)

    def _send(self, message: bytes, rows: int) -> None:
        try:
            with self._lock:
                self.channel.sendall(message)
        except OSError:  # half of it may have gone: nothing can follow on this channel
            self.channel.close()
            self.board.add("dropped", rows)

    @property
    def last(self) -> int:
        return int(self.board.said("collected"))

    @property
    def dropped(self) -> int:
        return int(self.board.said("dropped"))

    @property
    def waiting(self) -> int:
        return int(self.board.said("uncollected"))

    @property
    def coming(self) -> bool:
        """Is any process in a call that may collect?"""
        return self.board.busy()


class Desk:
    """The parent's end of one channel."""

    def __init__(self, channel: socket.socket, spool: Spool, board: Board):
        self.channel, self._spool, self._board = channel, spool, board
        channel.settimeout(SECONDS)
        self._bytes = bytearray()
        self._publish()

    @property
    def open(self) -> bool:
        return self.channel.fileno() >= 0

    def read(self) -> bool:
        """What has come, done. False when the worker has hung up."""
        try:
            part = self.channel.recv(1024 * 1024)
        except OSError:
            return False
        self._bytes += part
        for kind, header, raw in self._messages():
            if kind == PULL:
                answer = self._spool.pull(header[0], header[1], of=header[2])
                try:
                    self.channel.sendall(struct.pack("!I", len(answer)) + answer)
                except OSError:
                    return False
            elif kind == PUT:
                self._spool.put(tuple(header[0]), header[1], raw)
            else:
                self._spool.lose(header[1], tuple(header[0]))
        self._publish()
        return bool(part)

    def _publish(self) -> None:
        self._board.say("collected", self._spool.last)
        self._board.say("dropped", self._spool.dropped)
        self._board.say("uncollected", self._spool.waiting)

    def _messages(self) -> Iterator[Tuple[bytes, Any, bytes]]:
        while len(self._bytes) >= HEAD.size:
            length, kind, first = HEAD.unpack_from(self._bytes)
            if len(self._bytes) < HEAD.size + length:
                return
            body = bytes(self._bytes[HEAD.size : HEAD.size + length])
            del self._bytes[: HEAD.size + length]
            yield kind, json.loads(body[:first]), body[first:]
