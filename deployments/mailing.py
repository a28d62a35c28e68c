"""Notifications as mail, for who switched that on.

What there is to tell is read from the same rows as the page (`notifications.py`); kept is only what was chosen and up to when
it was told. A minute's news go in one mail. Its text says what happened and where to read more: no word of an error or
a log, in which a secret might stand.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused

from django.conf import settings
from django.core.cache import cache
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import ngettext

from deployments.notifications import Notification, address_of, moment_of, notifications, touched
from portal.accounts.events import EventTag
from portal.accounts.models import User
from portal.accounts.preferences import in_a_column, keep, preferences_of, set_preference

#: what is chosen, {"kinds": [...], "language": "en"}, and the moment up to which it was told
CHOICE, MAILED = "notifications.mail", "notifications.mailed"
#: switch -> its words, in the order of the page
KINDS = {
    "operation.failed": _lazy("A build or a rollout of yours fails"),
    "operation.waiting": _lazy("Changed answers wait for your decision"),
    "operation.done": _lazy("Somebody does something to a service of yours"),
    "service.unhealthy": _lazy("A replica stops answering"),
    "alias.moved": _lazy("Somebody moves an alias"),
    "membership": _lazy("You become a member of a group, or do not stay one"),
}
_MEMBERSHIP = (EventTag.MEMBER_ADDED, EventTag.MEMBER_CHANGED, EventTag.MEMBER_REMOVED)
#: rows are written with the time at which their transaction began; what is older than that is all there
SETTLED = timedelta(seconds=20)
#: after an outage of the mail server, what is older is left to the page
OLDEST = timedelta(days=1)
#: seconds: how long nobody else mails the same person, and how long a server that failed is left alone
LEASE, DOWN = 1800, 60


def choice_of(user) -> tuple[list[str], str]:
    """(switches that are on, the language of the mails)"""
    kept = preferences_of(user).get(CHOICE)
    kept = kept if isinstance(kept, dict) else {}
    kinds, language = kept.get("kinds"), kept.get("language")
    on = [kind for kind in KINDS if isinstance(kinds, list) and kind in kinds]
    return on, language if language in [code for code, _name in settings.LANGUAGES] else settings.LANGUAGE_CODE


def news(user, until: datetime) -> list[Notification]:
    """What was chosen and not told yet, oldest first, in the language that is active."""
    kinds, _language = choice_of(user)
    found = notifications(user, since=_told(user, until)) if kinds else []
    return [one for one in reversed(found) if one.at <= until and ("membership" if one.kind in _MEMBERSHIP else one.kind) in kinds]


def _told(user, until: datetime) -> datetime:
    """Up to when the person was told."""
    mailed = moment_of(user, MAILED)
    return max(mailed, until - OLDEST) if mailed else until - OLDEST


def due() -> list[int]:
    """Those to whom there is something to tell; each is named once until they were told, or for half an hour.

    Only of whom something happened since then is asked more: a minute in which nothing does takes at most four queries.
    """
    if not settings.SENDS_MAIL:
        return []
    until, told = timezone.now() - SETTLED, {}
    people = User.objects.filter(is_active=True, preferences__name=CHOICE).exclude(email="").annotate(kept=in_a_column("pk"))
    for user in people:
        keep(user, user.kept)
        if choice_of(user)[0]:
            told[user] = _told(user, until)
    latest = touched(min(told.values())) if told else {}
    wanted = [user for user, since in told.items() if user.pk in latest and latest[user.pk] > since and news(user, until)]
    return [user.pk for user in wanted if cache.add(_lease(user.pk), 1, LEASE)]


def mail(user_id: int) -> bool:
    """Sends a person what is new, and notes that. Raises OSError when the server does not take it; then nothing was noted."""
    user = User.objects.filter(pk=user_id, is_active=True).exclude(email="").first()
    until = timezone.now() - SETTLED
    language = choice_of(user)[1] if user else settings.LANGUAGE_CODE
    with translation.override(language):
        found = news(user, until) if user else []
        if found:
            if cache.get("mail-down"):
                raise OSError("the mail server did not answer a moment ago")
            try:
                _message(user, found).send()
            except SMTPRecipientsRefused:
                raise  # this address is not good; the server is there for all others
            except OSError:
                cache.set("mail-down", 1, DOWN)
                raise
            set_preference(user=user, name=MAILED, value=until.isoformat())
    cache.delete(_lease(user_id))
    return bool(found)


def _lease(user_id: int) -> str:
    return f"mail-{user_id}"


def _message(user, found: Iterable[Notification]) -> EmailMessage:
    found = list(found)
    subject = found[0].message if len(found) == 1 else ngettext("%(count)s notification", "%(count)s notifications", len(found))
    parts = [f"{one.message}\n{_link(one)}".strip() for one in found]
    end = _("You get this because it is switched on in your profile: %(address)s") % {"address": _at("pages:profile")}
    return message_to(user, subject % {"count": len(found)} if len(found) > 1 else subject, "\n\n".join([*parts, f"-- \n{end}"]))


def message_to(user, subject: str, text: str) -> EmailMessage:
    # A line end in a subject would begin a header.
    subject = " ".join(f"Modelport: {subject}".split())[:180]
    return EmailMessage(subject, f"{text}\n", to=[user.email], headers={"Auto-Submitted": "auto-generated"})


def _link(one: Notification) -> str:
    address = address_of(one)
    return f"{settings.PORTAL_URL}{address}" if address else ""


def _at(name: str) -> str:
    return f"{settings.PORTAL_URL}{reverse(name)}"
