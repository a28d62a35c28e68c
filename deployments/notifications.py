"""What a person would want to be told: read from operations and events that are there anyway, so nothing is kept twice.

What counts as new is what is younger than the person's last look (the preference `SEEN`). Everybody is told of what
failed of theirs and what others did to their services; whoever may act on it, of decisions that wait, replicas that
stopped answering, and aliases that others moved; and each of what became of their own membership.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import caches
from django.db.models import DateTimeField, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from deployments.models import Operation, Service
from portal.accounts.events import EventTag
from portal.accounts.models import Event, Membership
from portal.accounts.permissions import Permission
from portal.accounts.preferences import preferences_of

SEEN = "notifications.seen"
#: who has never looked is told of a week; what is older than a month is history, which operations and the audit log keep
FIRST, OLDEST = timedelta(days=7), timedelta(days=30)
#: an operation ends that long after it was made, at most; it keeps the query on the index of `created_at`
LONGEST = timedelta(days=7)
MOST = 100
#: events that everybody of a group is told of, and those that one is told of oneself
_OF_GROUPS = (EventTag.ALIAS_MOVED, EventTag.SERVICE_UNHEALTHY)
_OF_ONESELF = (EventTag.MEMBER_ADDED, EventTag.MEMBER_CHANGED, EventTag.MEMBER_REMOVED)
#: when an operation ended, or began to wait
_AT = Coalesce("ended_at", "revision__golden_run__created_at", "heartbeat_at", F("created_at"), output_field=DateTimeField())
#: the count in the top bar stands for that long (seconds)
STANDS = 15


@dataclass(frozen=True, slots=True)
class Notification:
    """`kind` is operation.failed, operation.waiting, operation.done, or an event's tag. `subject` is what it is about:
    an operation's id, or the name that its page has in the group; `noun` says which page."""

    kind: str
    at: datetime
    group: str
    message: str
    detail: str
    noun: str
    subject: str
    new: bool


#: noun -> the page of it
PAGES = {"operation": "pages:operation", "service": "pages:service", "model": "pages:model", "group": "pages:home"}


def address_of(one: Notification) -> str:
    """The path of the page that says more; empty where there is none."""
    if one.noun not in PAGES or not one.group:
        return ""
    return reverse(PAGES[one.noun], args=[one.group] if one.noun == "group" else [one.group, one.subject])


def moment_of(user, name: str) -> datetime | None:
    """A moment among the person's preferences. They may set these themselves, so what is none is as if it were not there."""
    try:
        kept = parse_datetime(str(preferences_of(user).get(name, "")))
    except ValueError:
        return None
    return kept if kept is not None and timezone.is_aware(kept) else None


def seen_by(user) -> datetime:
    """The last look, as far as it matters."""
    kept = moment_of(user, SEEN)
    now = timezone.now()
    return max(kept, now - OLDEST) if kept else now - FIRST


def notifications(user, *, since: datetime | None = None) -> list[Notification]:
    """Newest first, at most MOST of the last month. Two queries."""
    seen, since = seen_by(user), since or timezone.now() - OLDEST
    rows = _operations(user, since).select_related("group", "service", "created_by").order_by("-at")[:MOST]
    found = [_of_operation(row, row.at > seen, user) for row in rows]
    events = _events(user, since).select_related("group").order_by("-created_at")[:MOST]
    found += [_of_event(event, event.created_at > seen) for event in events]
    return sorted(found, key=lambda one: one.at, reverse=True)[:MOST]


def count_new(user) -> int:
    """For every page: one query, and none while the last answer stands."""
    seen = seen_by(user)
    # The last look is a part of the name, so that no process shows a count from before it.
    name = f"notifications-{user.pk}-{user.date_joined.timestamp()}-{preferences_of(user).get(SEEN, '')}"
    kept = caches["moment"].get(name)
    if kept is None:
        one = {"one": Value(1)}
        operations = _operations(user, seen).order_by().annotate(**one).values_list("one")
        events = _events(user, seen).order_by().annotate(**one).values_list("one")
        kept = operations.union(events, all=True).count()
        caches["moment"].set(name, kept, STANDS)
    return kept


