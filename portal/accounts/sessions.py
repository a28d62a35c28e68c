"""Where somebody is signed in: with what, from which address, since when, last seen when.

A session is Django's row; beside it `allauth.usersessions` keeps one that says whose browser it is. The two are matched here, so that
a session that ended (signed out, expired, or of an older password) is never shown, whatever was left behind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.utils.translation import override

from portal.accounts.events import EventTag, record
from portal.middleware import BothWays

#: a visit is written down once a minute, as the last use of a token
RESOLUTION = timedelta(minutes=1)
# The first that is found names it: Edge and Opera say Chrome as well, and Chrome says Safari.
BROWSERS = {
    "Edg/": "Edge",
    "EdgA/": "Edge",
    "EdgiOS/": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "Chrome/": "Chrome",
    "CriOS/": "Chrome",
    "Safari/": "Safari",
}
SYSTEMS = {
    "Windows": "Windows",
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Macintosh": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


@dataclass(frozen=True)
class SignedIn:
    """One browser that is signed in; `here` is the one that asks."""

    row: UserSession
    here: bool

    @property
    def device(self) -> str:
        return device_of(self.row.user_agent)


def _first(names: dict[str, str], user_agent: str) -> str:
    return next((name for sign, name in names.items() if sign in user_agent), "")


def device_of(user_agent: str) -> str:
    """What the browser says it is, in words: "Firefox on Windows"."""
    browser, system = _first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("Unknown device")


def sessions_of(user, key: str | None) -> list[SignedIn]:
    """The living sessions of a person, the one with `key` first, then as they were last seen."""
    rows = list(UserSession.objects.filter(user=user).order_by("-last_seen_at"))
    alive = Session.objects.filter(session_key__in=[row.session_key for row in rows], expire_date__gt=timezone.now())
    keys = {session.session_key for session in alive if _lets_in(user, session)}
    found = [SignedIn(row, row.session_key == key) for row in rows if row.session_key in keys]
    return sorted(found, key=lambda one: not one.here)


def _lets_in(user, session: Session) -> bool:
    """Whether Django would take it: a session carries a sum of the password it was opened with."""
    data = session.get_decoded()
    same = constant_time_compare(data.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
    return data.get(SESSION_KEY) == str(user.pk) and same


@transaction.atomic
def end_sessions(*, user, sessions: Iterable[SignedIn]) -> int:
    """Signs one's own browsers out, at once; how many there were."""
    mine = [one for one in sessions if one.row.user_id == user.pk]
    for one in mine:
        # The log is everybody's, whatever language this page is in.
        with override("en"):
            device = one.device
        record(user, EventTag.SESSION_ENDED, user, device=device, address=one.row.ip)
    keys = [one.row.session_key for one in mine]
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(session_key__in=keys).delete()
    return len(mine)


def forget_ended_sessions() -> None:
    """Rows whose session is gone. Those of an older password go with their session, when it expires."""
    UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()


def note_visit(request) -> None:
    """Whose browser this is, and that it was here now: one statement."""
    if not request.user.is_authenticated:
        return
    try:
        address = get_adapter().get_client_ip(request)
    except (PermissionDenied, ImproperlyConfigured):
        # A server that names no address, or fewer proxies than were promised: no reason to refuse the page.
        return
    agent = request.headers.get("User-Agent", "")[: UserSession._meta.get_field("user_agent").max_length]
    UserSession.objects.bulk_create(
        [UserSession(user=request.user, session_key=request.session.session_key, ip=address, user_agent=agent)],
        update_conflicts=True,
        unique_fields=["session_key"],
        update_fields=["user", "ip", "user_agent", "last_seen_at"],
    )


class SeenMiddleware(BothWays):
    """Keeps when each signed-in browser was last here, at most once a minute in each process.

    Only then does a request take a thread and a statement more. One with a token is a program's: it is not asked whose cookie it has.
    """

    def __call__(self, request):
        if self.is_async:
            return self._async_call(request)
        if self._is_due(request):
            note_visit(request)
        return self.get_response(request)

    async def _async_call(self, request):
        if self._is_due(request):
            await sync_to_async(note_visit, thread_sensitive=True)(request)
        return await self.get_response(request)

    def _is_due(self, request) -> bool:
        cookie = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        if not cookie or "Authorization" in request.headers:
            return False
        return caches["seen"].add(hashlib.sha256(cookie.encode(errors="replace")).hexdigest(), True, RESOLUTION.total_seconds())
