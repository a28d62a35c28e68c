"""A request and an answer, as everything behind the sockets sees them."""

from __future__ import annotations

import json
from typing import Any, Dict, Optional, Union

from .errors import RequestError


class Response:
    __slots__ = ("body", "content_type", "headers", "status")

    def __init__(
        self, body: bytes, *, status: int = 200, content_type: bytes = b"application/json", headers: Optional[Dict[str, str]] = None
    ):
        self.status, self.body, self.content_type, self.headers = status, body, content_type, headers


class Request:
    """`headers` has lower-case names; `request_id` is the caller's, when it is usable, or a new one.

    `form` is the media type of a body that is not read as JSON or text, `wants` that of the answer, where it is not JSON;
    `asked` is what a call of the inference protocol wants back.
    """

    __slots__ = ("asked", "body", "form", "headers", "method", "path", "query", "request_id", "wants")

    def __init__(self, method: str, target: bytes, headers: Dict[str, str], request_id: str):
        path, _, query = target.partition(b"?")
        self.method, self.headers, self.request_id = method, headers, request_id
        self.path = path.decode("latin-1")
        self.query = query.decode("latin-1")
        self.body: Union[bytes, bytearray] = b""
        self.asked: Any = None
        self.form = self.wants = ""

    @property
    def plain(self) -> bool:
        """JSON or text in, JSON out: may be called together with others."""
        return self.asked is None and not self.form and not self.wants

    @property
    def scores(self) -> bool:
        """Does it go to run()? (Of a request that was admitted.)"""
        return self.path == "/score" or (self.path.startswith("/v2/") and self.path.endswith("/infer"))


def error_response(error: RequestError, request_id: str) -> Response:
    body = json.dumps(error.document(request_id)).encode("ascii")
    return Response(body, status=error.status, headers=error.headers)


def json_response(document: Any, status: int = 200, headers: Optional[Dict[str, str]] = None) -> Response:
    return Response(json.dumps(document).encode("ascii"), status=status, headers=headers)
