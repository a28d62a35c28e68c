"""Values of keys and tokens on their way to the one page that shows them.

Half of each lies in the person's session and half in a cookie of theirs, so that neither
the database nor the browser alone holds one; both halves go when it was shown.
"""

from __future__ import annotations

import base64
import json
import secrets

from django.conf import settings
from django.urls import reverse

from deployments.models import Service

#: how long a value waits for its page, in seconds
WAITS = 3600
TOKEN = "token-value"


def _slot(service: Service) -> str:
    return f"keys-{service.pk.hex}"


def _path(slot: str) -> str:
    """To which addresses the browser sends its half."""
    return reverse("pages:profile") if slot == TOKEN else "/g/"


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def keep_keys(request, service: Service, values: dict[str, str]) -> None:
    """For the next page; `carry` must see this request's response."""
    if values:
        _keep(request, _slot(service), {**take_keys(request, service), **values})


def take_keys(request, service: Service | None) -> dict[str, str]:
    """{"primary": value, ...}, this once; empty the next time, and where one half is missing."""
    return _take(request, _slot(service)) if service is not None else {}


def keep_token(request, value: str) -> None:
    """As `keep_keys`, for the person's profile."""
    _keep(request, TOKEN, {"value": value})


def take_token(request) -> str:
    """As `take_keys`; "" where there is none."""
    return _take(request, TOKEN).get("value", "")


def _keep(request, slot: str, values: dict[str, str]) -> None:
    text = json.dumps(values).encode()
    pad = secrets.token_bytes(len(text))
    request.session[slot] = base64.b64encode(_xor(text, pad)).decode()
    _cookies(request)[slot] = base64.b64encode(pad).decode()


def _take(request, slot: str) -> dict[str, str]:
    if slot not in request.session:
        return {}
    kept, pad = request.session.pop(slot), _cookies(request).get(slot) or request.COOKIES.get(slot, "")
    _cookies(request)[slot] = ""
    try:
        return json.loads(_xor(base64.b64decode(kept), base64.b64decode(pad)))
    except ValueError:
        return {}


def _cookies(request) -> dict[str, str]:
    """What `carry` will set; "" takes a cookie away."""
    return request.__dict__.setdefault("_key_halves", {})


def carry(request, response):
    """Puts the other halves on their way."""
    for name, value in _cookies(request).items():
        if value:
            response.set_cookie(name, value, max_age=WAITS, path=_path(name), secure=settings.SECURE, httponly=True, samesite="Strict")
        else:
            response.delete_cookie(name, path=_path(name), samesite="Strict")
    return response
