"""The request id of every request, in and out, and in every log line."""

from __future__ import annotations

import logging
import re
import uuid
from contextvars import ContextVar

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.middleware.gzip import GZipMiddleware

current_request_id: ContextVar[str] = ContextVar("request_id", default="-")
_SANE = re.compile(r"[A-Za-z0-9._:-]{1,100}")


class RequestIdFilter(logging.Filter):
    """Puts the request id on each log record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current_request_id.get()
        return True


class BothWays:
    """A middleware that works under ASGI and WSGI without a thread hop."""

    sync_capable = async_capable = True

    def __init__(self, get_response):
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def before(self, request) -> None: ...

    def after(self, request, response) -> None: ...

    def __call__(self, request):
        if self.is_async:
            return self._async_call(request)
        self.before(request)
        response = self.get_response(request)
        self.after(request, response)
        return response

    async def _async_call(self, request):
        self.before(request)
        response = await self.get_response(request)
        self.after(request, response)
        return response


class RequestIdMiddleware(BothWays):
    """Takes a caller's sane `X-Request-Id`, or makes one, and answers with it."""

    def before(self, request) -> None:
        asked = request.headers.get("X-Request-Id", "")
        request.request_id = asked if _SANE.fullmatch(asked) else uuid.uuid4().hex
        current_request_id.set(request.request_id)

    def after(self, request, response) -> None:
        response["X-Request-Id"] = request.request_id


class NoStoreMiddleware(BothWays):
    """What a signed-in person sees is never kept by a cache in between."""

    def after(self, request, response) -> None:
        if not response.has_header("Cache-Control") and getattr(request, "user", None) is not None:
            response["Cache-Control"] = "no-store"
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")


class CompressMiddleware(BothWays):
    """Pages and JSON go out compressed, in one piece.

    What a compressed length could tell somebody who makes a browser ask again and again (BREACH) is kept from them: each answer
    has a random length added, the token against forged forms is masked anew in each page, cookies go along with no request that
    another site makes behind a person's back, and keys are shown once. Streams are left alone: compressing would hold back their lines.
    """

    TYPES = ("text/html", "application/json")

    def __init__(self, get_response):
        super().__init__(get_response)
        self.gzip = GZipMiddleware(get_response)

    def after(self, request, response) -> None:
        if not response.streaming and response.get("Content-Type", "").startswith(self.TYPES):
            self.gzip.process_response(request, response)
