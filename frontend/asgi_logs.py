"""The streams of open logs, answered before Django.

A request of Django keeps a thread, its middleware and its whole self until it is answered; here that takes ten minutes, and
there may be hundreds. Who asks, and whether they may, is settled by a few threads for all; what may not be answered goes to Django,
which says why.
"""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from urllib.parse import parse_qs

from django.db import connection
from rest_framework.exceptions import APIException

from frontend.logs.live import events
from frontend.views.operation_logs import STREAM_HEADERS, place_of, visible
from portal.accounts.before_django import person
from portal.errors import BadRequest

log = logging.getLogger(__name__)
_STREAM = re.compile(r"/g/([^/]+)/operations/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/stream")
#: after a restart, everybody comes again at once
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="open-logs-ask")


class LiveLogs:
    """An ASGI application that answers streams and hands everything else to `inner`."""

    def __init__(self, inner):
        self.inner = inner

    async def __call__(self, scope, receive, send):
        match = _STREAM.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        wish = None
        if match and (place := _place(scope)):
            wish = await asyncio.get_running_loop().run_in_executor(_threads, _wish, scope, match[1], uuid.UUID(match[2]))
        if wish is None:
            return await self.inner(scope, receive, send)
        headers = {
            **STREAM_HEADERS,
            "Content-Type": "text/event-stream",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "X-Request-Id": uuid.uuid4().hex,
        }
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        sending = asyncio.create_task(_send(send, wish, place))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not leaving.done() and (fault := sending.exception()):
                log.warning("an open log broke off", exc_info=fault)
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)


async def _send(send, wish, place: tuple[int, int]) -> None:
    async with aclosing(events(wish, *place)) as found:
        async for event in found:
            await send({"type": "http.response.body", "body": event, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _wish(scope, group: str, operation: uuid.UUID) -> tuple[object, object] | None:
    """Who asks, and for what; None for what Django refuses."""
    try:
        user = person(scope, forgery_check=False)
        found = visible(user, group, operation) if user is not None else None
        return (user.pk, found) if found is not None else None
    except (APIException, BadRequest):
        return None
    finally:
        connection.close()


def _place(scope) -> tuple[int, int] | None:
    said = next((value.decode("latin-1") for key, value in scope["headers"] if key == b"last-event-id"), "")
    return place_of(said or parse_qs(scope["query_string"].decode("latin-1")).get("after", [None])[0])