def _operations(user, since: datetime) -> QuerySet:
    """With `at`: when it ended, or began to wait."""
    lately = Operation.objects.order_by().filter(created_at__gt=since - LONGEST)
    # Each is found by an index of its own, which no index does for all of them at once.
    own_failed = lately.filter(state=Operation.State.FAILED, created_by=user)
    of_own_services = lately.filter(service__in=Service.objects.order_by().filter(created_by=user).values("pk"))
    failed = of_own_services.filter(state=Operation.State.FAILED)
    by_others = of_own_services.filter(~Q(created_by=user), state=Operation.State.SUCCEEDED)
    deciding = lately.allowing(user, Permission.SERVICE_WRITE).filter(state=Operation.State.WAITING)
    wanted = own_failed.values("pk").union(*(rows.values("pk") for rows in (failed, by_others, deciding)))
    return Operation.objects.allowing(user, Permission.OPERATION_READ).filter(pk__in=wanted).annotate(at=_AT).filter(at__gt=since)


def _events(user, since: datetime) -> QuerySet:
    lately = Event.objects.order_by().filter(created_at__gt=since).exclude(actor=user)
    of_groups = lately.allowing(user, Permission.EVENT_READ).filter(tag__in=_OF_GROUPS)
    of_oneself = lately.filter(tag__in=_OF_ONESELF, subject_type="user", subject_id=str(user.pk))
    return Event.objects.filter(pk__in=of_groups.values("pk").union(of_oneself.values("pk")))


def touched(since: datetime) -> dict[int, datetime]:
    """Everybody of whom `notifications` may know something younger than `since`, with the moment of the newest: perhaps a few more,
    nobody less. Three queries, however many people there are."""
    found: dict[int, datetime] = {}
    groups: dict[object, datetime] = {}

    def note(where: dict, key, at: datetime) -> None:
        if key is not None:
            where[key] = max(where.get(key, at), at)

    ended = [Operation.State.FAILED, Operation.State.SUCCEEDED, Operation.State.WAITING]
    rows = Operation.objects.order_by().filter(created_at__gt=since - LONGEST, state__in=ended).annotate(at=_AT).filter(at__gt=since)
    for state, by, owner, group, at in rows.values_list("state", "created_by", "service__created_by", "group", "at").iterator():
        if state == Operation.State.WAITING:
            note(groups, group, at)
        else:
            note(found, owner, at)
        if state == Operation.State.FAILED:
            note(found, by, at)
    events = Event.objects.order_by().filter(created_at__gt=since, tag__in=[*_OF_GROUPS, *_OF_ONESELF])
    for tag, group, subject, at in events.values_list("tag", "group", "subject_id", "created_at").iterator():
        if tag in _OF_GROUPS:
            note(groups, group, at)
        elif subject.isdecimal():
            note(found, int(subject), at)
    for user, group in Membership.objects.order_by().filter(group__in=groups).values_list("user", "group"):
        note(found, user, groups[group])
    return found


def _of_operation(row: Operation, new: bool, user) -> Notification:
    words = {"what": f"{row.get_kind_display()}: {row.label}", "who": row.created_by or _("Somebody")}
    if row.state == Operation.State.FAILED:
        kind, message, detail = "operation.failed", _("%(what)s failed.") % words, row.failure
    elif row.state == Operation.State.WAITING:
        kind, message = "operation.waiting", _("%(what)s waits for a decision.") % words
        detail = _("The new revision answers golden requests otherwise.")
    else:
        kind, message, detail = "operation.done", _("%(who)s has done this to a service of yours: %(what)s.") % words, ""
    return Notification(kind, row.at, row.group.name, message, detail, "operation", str(row.pk), new)


def _of_event(event: Event, new: bool) -> Notification:
    group = event.group.name if event.group else ""
    words = {
        "who": event.actor_label,
        "what": event.subject_label,
        "group": group,
        **{key: str(value) for key, value in event.data.items()},
    }
    noun, subject, detail = "group", group, ""
    if event.tag == EventTag.ALIAS_MOVED:
        noun, subject = "model", event.subject_label
        before = event.data.get("before")
        message = (
            _("%(who)s moved %(alias)s from %(before)s to %(after)s.") if before else _("%(who)s pointed %(alias)s at %(after)s.")
        ) % words
    elif event.tag == EventTag.SERVICE_UNHEALTHY:
        noun, subject, detail = "service", event.subject_label, str(event.data.get("detail", ""))
        message = _("A replica of %(what)s stopped answering.") % words
    elif event.tag == EventTag.MEMBER_ADDED:
        message = _("%(who)s made you a member of %(group)s.") % words
    elif event.tag == EventTag.MEMBER_CHANGED:
        message = _("%(who)s changed your role in %(group)s.") % words
    else:
        noun, message = "", _("%(who)s ended your membership of %(group)s.") % words
    return Notification(str(event.tag), event.created_at, group, message, detail, noun, subject, new)
