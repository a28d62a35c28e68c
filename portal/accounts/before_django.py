"""Who sends a request, asked before Django has read its body."""

from __future__ import annotations

import io

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.contrib.auth.middleware import get_user
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from portal.accounts.authentication import TokenAuthentication
from portal.accounts.models import User
from portal.errors import BadRequest


class _Session(SessionAuthentication):
    def enforce_csrf(self, request):
        """A form carries its proof in the body, where Django looks for it afterwards."""


def person(scope, *, forgery_check: bool = True) -> User | None:
    """Whose bearer token or session cookie the ASGI scope carries; None when there is neither.

    `forgery_check` asks a session for the CSRF header as well. Raises BadRequest for a host that is not ours and what
    Django REST framework raises for a token that is not good, or a header that is missing.
    """
    request = ASGIRequest({**scope, "headers": list(scope["headers"])}, io.BytesIO())
    try:
        request.get_host()
    except DisallowedHost:
        raise BadRequest("This host name is not one of the portal's.") from None
    SessionMiddleware(lambda _: None).process_request(request)
    request.user = get_user(request)
    session = SessionAuthentication if forgery_check else _Session
    found = Request(request, authenticators=[TokenAuthentication(), session()]).user
    return found if found.is_authenticated else None


async def is_known(scope) -> bool:
    """Whether somebody with an account sends this, as far as its headers tell."""

    def look() -> bool:
        try:
            return person(scope, forgery_check=False) is not None
        except (APIException, BadRequest):
            return False
        finally:
            close_old_connections()

    async with ThreadSensitiveContext():
        return await sync_to_async(look, thread_sensitive=True)()
