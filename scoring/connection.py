"""One peer's bytes: HTTP/1.1 by httptools, with keep-alive, pipelining and limits on everything a peer can send."""

from __future__ import annotations

import asyncio
import collections
import threading
import time
from typing import TYPE_CHECKING, Any, Deque, Optional, Union

import httptools

from .errors import BadRequest, Busy, HeadersTooLarge, RequestError, TooLarge, TooSlow
from .exchange import Exchange, ids
from .messages import Request, Response

if TYPE_CHECKING:
    from .server import Server

HEAD_LIMIT, MOST_HEADERS = 32 * 1024, 100
HEAD_SECONDS, BODY_SECONDS, LEAST_BYTES_PER_SECOND = 20.0, 20.0, 64 * 1024
IDLE_SECONDS, LINGER_SECONDS, UNREAD_SECONDS = 75.0, 2.0, 60.0
MOST_PIPELINED, MOST_CONNECTIONS = 32, 2000

READ_BYTES = 256 * 1024


class Connection(asyncio.BufferedProtocol):
    """Bytes of one peer. Answers leave in the order in which the requests came.

    All connections of a loop read into one buffer: what is read is parsed, and so copied, before the next one reads.
    """

    def __init__(self, server: "Server"):
        self.server, self.app = server, server.app
        self.transport: Any = None
        self.descriptor = -1
        #: held while another thread writes to the socket, so that the loop does not close it meanwhile
        self.lock = threading.Lock()
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
        self.transport, self.descriptor = transport, transport.get_extra_info("socket").fileno()
        self.server.connections.add(self)
        if len(self.server.connections) > MOST_CONNECTIONS:
            self._refuse(Busy("Too many connections."))

    def connection_lost(self, error: Optional[Exception]) -> None:
        """The transport closes the socket after this."""
        with self.lock:
            self.closing, self.descriptor = True, -1
        self.server.connections.discard(self)
        self.server.count()
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
        hosts = headers["host"].count(",") + 1 if "host" in headers else 0
        if refused is None and hosts != 1 and (hosts or self.parser.get_http_version() == "1.1"):  # RFC 9112, 3.2
            refused = BadRequest("Send one Host header.")
        coding = headers.get("transfer-encoding", "chunked").strip().lower()
        if refused is None and coding != "chunked":  # RFC 9112, 6.1
            refused = RequestError(f"Send the body as it is, not as {coding[:40]}.", status=501, code="NotImplemented")
        length = headers.get("content-length", "0")
        if refused is None and length.isdigit() and int(length[:20]) > self.app.settings.max_body:
            refused = self._too_large()
        if refused is None:
            if headers.get("expect", "").lower() == "100-continue" and self.pipeline[0] is exchange:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        exchange.refused = refused
        if too_large or refused.status in (413, 501) or "expect" in headers:
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
            self.app.handle(request, exchange.reply, exchange.hurry)
        except Exception as error:  # ours: the connection and the process go on
            self.server.report(error, request.request_id)
            exchange.fail(RequestError("The scoring runtime failed."), close=True)

    # Out.

    def flush(self) -> None:
        """Write what is answered, in order. An answer stays in the pipeline until it is written: see `lets_through`."""
        while self.pipeline and self.pipeline[0].response is not None and not self.transport.is_closing():
            exchange = self.pipeline[0]
            self._write(exchange)
            if not exchange.keep_alive or (self.ended and len(self.pipeline) == 1):
                self._close()
                return
            self.pipeline.popleft()
        self._throttle()

    def _write(self, exchange: Exchange) -> None:
        assert exchange.response is not None
        exchange.keep_alive = exchange.keep_alive and (self.pulls or not self.server.draining)
        if exchange.rest is None:
            self.transport.write(exchange.encoded(exchange.response))
        elif exchange.rest:
            self.transport.write(exchange.rest)

    def lets_through(self, exchange: Exchange) -> bool:
        """In any thread: may this answer be written past the transport? While it is the next one, the loop writes nothing to this peer."""
        return (
            self.descriptor >= 0
            and not self.closing
            and not self.server.draining
            and self.pipeline[0] is exchange
            and not self.transport.is_closing()
            and not self.transport.get_write_buffer_size()
        )

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
