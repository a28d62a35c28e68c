"""`PUT /api/v1/groups/<group>/uploads/<id>/files/<path>`: a raw body of any length, hashed while it arrives.

Memory stays flat: at most BATCH bytes of a body are held. Who is asking, and whether they
may, is settled before the first byte is read. A body that ends early leaves nothing.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import uuid
from urllib.parse import unquote

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.contrib.auth.middleware import get_user
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from portal.accounts.authentication import TokenAuthentication
from portal.api.errors import describe, envelope
from portal.errors import BadRequest
from portal.middleware import current_request_id
from registry.storage import Incoming
from registry.uploads import Receiving

log = logging.getLogger(__name__)
BATCH = 2**20
#: seconds without a byte after which a sender counts as gone
IDLE = 60
_ROUTE = re.compile(rb"/api/v1/groups/([^/]+)/uploads/([^/]+)/files/(.+)")
_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")


class Disconnected(Exception):
    """The sender has gone; there is nobody to answer."""


class Uploads:
    """An ASGI application that answers this one route and hands everything else to `inner`."""

    def __init__(self, inner):
        self.inner = inner

    async def __call__(self, scope, receive, send):
        match = None
        if scope["type"] == "http" and scope["method"] == "PUT":
            # The raw path, so that an encoded slash or percent sign in a file's name stays what it was.
            match = _ROUTE.fullmatch(_raw_path(scope))
        if match is None:
            return await self.inner(scope, receive, send)
        asked = _header(scope, b"x-request-id") or ""
        current_request_id.set(asked if _SANE_ID.fullmatch(asked) else uuid.uuid4().hex)
        try:
            async with ThreadSensitiveContext():
                status, body = await self._answer(scope, receive, [part.decode() for part in match.groups()])
        except Disconnected:
            log.info("an upload was cut off: %s", scope["path"])
            return
        await _reply(send, status, body)

    async def _answer(self, scope, receive, parts: list[str]) -> tuple[int, dict]:
        incoming = None
        try:
            group, said, path = (unquote(part, errors="surrogateescape") for part in parts)
            receiving = await _in_thread(_begin, scope, group, said, path)
            incoming = await _in_thread(Incoming)
            await _receive_body(receive, incoming)
            return 200, await _in_thread(receiving.finish, incoming)
        except Disconnected:
            raise
        except Exception as error:
            found = describe(error)
            if found is None:
                log.exception("an upload failed through a fault of ours")
                found = envelope("InternalServerError", "Something broke on our side. Nothing was kept.", 500)
            return found["statusCode"], found
        finally:
            if incoming is not None:
                await asyncio.shield(_in_thread(incoming.abort))


async def _receive_body(receive, incoming: Incoming) -> None:
    """All of the body, a batch at a time. Raises Disconnected when the sender goes away first."""
    batch = bytearray()
    while True:
        try:
            message = await asyncio.wait_for(receive(), IDLE)
        except TimeoutError:
            raise BadRequest(f"No byte arrived for {IDLE} seconds. Send the file again.", code="UploadTimeout", status=408) from None
        if message["type"] == "http.disconnect":
            raise Disconnected
        batch += message.get("body", b"")
        more = message.get("more_body", False)
        if batch and (not more or len(batch) >= BATCH):
            await _in_thread(incoming.write, bytes(batch))
            batch.clear()
        if not more:
            return


def _begin(scope, group: str, said: str, path: str) -> Receiving:
    return Receiving.begin(
        user=_who(scope),
        group=group,
        said=said,
        path=path,
        length=_header(scope, b"content-length"),
        sha256=_header(scope, b"x-content-sha256"),
    )


def _who(scope):
    """The person: a bearer token, or a session cookie with Django's own check against forged requests."""
    request = ASGIRequest({**scope, "headers": list(scope["headers"])}, io.BytesIO())
    try:
        request.get_host()
    except DisallowedHost:
        raise BadRequest("This host name is not one of the portal's.") from None
    SessionMiddleware(lambda _: None).process_request(request)
    request.user = get_user(request)
    authenticated = Request(request, authenticators=[TokenAuthentication(), SessionAuthentication()])
    if not authenticated.user.is_authenticated:
        error = NotAuthenticated()
        error.auth_header = TokenAuthentication().authenticate_header(request)
        raise error
    return authenticated.user


def _raw_path(scope) -> bytes:
    return scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")


def _header(scope, name: bytes) -> str | None:
    values = [value for key, value in scope["headers"] if key.lower() == name]
    return values[0].decode("latin-1").strip() if len(values) == 1 else None


async def _in_thread(function, *arguments):
    """The request's own thread, so that a database connection stays on one; given back after each use."""

    def call():
        try:
            return function(*arguments)
        finally:
            close_old_connections()

    return await sync_to_async(call, thread_sensitive=True)()


async def _reply(send, status: int, body: dict) -> None:
    data = json.dumps(body).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(data)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-request-id", current_request_id.get().encode()),
    ]
    if status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="modelport"'))
    if status >= 400:
        headers.append((b"connection", b"close"))  # the rest of the body is not read
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})
