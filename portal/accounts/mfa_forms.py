"""allauth's forms: codes with the digits' keyboard, none taken twice, and passkeys in our words."""

from __future__ import annotations

from allauth.core import context
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa import app_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as base
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from portal.accounts.sessions import device_of


def _on_digits(form) -> None:
    form.fields["code"].widget.attrs |= {"inputmode": "numeric", "autofocus": True}


class _OnceMixin:
    """allauth forgets after one period which code was used; with a tolerance it would be good for longer."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        _on_digits(self)

    def clean_code(self) -> str:
        code = super().clean_code()
        lives = app_settings.TOTP_PERIOD * (2 * app_settings.TOTP_TOLERANCE + 1)
        if not cache.add(f"second-factor-used:{self.user.pk}:{self.authenticator.pk}:{normalize_user_code(code)}", True, lives):
            raise get_adapter().validation_error("incorrect_code")
        return code


class AuthenticateForm(_OnceMixin, base.AuthenticateForm):
    pass


class ReauthenticateForm(_OnceMixin, base.ReauthenticateForm):
    pass


class ActivateTOTPForm(totp.ActivateTOTPForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        _on_digits(self)


class AddWebAuthnForm(webauthn.AddWebAuthnForm):
    name = forms.CharField(label=_("Name"), required=False, max_length=100)
    passwordless = forms.BooleanField(
        label=_("Sign in with it alone, without the password"),
        required=False,
        initial=True,
        help_text=_("It then asks for its PIN, your finger or your face."),
    )

    def __init__(self, *args, **kwargs):
        agent = context.request.headers.get("User-Agent", "")
        super().__init__(*args, **{**kwargs, "initial": {"name": device_of(agent), **(kwargs.get("initial") or {})}})


class EditWebAuthnForm(webauthn.EditWebAuthnForm):
    name = forms.CharField(label=_("Name"), max_length=100)
