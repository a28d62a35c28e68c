"""Bodies that nobody needs that large are refused before Django keeps them.

Django writes a whole body to disk before a view is asked, and a JSON parser reads it whole into memory. Large is what
comes to the upload endpoint, which stands before this, and the forms with files of people with an account: who is asked
once a body is larger than a stranger's may be.
"""

from __future__ import annotations

import json
import uuid

from portal.api.errors import envelope
from portal.middleware import current_request_id

#: a manifest with all its texts fits in
MOST_BYTES = 16 * 2**20


class _TooLong(Exception):
    pass


class BodyLimit:
    """An ASGI application around another one."""

    def __init__(self, inner):
        self.inner = inner

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.inner(scope, receive, send)
        length = _header(scope, b"content-length")
        allowed = False
        if length.isdigit() and (len(length) > 18 or int(length) > MOST_BYTES):
            allowed = await _may_be_large(scope)
            if not allowed:
                return await _refuse(send)
        seen = 0

        async def bounded():
            nonlocal seen, allowed
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > MOST_BYTES and not allowed:
                allowed = await _may_be_large(scope)
                if not allowed:
                    raise _TooLong
            return message

        try:
            await self.inner(scope, bounded, send)
        except _TooLong:
            await _refuse(send)


async def _may_be_large(scope) -> bool:
    # Imported when it is needed: the models are not loaded when this file is.
    from portal.accounts.before_django import is_known

    return _header(scope, b"content-type").lower().startswith(b"multipart/") and await is_known(scope)


def _header(scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key.lower() == name), b"").strip()


async def _refuse(send) -> None:
    message = f"The request body is larger than {MOST_BYTES:,} bytes. Upload files through an upload set."
    current_request_id.set(uuid.uuid4().hex)
    data = json.dumps(envelope("TooLarge", message, 413)).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(data)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-request-id", current_request_id.get().encode()),
        (b"connection", b"close"),  # the rest of the body is not read
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": data})
