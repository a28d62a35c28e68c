"""The routes as a table, and who may call them with what. Knows nothing of sockets."""

from __future__ import annotations

import collections
import hmac
import platform
import time
import urllib.parse
from typing import Any, Callable, Deque, Dict, Optional, Tuple

from . import collect, forms, protocol
from .batching import Done, Job
from .bundle import Bundle, Settings
from .calls import Calls
from .documents import Documents
from .driver import Driver
from .errors import (
    BadInput,
    Busy,
    Forbidden,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    RequestError,
    TimedOut,
    UnsupportedType,
)
from .messages import Request, Response, error_response, json_response
from .metrics import Metrics
from .schema import Schema

#: the caller's own name for a request, sent back as it came
CALLERS_ID = "x-ms-client-request-id"
#: bodies up to this size are checked on the event loop, so that a bad one is refused without queueing
CHECKED_AT_ONCE = 64 * 1024


class App:
    """One bundle, served. `call_later(seconds, act)` is the event loop's, set by the server."""

    def __init__(self, bundle: Bundle, settings: Settings):
        self.bundle, self.settings = bundle, settings
        self.title = settings.service.rpartition("/")[2] or bundle.app.name
        self.driver = Driver(bundle.app, bundle.driver, bundle.schema)
        self.metrics = Metrics()
        self.calls = Calls(bundle, settings, self.driver, self.metrics, self.title)
        self.worker = self.calls.worker
        self.state = "starting"
        self.call_later: Callable[..., Any] = lambda seconds, act: None
        self._secret = settings.secret.encode("utf-8")
        #: when the requests that wait for run() end, the first one first; one timer is enough for all
        self._deadlines: Deque[Tuple[float, Job]] = collections.deque()
        self._alarm = False
        #: versions of the main packages, for `/readyz`; filled after load
        self.packages: Dict[str, str] = {}
        self.documents = Documents(self)
        self.routes: Dict[str, Dict[str, Callable[[Request], Response]]] = {
            "/": {"GET": self._root},
            "/livez": {"GET": self._live},
            "/readyz": {"GET": self._ready},
            "/swagger.json": {"GET": self._swagger},
            "/openapi.json": {"GET": lambda request: Response(self.documents.openapi())},
            "/metrics": {"GET": self._metrics},
            "/collected": {"GET": self._collected},
            "/score": dict.fromkeys(self.driver.methods, self._never),
        }

    # What is refused before a body is read.

    def admit(self, request: Request) -> Optional[RequestError]:
        if self._secret and request.path != "/livez":
            given = request.headers.get("x-modelport-secret", "").encode("utf-8", "replace")
            if not hmac.compare_digest(given, self._secret):
                return Forbidden("This replica answers its gateway only.")
        route = self._route(request.path)
        if route is None or (request.path == "/collected" and "x-modelport-pull" not in request.headers):
            return NotFound("There is nothing at this path.")
        method = "GET" if request.method == "HEAD" and "GET" in route else request.method
        if method not in route:
            return MethodNotAllowed(", ".join(list(route) + (["HEAD"] if "GET" in route else [])))
        if request.scores:
            return self._admit_body(request)
        return None

    @property
    def schema(self) -> Optional[Schema]:
        """From the bundle, or from the decorators of the loaded file."""
        return self.driver.schema

    def _route(self, path: str) -> Optional[Dict[str, Callable[[Request], Response]]]:
        route = self.routes.get(path)
        if route is None and path.startswith("/v2"):
            kind = protocol.kind_of(path, self.title, self.settings.version)
            if kind == "infer":
                return {"POST": self._never}
            if kind:
                return {"GET": lambda request: self._protocol(kind)}
        return route

    def _admit_body(self, request: Request) -> Optional[RequestError]:
        """Settles `form` and `wants` of a request to /score."""
        headers = request.headers
        if self.driver.raw:
            return None
        coding = headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            return UnsupportedType(f"Send the body as it is, not as {coding[:40]}.")
        if request.path == "/score" and headers.get("accept", "*/*") not in ("*/*", forms.JSON):
            try:
                wanted = self.calls.forms.wanted(headers["accept"])
            except NotAcceptable as error:
                return error
            request.wants = "" if wanted == forms.JSON else wanted
        given = headers.get("content-type", forms.JSON)
        if given == forms.JSON or self.schema is None or request.method != "POST" or protocol.LENGTH in headers:
            return None
        given = forms.media_type(given)
        if request.path == "/score" and given in self.calls.forms.taken:
            request.form = given
        elif given and not forms.is_json(given):
            return self.calls.forms.refusal(given)
        return None

    # What is answered.

    def handle(self, request: Request, reply: Callable[[Response], None], hurry: Callable[[Response], None]) -> None:
        """On the event loop. `reply` is called once, now or later, on the loop.

        An answer may be given to `hurry` first, in the thread of the worker: see `deliver`.
        """
        if request.scores:
            self._score(request, reply, hurry)
            return
        act = (self._route(request.path) or {})["GET"]
        try:
            reply(act(request))
        except RequestError as error:
            reply(error_response(error, request.request_id))

    def _score(self, request: Request, reply: Callable[[Response], None], hurry: Callable[[Response], None]) -> None:
        if self.state not in ("ready", "stopping"):
            self._refuse(request, reply, Busy(f"The service is {self.state}.", code="NotReady"))
            return
        job = Job(request, reply, hurry)
        try:
            if len(request.body) <= CHECKED_AT_ONCE and not request.form:
                self.calls.check(job)
            if not self.worker.submit(job):
                raise Busy("Too many requests are waiting.")
        except RequestError as error:
            self._refuse(request, reply, error)
            return
        self._deadlines.append((time.monotonic() + self.settings.timeout, job))
        if not self._alarm:
            self._alarm = True
            self.call_later(self.settings.timeout, self._expire)

    def _refuse(self, request: Request, reply: Callable[[Response], None], error: RequestError) -> None:
        response = _refusal(request, error)
        self.metrics.refused(response.status)
        reply(response)

    def _expire(self) -> None:
        """Nobody waits any more; run() cannot be stopped, its late answer is dropped by the connection."""
        now = time.monotonic()
        while self._deadlines and self._deadlines[0][0] <= now:
            job = self._deadlines.popleft()[1]
            if job.claim():
                self._refuse(job.request, job.answer, TimedOut(f"There was no answer within {self.settings.timeout:g} seconds."))
        self._alarm = bool(self._deadlines)
        if self._alarm:
            self.call_later(self._deadlines[0][0] - now, self._expire)

    def deliver(self, done: Done, call_soon: Callable[..., None]) -> bool:
        """In the worker, which is done with these: answer them by way of the event loop. True when the worker is told once they are.

        They are written from here and the loop is told afterwards, unless another call waits that only this thread can make: with one
        caller at a time, waking the loop's thread is a good part of what the runtime adds to run(); with many, the loop reads what
        those ask who have their answer while this thread writes the others', so that nearly all of them are in the next call.
        """
        mine = []
        for job, response in done:
            if job.claim():
                self.metrics.answered(response.status)
                mine.append((job, _dressed(job.request, response)))
        several = len(mine) > 1  # then the worker waits for the loop in any case
        if several or not self.worker.waiting:
            for job, response in mine:
                job.hurry(response)
        call_soon(self._finish, mine)
        return several

    def _finish(self, done: Done) -> None:
        """On the event loop."""
        try:
            for job, response in done:
                job.answer(response)
            while self._deadlines and self._deadlines[0][1].claimed:  # they end in the order in which they came
                self._deadlines.popleft()
        finally:
            if len(done) > 1:
                self.worker.settled()

    # The replica's state, which may be that of several processes.

    def publish(self) -> bool:
        """Tell the other processes how it stands here. True when calls should go to them: run() is past its time limit here only."""
        gauge, worker, board = self.metrics.gauge, self.worker, self.metrics.board
        gauge("ready", self.state == "ready")
        gauge("waiting", worker.waiting)
        gauge("started", worker.started_at or 0)
        gauge("batching", worker.greedy)
        return worker.busy_for() > self.settings.timeout and board.stuck(self.settings.timeout) < board.ready()

    @property
    def status(self) -> str:
        """Of the replica."""
        board = self.metrics.board
        if self.state != "ready":
            return self.state
        if not board.said("opened"):
            return "starting"
        return "stuck" if board.stuck(self.settings.timeout) >= board.ready() else "ready"

    # The small routes.

    def _never(self, request: Request) -> Response:
        raise NotFound("There is nothing at this path.")

    def _root(self, request: Request) -> Response:
        if self.state != "ready":
            raise Busy(f"The service is {self.state}.", code="NotReady")
        return Response(b"Healthy", content_type=b"text/plain; charset=utf-8")

    def _live(self, request: Request) -> Response:
        return json_response({"status": "alive"})

    def _ready(self, request: Request) -> Response:
        self.publish()
        status, settings = self.status, self.settings
        document = {
            "status": status,
            "service": settings.service,
            "revision": settings.revision,
            "digest": self.bundle.digest,
            "nonce": settings.nonce,
            "python": platform.python_version(),
            "packages": self.packages,
            "batching": self.worker.greedy,
        }
        return json_response(document) if status == "ready" else json_response(document, 503, {"retry-after": "1"})

    def _protocol(self, kind: str) -> Response:
        if kind in ("live", "ready"):
            ready = kind == "live" or self.state == "ready"
            return json_response({kind: True} if ready else {"error": f"The service is {self.state}."}, 200 if ready else 503)
        version = self.settings.version
        return json_response(protocol.server(version) if kind == "server" else protocol.metadata(self.schema, self.title, version))

    def _swagger(self, request: Request) -> Response:
        version = urllib.parse.parse_qs(request.query).get("version", [""])[0]
        return Response(self.documents.swagger(version))

    def _metrics(self, request: Request) -> Response:
        self.publish()
        spool = collect.spool
        text = self.metrics.text(ready=self.status == "ready", collected=spool.last, dropped=spool.dropped)
        return Response(text.encode("utf-8"), content_type=b"text/plain; version=0.0.4; charset=utf-8")

    def _collected(self, request: Request) -> Response:
        try:
            return Response(collect.answer(request.query))
        except ValueError as error:
            raise BadInput(str(error)) from None


def _dressed(request: Request, response: Response) -> Response:
    """The answer as this caller gets it: with his own name for the request, and in the shape of the protocol he speaks."""
    known = request.headers.get(CALLERS_ID)
    if known and len(known) <= 100 and known.isascii() and known.isprintable():
        response.headers = {**(response.headers or {}), CALLERS_ID: known}
    if response.status >= 400 and request.path != "/score":
        response.body = protocol.failure(response.body)
    return response


def _refusal(request: Request, error: RequestError) -> Response:
    return _dressed(request, error_response(error, request.request_id))
