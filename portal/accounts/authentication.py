"""Bearer tokens of people, for REST and the command line."""

from __future__ import annotations

import hmac
from datetime import timedelta

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed

from portal import keys
from portal.accounts.models import Token, User

#: last use is kept to the minute, so that a busy script does not write a row per call
RESOLUTION = timedelta(minutes=1)


def user_of_token(value: str) -> User | None:
    """The active person whose unexpired token this is, else None."""
    key_id = keys.key_id_of(value, keys.PERSON)
    token = Token.objects.usable().select_related("user").filter(key_id=key_id).first() if key_id else None
    if token is None or not hmac.compare_digest(token.hash, keys.digest(value)) or not token.user.is_active:
        return None
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > RESOLUTION:
        Token.objects.filter(pk=token.pk).update(last_used_at=now)
    return token.user


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer mpu_...`"""

    def authenticate(self, request):
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not value:
            return None
        user = user_of_token(value.strip())
        if user is None:
            raise AuthenticationFailed("This token is wrong, has expired or was revoked. Make a new one on your profile page.")
        return user, value[-4:]

    def authenticate_header(self, request) -> str:
        return 'Bearer realm="modelport"'


class TokenScheme(OpenApiAuthenticationExtension):
    """Tells the OpenAPI document about the tokens."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema):
        return {"type": "http", "scheme": "bearer", "description": "A personal token, mpu_..."}
