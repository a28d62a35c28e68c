"""The two ways in for a raw body of any length, hashed while it arrives.

`PUT /api/v1/groups/<group>/uploads/<id>/files/<path>` is a whole file; one that ends early leaves nothing.
`PATCH /api/v1/groups/<group>/uploads/<id>/resumable/<id>` is a piece of one (tus); what arrived of it stays.

Memory stays flat (`bodies.py`). Who is asking, and whether they may, is settled before the first byte is read.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import uuid
from urllib.parse import unquote

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db import close_old_connections
from django.utils import timezone
from rest_framework.exceptions import NotAuthenticated

from portal.accounts.authentication import TokenAuthentication
from portal.accounts.before_django import person
from portal.api.errors import describe, envelope
from portal.middleware import current_request_id
from registry.bodies import Disconnected, receive_body
from registry.tus import VERSION, Patch
from registry.uploads import Receiving, own_set

log = logging.getLogger(__name__)
#: method -> its address, and what one request of it is
_ROUTES = {
    "PUT": (re.compile(rb"/api/v1/groups/([^/]+)/uploads/([^/]+)/files/(.+)"), Receiving),
    "PATCH": (re.compile(rb"/api/v1/groups/([^/]+)/uploads/([^/]+)/resumable/([^/]+)"), Patch),
}
_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")


class Uploads:
    """An ASGI application that answers these two routes and hands everything else to `inner`."""

    def __init__(self, inner):
        self.inner = inner

    async def __call__(self, scope, receive, send):
        match = kind = None
        if scope["type"] == "http" and scope["method"] in _ROUTES:
            # The raw path, so that an encoded slash or percent sign in a file's name stays what it was.
            pattern, kind = _ROUTES[scope["method"]]
            match = pattern.fullmatch(_raw_path(scope))
        if match is None:
            return await self.inner(scope, receive, send)
        headers = _Headers(scope)
        asked = headers.get("X-Request-Id") or ""
        current_request_id.set(asked if _SANE_ID.fullmatch(asked) else uuid.uuid4().hex)
        try:
            async with ThreadSensitiveContext():
                answer = await _answer(kind, scope, receive, headers, [part.decode() for part in match.groups()])
        except Disconnected:
            log.info("an upload was cut off: %s", scope["path"])
            return
        await _reply(send, *answer)


async def _answer(kind, scope, receive, headers: _Headers, parts: list[str]) -> tuple[int, dict | None, dict[str, str]]:
    """(status, body, headers)"""
    incoming = None
    try:
        group, set_id, said = (unquote(part, errors="surrogateescape") for part in parts)
        arriving = await _in_thread(_begin, kind, scope, headers, group, set_id, said)
        if arriving.is_done:
            return 204, None, {"Tus-Resumable": VERSION, "Upload-Offset": str(arriving.upload.size)}
        incoming = await _in_thread(arriving.open)
        left = (arriving.upload_set.expires_at - timezone.now()).total_seconds()
        await receive_body(receive, incoming, seconds=left)
        return await _in_thread(arriving.finish, incoming)
    except Disconnected:
        raise
    except Exception as error:
        found = describe(error)
        if found is None:
            log.exception("an upload failed through a fault of ours")
            found = envelope("InternalServerError", "Something broke on our side. Nothing was kept.", 500)
        return found["statusCode"], found, {}
    finally:
        if incoming is not None:
            await asyncio.shield(_in_thread(incoming.abort))


def _begin(kind, scope, headers: _Headers, group: str, set_id: str, said: str):
    user = _who(scope)
    return kind.begin(user=user, upload_set=own_set(user, group=group, said=set_id), said=said, headers=headers)


class _Headers(dict):
    """The request's headers by any spelling; one that was sent twice is not there."""

    def __init__(self, scope):
        names = [key.lower() for key, _ in scope["headers"]]
        super().__init__({key.lower(): value for key, value in scope["headers"] if names.count(key.lower()) == 1})

    def get(self, name: str, default=None):
        value = super().get(name.lower().encode("ascii"))
        return default if value is None else value.decode("latin-1").strip()


def _who(scope):
    """The person: a bearer token, or a session cookie with Django's own check against forged requests."""
    user = person(scope)
    if user is None:
        error = NotAuthenticated()
        error.auth_header = TokenAuthentication().authenticate_header(None)
        raise error
    return user


def _raw_path(scope) -> bytes:
    return scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")


async def _in_thread(function, *arguments):
    """The request's own thread, so that a database connection stays on one; given back after each use."""

    def call():
        try:
            return function(*arguments)
        finally:
            close_old_connections()

    return await sync_to_async(call, thread_sensitive=True)()


async def _reply(send, status: int, body: dict | None, more: dict[str, str]) -> None:
    data = b"" if body is None else json.dumps(body).encode()
    headers = [
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-request-id", current_request_id.get().encode()),
        *((name.lower().encode(), value.encode()) for name, value in more.items()),
    ]
    if body is not None:
        headers += [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="modelport"'))
    if status >= 400:
        headers.append((b"connection", b"close"))  # the rest of the body is not read
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})
