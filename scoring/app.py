"""The routes as a table, and what each of them answers. Knows nothing of sockets."""

from __future__ import annotations

import hmac
import json
import platform
import sys
import time
import urllib.parse
from typing import Any, Callable, Dict, Iterator, List, Optional, Union

from . import collect, decorated, explain, inputs, outputs, protocol, rawhttp, sharing
from .batching import Done, Job, Worker
from .bundle import Bundle, Settings
from .documents import Documents
from .driver import Driver
from .errors import (
    BadInput,
    Busy,
    Forbidden,
    MethodNotAllowed,
    NotFound,
    RequestError,
    TimedOut,
    UnsupportedType,
)
from .metrics import Metrics
from .schema import Schema

#: bodies up to this size are checked on the event loop, so that a bad one is refused without queueing
CHECKED_AT_ONCE = 64 * 1024


class Response:
    __slots__ = ("body", "content_type", "headers", "status")

    def __init__(
        self, body: bytes, *, status: int = 200, content_type: bytes = b"application/json", headers: Optional[Dict[str, str]] = None
    ):
        self.status, self.body, self.content_type, self.headers = status, body, content_type, headers


class Request:
    """`headers` has lower-case names; `request_id` is the caller's, when it is usable, or a new one."""

    __slots__ = ("asked", "body", "headers", "method", "path", "query", "request_id")

    def __init__(self, method: str, target: bytes, headers: Dict[str, str], request_id: str):
        path, _, query = target.partition(b"?")
        self.method, self.headers, self.request_id = method, headers, request_id
        self.path = path.decode("latin-1")
        self.query = query.decode("latin-1")
        self.body: Union[bytes, bytearray] = b""
        self.asked: Optional[protocol.Asked] = None

    @property
    def scores(self) -> bool:
        """Does it go to run()? (Of a request that was admitted.)"""
        return self.path == "/score" or (self.path.startswith("/v2/") and self.path.endswith("/infer"))


def error_response(error: RequestError, request_id: str) -> Response:
    body = json.dumps(error.document(request_id)).encode("ascii")
    return Response(body, status=error.status, headers=error.headers)


def _json(document: Any, status: int = 200, headers: Optional[Dict[str, str]] = None) -> Response:
    return Response(json.dumps(document).encode("ascii"), status=status, headers=headers)


