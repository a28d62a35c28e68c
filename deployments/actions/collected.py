"""What people do with collected data: take it along, or delete it. Both are remembered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from deployments import tasks
from deployments.collected import export, reading, store
from deployments.models import Service
from portal.accounts.events import EventTag, record
from portal.accounts.permissions import Permission, require
from portal.errors import BadRequest, NotFound


@dataclass(frozen=True, slots=True)
class Download:
    """`chunks` is read once."""

    name: str
    content_type: str
    chunks: Iterator[bytes]


def _check_range(first: date | None, last: date | None) -> None:
    if first and last and first > last:
        raise BadRequest(_("%(first)s is after %(last)s.") % {"first": first, "last": last}, field="from")


def _words(service: Service, first: date | None, last: date | None) -> str:
    if first and first == last:
        return f"of {first}"
    return " ".join(["from", str(first or "the beginning"), "to", str(last or "now")])


def download_collected(
    *, user, service: Service, format: str, first: date | None = None, last: date | None = None, **stream: str
) -> Download:
    """The days from `first` to `last` as one file; `model`, `version` and `identifier` choose among the collectors.

    Raises NotFound when there are no rows, BadRequest for a format or a range that is none.
    """
    require(user, Permission.COLLECTED_READ, service.group)
    export.check_format(format)
    _check_range(first, last)
    days = reading.days_of(service, first=first, last=last, **stream)
    parts = reading.parts_of(days)
    if not parts:
        raise NotFound(_("%(service)s has no such rows %(rows)s.") % {"service": service, "rows": _words(service, first, last)})
    chunks = export.export(parts, format)
    # Once, before anything is sent: a storage that does not answer is then told as such, and not as a file that breaks off.
    begun = next(chunks, b"")
    record(user, EventTag.COLLECTED_DOWNLOADED, service, format=format, days=_words(service, first, last), rows=sum(p.rows for p in parts))
    name = "-".join([service.name, *([stream["identifier"]] if stream.get("identifier") else []), str(parts[0].day.day)])
    if parts[-1].day.day != parts[0].day.day:
        name += f"-to-{parts[-1].day.day}"
    return Download(f"{name}.{format}", export.TYPES[format], _after(begun, chunks))


def _after(begun: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield begun
    yield from chunks


@transaction.atomic
def delete_collected(*, user, service: Service, first: date, last: date, **stream: str) -> int:
    """Deletes the rows of these days for good; how many they were. Raises NotFound when there are none."""
    require(user, Permission.COLLECTED_DELETE, service.group)
    _check_range(first, last)
    days = reading.days_of(service, first=first, last=last, **stream)
    if not days.exists():
        raise NotFound(_("%(service)s has no such rows %(rows)s.") % {"service": service, "rows": _words(service, first, last)})
    rows = store.forget(days)
    record(user, EventTag.COLLECTED_DELETED, service, days=_words(service, first, last), rows=rows)
    tasks.sweep_collected.delay_on_commit()
    return rows
