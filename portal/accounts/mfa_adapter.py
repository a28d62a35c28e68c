"""How the secrets of second factors are kept: under the portal's secret key, so that a copy of the database alone opens nothing."""

from __future__ import annotations

import base64
import logging
import secrets

from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, InvalidToken
from django.utils.crypto import salted_hmac

log = logging.getLogger(__name__)


def _cipher() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(salted_hmac("portal.second-factors", "kept", algorithm="sha256").digest()))


class MFAAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return _cipher().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            # An unknown secret, not an empty one: no code may be right. An administrator removes the factor (docs/operating.md).
            log.warning("A second factor was kept under another MODELPORT_SECRET_KEY: no code of it is right any more.")
            return base64.b32encode(secrets.token_bytes(20)).decode()