class App:
    """One bundle, served. `call_later(seconds, act)` and `call_soon` are the event loop's, set by the server."""

    def __init__(self, bundle: Bundle, settings: Settings):
        self.bundle, self.settings = bundle, settings
        self.driver = Driver(bundle.app, bundle.driver, bundle.schema)
        self.worker = Worker(self._work, settings.queue_limit)
        self.metrics = Metrics()
        self.state = "starting"
        self.call_later: Callable[..., Any] = lambda seconds, act: None
        self._secret = settings.secret.encode("utf-8")
        #: versions of the main packages, for `/readyz`; filled after load
        self.packages: Dict[str, str] = {}
        documents = Documents(self)
        self.routes: Dict[str, Dict[str, Callable[[Request], Response]]] = {
            "/": {"GET": self._root},
            "/livez": {"GET": self._live},
            "/readyz": {"GET": self._ready},
            "/swagger.json": {"GET": lambda request: Response(documents.swagger())},
            "/openapi.json": {"GET": lambda request: Response(documents.openapi())},
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
            return self._admit_body(request.method, request.headers)
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

    def _admit_body(self, method: str, headers: Dict[str, str]) -> Optional[RequestError]:
        if self.driver.raw:
            return None
        coding = headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            return UnsupportedType(f"Send the body as it is, not as {coding[:40]}.")
        if self.schema is None or method != "POST" or protocol.LENGTH in headers:
            return None
        given = headers.get("content-type", "").split(";")[0].strip().lower()
        if given and given != "application/json" and not (given.startswith("application/") and given.endswith("+json")):
            return UnsupportedType(
                f"This service takes application/json, not {given[:60]}. Send the header Content-Type: application/json."
            )
        return None

    # What is answered.

    def handle(self, request: Request, reply: Callable[[Response], None]) -> None:
        """On the event loop. `reply` is called once, now or later."""
        if request.scores:
            self._score(request, reply)
            return
        act = (self._route(request.path) or {})["GET"]
        try:
            reply(act(request))
        except RequestError as error:
            reply(error_response(error, request.request_id))

    def _score(self, request: Request, reply: Callable[[Response], None]) -> None:
        def answer(response: Response) -> None:
            self.metrics.answered(response.status)
            if response.status >= 400 and request.path != "/score":
                response.body = protocol.failure(response.body)
            reply(response)

        if self.state not in ("ready", "stopping"):
            answer(error_response(Busy(f"The service is {self.state}.", code="NotReady"), request.request_id))
            return
        job = Job(request, answer)
        try:
            if len(request.body) <= CHECKED_AT_ONCE:
                self._check(job)
            if not self.worker.submit(job):
                raise Busy("Too many requests are waiting.")
        except RequestError as error:
            answer(error_response(error, request.request_id))
            return
        job.timer = self.call_later(self.settings.timeout, lambda: self._give_up(job))

    def _give_up(self, job: Job) -> None:
        """Nobody waits any more; run() cannot be stopped, its late answer is dropped by the connection."""
        if not job.given_up:
            job.given_up = True
            message = f"There was no answer within {self.settings.timeout:g} seconds."
            job.answer(error_response(TimedOut(message), job.request.request_id))

    def finish(self, done: Done) -> None:
        """On the event loop, when the worker is done with these."""
        for job, response in done:
            if not job.given_up:
                job.given_up = True
                if job.timer is not None:
                    job.timer.cancel()
                job.answer(response)

    # In the worker.

    def _check(self, job: Job) -> None:
        schema, request = self.schema, job.request
        if request.path != "/score":
            job.values, request.asked = protocol.read(schema, request.body, request.headers)
        elif self.driver.raw:
            pass
        elif schema is not None:
            posted = request.method == "POST"
            job.values = inputs.check(schema, request.body) if posted else inputs.check_value(schema, inputs.from_query(request.query))
        elif self.driver.takes_body:
            posted = request.method == "POST"
            job.values = inputs.check_text(request.body) if posted else json.dumps(inputs.from_query(request.query))
        job.checked = True

    def choose_batching(self) -> str:
        """After load: are requests put together? The sentence for the log."""
        asked = self.bundle.batching if self.settings.batching is None else self.settings.batching
        reason = sharing.refusal(self.driver) if asked else ""
        self.worker.greedy = asked and not reason
        if asked and reason:
            return f"Requests are not put together: {reason}"
        return "Requests that wait are put together." if asked else "Requests are not put together."

    def _work(self, jobs: List[Job]) -> Iterator[Done]:
        for group in self._groups(jobs) if len(jobs) > 1 else [jobs]:
            done = self._share(group) if len(group) > 1 else None
            if done is not None:
                yield done
                continue
            for job in group:  # one by one: a bad row, a long one or a stop reaches nobody else
                if not job.given_up:
                    yield [(job, self._one(job))]

    def _groups(self, jobs: List[Job]) -> Iterator[List[Job]]:
        """Jobs that can be put together, and those that must be called alone, in the order in which they came."""
        group: List[Job] = []
        total = 0
        for job in jobs:
            try:
                if not job.checked:
                    self._check(job)
                rows = sharing.rows_of(self.driver.schema, job.values) if job.request.asked is None else None
            except RequestError:
                rows = None  # answered when it is its turn
            if rows is None or total + rows > sharing.MOST_ROWS:
                yield group
                group, total = [], 0
            if rows is None or rows > sharing.MOST_ROWS:
                yield [job]
            else:
                group.append(job)
                total += rows
        yield group

    def _share(self, jobs: List[Job]) -> Optional[Done]:
        """One call for all; None when each must be called by itself."""
        if not self.worker.greedy:
            return None
        started = time.perf_counter()
        spans = [(job.request.request_id, sharing.rows_of(self.driver.schema, job.values) or 0) for job in jobs]
        try:
            bodies, held = sharing.run(self.driver, [job.values for job in jobs], spans)
        except BaseException as error:
            self.metrics.shared(time.perf_counter() - started, len(jobs), failed=True)
            if isinstance(error, sharing.Unshareable):
                self.worker.greedy = False
                print(f"Requests are not put together any more: {error}", file=sys.stderr, flush=True)
            return None
        self.metrics.shared(time.perf_counter() - started, len(jobs), failed=False)
        held.keep()
        return [(job, Response(body)) for job, body in zip(jobs, bodies)]

    def _one(self, job: Job) -> Response:
        request = job.request
        try:
            if not job.checked:
                self._check(job)
        except RequestError as error:
            return error_response(error, request.request_id)
        started, failed = time.perf_counter(), True
        token = collect.current_request.set(request.request_id)
        try:
            result = self.call(job.values, request)
            response = self._answer(result, request)
            failed = False
            return response
        except RequestError as error:
            failed = False
            return error_response(error, request.request_id)
        except BaseException as error:  # SystemExit and KeyboardInterrupt of user code do not stop the service either
            if getattr(self.schema, "theirs", False) and decorated.callers_fault(error):
                failed = False
                return error_response(decorated.refused(error), request.request_id)
            return self._failed(error, request.request_id)
        finally:
            collect.current_request.reset(token)
            self.metrics.ran(time.perf_counter() - started, failed)

    def call(self, values: Any, request: Optional[Request] = None) -> Any:
        """run() with checked values. Without a request (the probe) there are no headers."""
        driver = self.driver
        more = {decorated.HEADERS: rawhttp.Headers.of_request(request.headers if request else {})} if driver.wants_headers else {}
        if driver.raw:
            return driver.run(rawhttp.request_of(request), **more)
        if self.schema is not None:
            return driver.run(**inputs.build(self.schema, values), **more)
        return driver.run(values, **more) if driver.takes_body else driver.run(**more)

    def _answer(self, result: Any, request: Request) -> Response:
        """What run() returned, in the caller's form; or as it says, when it answers with a status of its own."""
        if request.asked is not None:
            body, headers = protocol.answer(result, request.asked, self.title, self.settings.version)
            return Response(body, content_type=b"application/octet-stream" if headers else b"application/json", headers=headers)
        if not rawhttp.is_answer(result):
            return Response(outputs.encode(result))
        status, body, content_type, headers = rawhttp.answer_of(result)
        return Response(body, status=status, content_type=content_type, headers=headers)

    def _failed(self, error: BaseException, request_id: str) -> Response:
        try:
            where = explain.place(error, self.bundle.app)
            print(f"run() failed for request {request_id}" + (f" in {where}" if where else ""), file=sys.stderr)
            print(explain.user_traceback(error), end="", file=sys.stderr, flush=True)
        except Exception:  # an exception that cannot even be shown: the caller is answered all the same
            print(f"run() failed for request {request_id} with a {type(error).__name__} that cannot be shown", file=sys.stderr, flush=True)
        code, message = "ScoringFailed", "The service's code failed. Its log has the traceback under this request id."
        if isinstance(error, outputs.NotJson):
            code, message = "ResultNotJson", "The service's code returned something that has no form in JSON. Its log says what."
        return error_response(RequestError(message, code=code), request_id)

    # The small routes.

    def _never(self, request: Request) -> Response:
        raise NotFound("There is nothing at this path.")

    def _root(self, request: Request) -> Response:
        if self.state != "ready":
            raise Busy(f"The service is {self.state}.", code="NotReady")
        return Response(b"Healthy", content_type=b"text/plain; charset=utf-8")

    def _live(self, request: Request) -> Response:
        return _json({"status": "alive"})

    def _ready(self, request: Request) -> Response:
        status = self.state
        if status == "ready" and self.worker.busy_for() > self.settings.timeout:
            status = "stuck"  # run() is past its time limit: send calls elsewhere until it comes back
        settings = self.settings
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
        return _json(document) if status == "ready" else _json(document, 503, {"retry-after": "1"})

    @property
    def title(self) -> str:
        return self.settings.service.rpartition("/")[2] or self.bundle.app.name

    def _protocol(self, kind: str) -> Response:
        if kind in ("live", "ready"):
            ready = kind == "live" or self.state == "ready"
            return _json({kind: True} if ready else {"error": f"The service is {self.state}."}, 200 if ready else 503)
        version = self.settings.version
        return _json(protocol.server(version) if kind == "server" else protocol.metadata(self.schema, self.title, version))

    def _metrics(self, request: Request) -> Response:
        ready = self.state == "ready"
        spool = collect.spool
        text = self.metrics.text(
            waiting=self.worker.waiting,
            ready=ready,
            collected=spool.last,
            dropped=spool.dropped,
            batching=self.worker.greedy,
            running=self.worker.started_at is not None,
        )
        return Response(text.encode("utf-8"), content_type=b"text/plain; version=0.0.4; charset=utf-8")

    def _collected(self, request: Request) -> Response:
        after = urllib.parse.parse_qs(request.query).get("after", ["0"])[0]
        if not (after.isascii() and after.isdigit() and len(after) < 19):
            raise BadInput("`after` is the last sequence number that arrived.")
        return Response(collect.spool.pull(int(after)))
