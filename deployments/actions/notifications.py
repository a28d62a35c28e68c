"""One's own notifications: seen up to a moment, and as mail."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from deployments import mailing
from deployments.notifications import SEEN, seen_by
from portal.accounts.preferences import set_preference
from portal.errors import Conflict, NotAllowed, Unavailable


def mark_read(*, user, until: datetime | None = None) -> datetime:
    """Everything up to `until` (now, if nothing is said) is not new any more. It never goes back, nor ahead of the clock."""
    now = timezone.now()
    until = max(seen_by(user), min(until or now, now))
    set_preference(user=user, name=SEEN, value=until.isoformat())
    return until


@transaction.atomic
def choose_mails(*, user, kinds: Iterable[str] | None = None, language: str | None = None) -> None:
    """Which kinds (`mailing.KINDS`) come as mail, and in which language; None leaves it. What happened before is not mailed."""
    on, spoken = mailing.choice_of(user)
    chosen = on if kinds is None else sorted(set(kinds))
    faults = {}
    if unknown := [kind for kind in chosen if kind not in mailing.KINDS]:
        faults["kinds"] = f"There is no kind {unknown[0]!r}. Use some of {', '.join(mailing.KINDS)}."
    if language is not None and language not in dict(settings.LANGUAGES):
        faults["language"] = f"Use one of {', '.join(dict(settings.LANGUAGES))}."
    if faults:
        raise ValidationError(faults)
    if set(chosen) - set(on):
        set_preference(user=user, name=mailing.MAILED, value=timezone.now().isoformat())
    set_preference(user=user, name=mailing.CHOICE, value={"kinds": chosen, "language": language or spoken})


def send_test_mail(*, user) -> str:
    """To oneself, at once, so that one sees what the server says; the address it went to. For administrators."""
    if not (user.is_active and user.is_superuser):
        raise NotAllowed(_("Only an administrator of this portal may try its mail."))
    if not settings.SENDS_MAIL:
        raise Conflict(_("Mail is not set up. Set MODELPORT_EMAIL_URL and start the portal again."), code="NoMail")
    if not user.email:
        raise Conflict(_("Your account has no e-mail address."), code="NoMail")
    try:
        mailing.message_to(user, _("test"), _("Mail of this portal arrives: %(address)s") % {"address": settings.PORTAL_URL}).send()
    except (OSError, ValueError) as error:
        # The server's own words; the password is not among what smtplib says.
        raise Unavailable(_("The mail server"), f"{type(error).__name__}: {error}"[:300]) from None
    return user.email
