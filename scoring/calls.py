"""From an admitted request to run() and back: checked, called alone or together with others, answered. Knows nothing of routes."""

from __future__ import annotations

import json
import sys
import time
from typing import Any, Iterator, List, Optional

from . import collect, decorated, explain, inputs, logs, outputs, protocol, rawhttp, sharing
from .batching import Done, Job, Worker
from .bundle import Bundle, Settings
from .driver import Driver
from .errors import RequestError, Said
from .forms import Forms, answers
from .messages import Request, Response, error_response
from .metrics import Metrics
from .schema import Schema

#: of a traceback that is shown to the caller, where the development switch is on
LONGEST_SHOWN = 20_000


class Calls:
    """What the worker does. `check` is also called on the event loop; everything else runs where run() runs."""

    def __init__(self, bundle: Bundle, settings: Settings, driver: Driver, metrics: Metrics, title: str):
        self.bundle, self.settings, self.driver, self.metrics, self.title = bundle, settings, driver, metrics, title
        self.worker = Worker(self.work, settings.queue_limit)
        self._forms: Optional[Forms] = None

    @property
    def schema(self) -> Optional[Schema]:
        """From the bundle, or from the decorators of the loaded file."""
        return self.driver.schema

    @property
    def forms(self) -> Forms:
        """What is taken and given besides JSON."""
        if self._forms is None or self._forms.schema is not self.schema:
            self._forms = Forms(self.schema)
        return self._forms

    def check(self, job: Job) -> None:
        """The body read by the schema into `job.values`. Raises RequestError."""
        schema, request = self.schema, job.request
        if request.path != "/score":
            job.values, request.asked = protocol.read(schema, request.body, request.headers)
        elif self.driver.raw:
            pass
        elif request.form:
            job.values = self.forms.read(request.form, request.body)
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

    def work(self, jobs: List[Job]) -> Iterator[Done]:
        for group in self._groups(jobs) if len(jobs) > 1 else [jobs]:
            done = self._share(group) if len(group) > 1 else None
            if done is not None:
                yield done
                continue
            for job in group:  # one by one: a bad row, a long one or a stop reaches nobody else
                if not job.claimed:
                    yield [(job, self._one(job))]

    def _groups(self, jobs: List[Job]) -> Iterator[List[Job]]:
        """Jobs that can be put together, and those that must be called alone, in the order in which they came."""
        group: List[Job] = []
        total = 0
        for job in jobs:
            try:
                if not job.checked:
                    self.check(job)
                rows = job.rows = sharing.rows_of(self.driver.schema, job.values) if job.request.plain else None
            except Exception:
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
        """One call for all, of one group of `_groups`; None when each must be called by itself."""
        if not self.worker.greedy:
            return None
        started = time.perf_counter()
        spans = [(job.request.request_id, job.rows or 0) for job in jobs]
        speakers = logs.current.set([job.request for job in jobs])
        try:
            bodies, held = sharing.run(self.driver, [job.values for job in jobs], spans)
        except BaseException as error:
            self.metrics.shared(time.perf_counter() - started, len(jobs), failed=True)
            if isinstance(error, sharing.Unshareable):
                self.worker.greedy = False
                print(f"Requests are not put together any more: {error}", file=sys.stderr, flush=True)
            return None
        finally:
            logs.current.reset(speakers)
        self.metrics.shared(time.perf_counter() - started, len(jobs), failed=False)
        held.keep()
        return [(job, Response(body)) for job, body in zip(jobs, bodies)]

    def _one(self, job: Job) -> Response:
        request = job.request
        try:
            if not job.checked:
                self.check(job)
        except RequestError as error:
            return error_response(error, request.request_id)
        except Exception as error:  # ours: the worker goes on
            print(f"Checking request {request.request_id} failed: {error!r}", file=sys.stderr, flush=True)
            return error_response(RequestError("The scoring runtime failed."), request.request_id)
        started, failed = time.perf_counter(), True
        token, speaker = collect.current_request.set(request.request_id), logs.current.set((request,))
        try:
            result = self.call(job.values, request)
            response = self._answer(result, request)
            failed = False
            return response
        except RequestError as error:
            failed = False
            return error_response(error, request.request_id)
        except Said as error:
            status = error.status_code if 400 <= error.status_code <= 599 else 500
            return error_response(RequestError(error.message, status=status, code="SaidByRun"), request.request_id)
        except BaseException as error:  # SystemExit and KeyboardInterrupt of user code do not stop the service either
            if getattr(self.schema, "theirs", False) and decorated.callers_fault(error):
                failed = False
                return error_response(decorated.refused(error), request.request_id)
            return self._failed(error, request.request_id)
        finally:
            collect.current_request.reset(token)
            logs.current.reset(speaker)
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
            if not request.wants:
                return Response(outputs.encode(result))
            body, content_type = answers.encode(result, request.wants)
            return Response(body, content_type=content_type)
        status, body, content_type, headers = rawhttp.answer_of(result)
        return Response(body, status=status, content_type=content_type, headers=headers)

    def _failed(self, error: BaseException, request_id: str) -> Response:
        traceback = ""
        try:
            where = explain.place(error, self.bundle.app)
            traceback = explain.user_traceback(error)
            logs.failure(f"run() failed for request {request_id}" + (f" in {where}" if where else ""), traceback)
        except Exception:  # an exception that cannot even be shown: the caller is answered all the same
            print(f"run() failed for request {request_id} with a {type(error).__name__} that cannot be shown", file=sys.stderr, flush=True)
        code, message = "ScoringFailed", "The service's code failed. Its log has the traceback under this request id."
        if isinstance(error, outputs.NotJson):
            code, message = "ResultNotJson", "The service's code returned something that has no form in JSON. Its log says what."
        shown = [{"code": "Traceback", "message": traceback[-LONGEST_SHOWN:]}] if self.settings.debug and traceback else []
        return error_response(RequestError(message, code=code, details=shown), request_id)
