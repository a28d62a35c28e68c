"""One request on a connection and its answer, from the first byte of its head to the bytes that leave."""

from __future__ import annotations

import itertools
import os
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Dict, Optional, Union

from .errors import RequestError
from .messages import Request, Response, error_response

if TYPE_CHECKING:
    from .connection import Connection

STATUS_LINES = {each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode("ascii") for each in HTTPStatus}


class Ids:
    """Ids of requests: a random beginning for each process, and a number. Much cheaper than a random number for each."""

    def __init__(self) -> None:
        self._begin()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._start, self._count = uuid.uuid4().hex[:20], itertools.count(1)

    def new(self) -> str:
        return f"{self._start}{next(self._count):012x}"


ids = Ids()


class Exchange:
    """One request on a connection and its answer."""

    __slots__ = (
        "body",
        "connection",
        "count",
        "head_only",
        "headers",
        "held",
        "keep_alive",
        "made_id",
        "refused",
        "request",
        "response",
        "rest",
        "size",
        "target",
    )

    def __init__(self, connection: "Connection"):
        self.connection = connection
        self.request: Optional[Request] = None
        self.target = b""
        self.headers: Dict[str, str] = {}
        self.count = self.size = self.held = 0
        self.body: Union[bytes, bytearray] = b""
        self.made_id = ""
        self.refused: Optional[RequestError] = None
        self.keep_alive = self.head_only = False
        self.response: Optional[Response] = None
        #: of an answer that left early, what the loop has still to write
        self.rest: Optional[bytes] = None

    @property
    def request_id(self) -> str:
        if self.request is not None:
            return self.request.request_id
        self.made_id = self.made_id or ids.new()
        return self.made_id

    def take(self, data: bytes) -> None:
        """One part of the body. Many small parts must not cost more than one large one."""
        if not self.body:
            self.body = data
        else:
            if isinstance(self.body, bytes):
                self.body = bytearray(self.body)
            self.body += data
        self.held += len(data)
        self.connection.server.buffered += len(data)

    def release(self) -> None:
        """The body is not needed any more."""
        self.connection.server.buffered -= self.held
        self.held, self.body = 0, b""

    def reply(self, response: Response) -> None:
        self.release()
        if self.response is None:
            self.response = response
            self.connection.server.in_flight -= 1
            self.connection.flush()

    def hurry(self, response: Response) -> None:
        """In another thread than the loop's, before `reply`: write the answer if nothing else is on its way to this peer."""
        connection = self.connection
        with connection.lock:
            try:
                if self.keep_alive and connection.lets_through(self):
                    answer = self.encoded(response)
                    self.rest = answer[os.write(connection.descriptor, answer) :]
            except (OSError, IndexError):  # the socket's buffer is full, or the peer has gone meanwhile: the loop's to see to
                pass

    def fail(self, error: RequestError, *, close: bool = False) -> None:
        if close:
            self.keep_alive = False
        self.reply(error_response(error, self.request_id))

    def encoded(self, response: Response) -> bytes:
        """The answer as it goes to the peer."""
        body = response.body
        head = STATUS_LINES.get(response.status) or b"HTTP/1.1 %d Status\r\n" % response.status
        if response.status != 204:
            head += b"content-type: %b\r\ncontent-length: %d\r\n" % (response.content_type, len(body))
        head += b"x-request-id: %b\r\n" % self.request_id.encode("latin-1")
        if response.headers:
            head += "".join(f"{name}: {value}\r\n" for name, value in response.headers.items()).encode("latin-1")
        if not self.keep_alive:
            head += b"connection: close\r\n\r\n"
        else:  # who asks to stay on HTTP/1.0 (`ab -k`) waits for our hanging up unless told
            head += b"connection: keep-alive\r\n\r\n" if "connection" in self.headers else b"\r\n"
        return head if self.head_only else head + body
