"""One peer's bytes: HTTP/1.1 by httptools, with keep-alive, pipelining and limits on everything a peer can send."""

from __future__ import annotations

import asyncio
import collections
import itertools
import os
import time
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Deque, Dict, Optional, Union

import httptools

from .errors import BadRequest, Busy, HeadersTooLarge, RequestError, TooLarge, TooSlow
from .messages import Request, Response, error_response

if TYPE_CHECKING:
    from .server import Server

HEAD_LIMIT, MOST_HEADERS = 32 * 1024, 100
HEAD_SECONDS, BODY_SECONDS, LEAST_BYTES_PER_SECOND = 20.0, 20.0, 64 * 1024
IDLE_SECONDS, LINGER_SECONDS, UNREAD_SECONDS = 75.0, 2.0, 60.0
MOST_PIPELINED, MOST_CONNECTIONS = 32, 2000

STATUS_LINES = {each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode("ascii") for each in HTTPStatus}
READ_BYTES = 256 * 1024


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

    def fail(self, error: RequestError, *, close: bool = False) -> None:
        if close:
            self.keep_alive = False
        self.reply(error_response(error, self.request_id))


class Connection(asyncio.BufferedProtocol):
    """Bytes of one peer. Answers leave in the order in which the requests came.

    All connections of a loop read into one buffer: what is read is parsed, and so copied, before the next one reads.
    """

    def __init__(self, server: "Server"):
        self.server, self.app = server, server.app
        self.transport: Any = None
        self.parser = httptools.HttpRequestParser(self)
        self.pipeline: Deque[Exchange] = collections.deque()
        self.current: Optional[Exchange] = None
        self.in_head = self.closing = self.paused = self.unread = self.ended = False
        #: asks for collected rows, and may go on while the process ends, until it has them all
        self.pulls = False
        self.head_bytes = 0
        self.since = time.monotonic()

    # From the transport.

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.server.connections.add(self)
        if len(self.server.connections) > MOST_CONNECTIONS:
            self._refuse(Busy("Too many connections."))

    def connection_lost(self, error: Optional[Exception]) -> None:
        self.closing = True
        self.server.connections.discard(self)
        if self.current is not None:
            self.current.release()
            self.current = None
        for exchange in self.pipeline:
            if exchange.response is None:
                exchange.response = Response(b"")
                self.server.in_flight -= 1
        self.pipeline.clear()
        self.parser = None

    def eof_received(self) -> bool:
        """A peer that has said all it wants still gets its answers; half a request gets none."""
        self.ended = True
        return bool(self.pipeline) and self.current is None and not self.closing

    def pause_writing(self) -> None:
        self.unread, self.since = True, time.monotonic()
        self._throttle()

    def resume_writing(self) -> None:
        self.unread, self.since = False, time.monotonic()
        self._throttle()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.server.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(self.server.buffer[:nbytes])

    def data_received(self, data: Union[bytes, memoryview]) -> None:
        if self.closing:
            return
        if self.current is None and not self.pipeline:
            self.since = time.monotonic()
        if self.in_head or self.current is None:
            self.head_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._last()
            return
        except httptools.HttpParserError as error:
            if not self.closing:
                self._refuse(BadRequest("This is not HTTP that can be read."), error)
            return
        if self.in_head and self.head_bytes > HEAD_LIMIT and not self.closing:
            self._refuse(HeadersTooLarge(f"The headers are larger than {HEAD_LIMIT} bytes."))
        elif self.current is None:
            self.head_bytes = 0
        self._throttle()

    # From the parser. An exception here would come back as a parser error.

    def on_message_begin(self) -> None:
        if self.closing:
            return
        self.current = Exchange(self)
        self.in_head, self.since = True, time.monotonic()

    def on_url(self, url: bytes) -> None:
        if self.current is not None and len(self.current.target) <= HEAD_LIMIT:
            self.current.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        exchange = self.current
        if exchange is None:
            return
        exchange.count += 1
        exchange.size += len(name) + len(value)
        if exchange.count <= MOST_HEADERS and exchange.size <= HEAD_LIMIT:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            headers = exchange.headers
            headers[key] = f"{headers[key]}, {text}" if key in headers else text

    def on_headers_complete(self) -> None:
        exchange = self.current
        if exchange is None:
            return
        self.in_head, self.head_bytes, self.since = False, 0, time.monotonic()
        headers = exchange.headers
        method = self.parser.get_method().decode("latin-1")
        given = headers.get("x-request-id", "")
        usable = 0 < len(given) <= 100 and given.isascii() and given.isprintable()
        target = exchange.target
        if not target.startswith(b"/"):
            target = _path_of(target)
        request = exchange.request = Request(method, target, headers, given if usable else ids.new())
        exchange.head_only = method == "HEAD"
        too_large = exchange.count > MOST_HEADERS or exchange.size > HEAD_LIMIT or len(exchange.target) > HEAD_LIMIT
        exchange.size = 0
        self.server.in_flight += 1
        self.pipeline.append(exchange)
        refused = HeadersTooLarge("There are too many headers.") if too_large else self.app.admit(request)
        length = headers.get("content-length", "0")
        if refused is None and length.isdigit() and int(length[:20]) > self.app.settings.max_body:
            refused = self._too_large()
        if refused is None:
            if headers.get("expect", "").lower() == "100-continue" and self.pipeline[0] is exchange:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        exchange.refused = refused
        if too_large or refused.status == 413 or "expect" in headers:
            self._end(exchange, refused)

    def on_body(self, data: bytes) -> None:
        exchange = self.current
        if exchange is None or self.closing:
            return
        exchange.size += len(data)
        if exchange.size > self.app.settings.max_body:
            self._end(exchange, self._too_large())
        elif exchange.refused is None and exchange.request is not None and exchange.request.scores:
            exchange.take(data)
            if self.server.buffered > self.server.most_buffered:
                self._end(exchange, Busy("Too many large requests at once."))

    def on_message_complete(self) -> None:
        exchange, self.current = self.current, None
        if exchange is None or self.closing or exchange.response is not None:
            return
        self.since = time.monotonic()
        exchange.keep_alive = self.parser.should_keep_alive()
        if exchange.refused is not None:
            exchange.fail(exchange.refused)
            return
        request = exchange.request
        assert request is not None
        request.body, exchange.body = exchange.body, b""
        self.pulls = request.path == "/collected"
        try:
            self.app.handle(request, exchange.reply)
        except Exception as error:  # ours: the connection and the process go on
            self.server.report(error, request.request_id)
            exchange.fail(RequestError("The scoring runtime failed."), close=True)

    # Out.

    def flush(self) -> None:
        """Write what is answered, in order."""
        while self.pipeline and self.pipeline[0].response is not None and not self.transport.is_closing():
            exchange = self.pipeline.popleft()
            self._write(exchange)
            if not exchange.keep_alive or (self.ended and not self.pipeline):
                self._close()
                return
        self._throttle()

    def _write(self, exchange: Exchange) -> None:
        response = exchange.response
        assert response is not None
        keep = exchange.keep_alive and (self.pulls or not self.server.draining)
        body = response.body
        head = STATUS_LINES.get(response.status) or b"HTTP/1.1 %d Status\r\n" % response.status
        if response.status != 204:
            head += b"content-type: %b\r\ncontent-length: %d\r\n" % (response.content_type, len(body))
        head += b"x-request-id: %b\r\n" % exchange.request_id.encode("latin-1")
        if response.headers:
            head += "".join(f"{name}: {value}\r\n" for name, value in response.headers.items()).encode("latin-1")
        if not keep:
            head += b"connection: close\r\n\r\n"
        else:  # who asks to stay on HTTP/1.0 (`ab -k`) waits for our hanging up unless told
            head += b"connection: keep-alive\r\n\r\n" if "connection" in exchange.headers else b"\r\n"
        self.transport.write(head if exchange.head_only else head + body)
        exchange.keep_alive = keep

    def _close(self) -> None:
        """After the last answer: say so, let the peer read it, then hang up (see `sweep`)."""
        self.closing, self.since = True, time.monotonic()
        self._drop_pipeline()
        try:
            self.transport.write_eof()
        except (OSError, NotImplementedError):
            # A health check of the gateway hangs up as soon as it has read the status.
            self.transport.close()

    def _drop_pipeline(self) -> None:
        for exchange in self.pipeline:
            if exchange.response is None:
                exchange.response = Response(b"")
                self.server.in_flight -= 1
        self.pipeline.clear()
        if self.transport is not None and self.paused and not self.transport.is_closing():
            self.paused = False
            self.transport.resume_reading()

    def _end(self, exchange: Exchange, error: RequestError) -> None:
        """Answer before the body has arrived, and take nothing more from this peer."""
        exchange.release()
        self.current = None
        exchange.fail(error, close=True)

    def _refuse(self, error: RequestError, cause: Optional[BaseException] = None) -> None:
        """For a peer whose request cannot be told apart: answered after what is still in the pipeline."""
        exchange = self.current if self.current is not None and self.current.request is not None else Exchange(self)
        if self.current is not None:
            self.current.release()
        self.current = None
        if exchange.response is None:
            if exchange not in self.pipeline:
                self.server.in_flight += 1
                self.pipeline.append(exchange)
            exchange.fail(error, close=True)

    def _last(self) -> None:
        """No request is read after this one (an upgrade was asked for; it is not done)."""
        if self.pipeline:
            self.pipeline[-1].keep_alive = False
        elif not self.closing:
            self._close()

    def _too_large(self) -> RequestError:
        return TooLarge(f"The body is larger than {self.app.settings.max_body} bytes.")

    def _throttle(self) -> None:
        """Read no further while answers wait to be made or to be read."""
        wanted = not self.closing and (self.unread or len(self.pipeline) >= MOST_PIPELINED)
        if wanted != self.paused and self.transport is not None and not self.transport.is_closing():
            self.paused = wanted
            (self.transport.pause_reading if wanted else self.transport.resume_reading)()

    def sweep(self, now: float) -> None:
        """Called twice a second."""
        waited = now - self.since
        if self.closing:
            if waited > LINGER_SECONDS:
                self.transport.abort() if waited > 2 * LINGER_SECONDS else self.transport.close()
        elif self.unread:
            if waited > UNREAD_SECONDS:
                self.transport.abort()
        elif self.current is not None:
            allowed = HEAD_SECONDS if self.in_head else BODY_SECONDS + self.current.size / LEAST_BYTES_PER_SECOND
            if waited > allowed * self.server.patience:
                self._refuse(TooSlow("The request arrived too slowly."))
        elif not self.pipeline and waited > (IDLE_SECONDS if not self.head_bytes else HEAD_SECONDS * self.server.patience):
            self.transport.close()


def _path_of(target: bytes) -> bytes:
    """The path of an absolute-form target; what has none leads to 404."""
    try:
        url = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        return b""
    return (url.path or b"/") + (b"?" + url.query if url.query else b"")
