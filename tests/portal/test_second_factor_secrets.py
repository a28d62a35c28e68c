"""A copy of the database does not hold what opens a second factor."""

from __future__ import annotations

import json
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value

from tests import factories

pytestmark = pytest.mark.django_db


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def test_secrets_are_kept_under_the_portals_key(settings):
    user, secret = factories.make_user(username="ada"), generate_totp_secret()
    TOTP.activate(user, secret)
    RecoveryCodes.activate(user)
    app, codes = (Authenticator.objects.get(user=user, type=kind) for kind in (Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES))
    assert secret not in json.dumps(app.data) and app.wrap().validate_code(code_of(secret))
    one, other, *_ = codes.wrap().get_unused_codes()
    assert one not in json.dumps(codes.data) and codes.wrap().validate_code(one)
    settings.SECRET_KEY = "another key that is long enough for this test to run"
    assert not app.wrap().validate_code(code_of(secret)) and not codes.wrap().validate_code(other)  # refused, and not a page with a fault
