"""Keeps what was pulled: Parquet files in the storage, days and parts in the database."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from deployments.collected import tables, wire
from deployments.models import CollectedDay, CollectedPart, CollectedSource, Service
from portal.errors import PortalError, Unavailable
from portal.told import told

#: a part that nobody needs is removed after this time; a download that began before may still be reading it
ORPHANED = timedelta(hours=1)
LONGEST_NAME = 100
UNKNOWN = ("-", "-", "-")


def storage():
    return storages["collected"]


def safe(name: str) -> str:
    """One step of a path: letters, digits and `._-~` as they are, the rest as %XX; a long one is cut and told apart by its hash."""
    found = quote(name, safe="")
    if not found.strip("."):
        found = found.replace(".", "%2E") or "-"
    if len(found) > LONGEST_NAME:
        found = f"{found[: LONGEST_NAME - 17]}~{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return found


def folder(service: Service, stream: tuple[str, str, str], day: date) -> str:
    """`<group>/<service>/<model>/<version>/<identifier>/<yyyy>/<mm>/<dd>`"""
    return "/".join([service.group.name, service.name, *map(safe, stream), f"{day:%Y/%m/%d}"])


def keep(service: Service, pulled: wire.Pulled) -> int:
    """The number up to which everything of this spool is kept now; the next pull may say so. Raises Unavailable."""
    source, _ = CollectedSource.objects.get_or_create(service=service, spool=pulled.spool)
    new = [batch for batch in pulled.batches if source.sequence < batch.sequence <= pulled.upto]
    lost = _newly_lost(source, pulled)
    if not new and not lost and pulled.upto <= source.sequence:
        return source.sequence
    parts = [(group[0], write(service, group)) for group in wire.streams(new)]
    with transaction.atomic():
        held = CollectedSource.objects.select_for_update().get(pk=source.pk)
        if held.sequence != source.sequence:
            # Another observer was here meanwhile; its files count and ours are nobody's.
            return held.sequence
        for first, part in parts:
            _give(part, _day(service, first.stream, first.at.date()))
        for stream, rows in lost.items():
            day = _day(service, stream, timezone.now().date())
            CollectedDay.objects.filter(pk=day.pk).update(dropped=F("dropped") + rows)
        held.sequence = max(held.sequence, pulled.upto)
        held.lost = [[*stream, rows] for stream, rows in pulled.lost.items()]
        held.save()
    return held.sequence


def _newly_lost(source: CollectedSource, pulled: wire.Pulled) -> dict[tuple[str, str, str], int]:
    before = {tuple(stream): rows for *stream, rows in source.lost}
    found = {stream: rows - before.get(stream, 0) for stream, rows in pulled.lost.items() if rows > before.get(stream, 0)}
    if pulled.broken and pulled.upto > source.sequence:
        found[UNKNOWN] = found.get(UNKNOWN, 0) + pulled.broken
    return found


def write(service: Service, batches: list[tables.Batch]) -> CollectedPart:
    """A new file with these rows, still nobody's."""
    import pyarrow.parquet as parquet

    table, columns = tables.table_of(batches)
    out = io.BytesIO()
    parquet.write_table(table, out, compression="zstd")
    first = batches[0]
    where = folder(service, first.stream, first.at.date())
    return save(where, ContentFile(out.getvalue()), rows=table.num_rows, columns=columns, first_at=first.at)


def save(where: str, content: File, *, rows: int, columns: tables.Columns, first_at: datetime) -> CollectedPart:
    """The row first, so that a file is never there without one. Raises Unavailable when the storage does not take it."""
    name = f"{where}/{first_at:%H%M%S}-{os.urandom(8).hex()}.parquet"
    part = CollectedPart.objects.create(name=name, rows=rows, bytes=content.size, columns=columns, first_at=first_at)
    with asking(told("does not take")):
        kept = storage().save(name, content)
        _sync(kept)
    if kept != name:
        part.name = kept
        part.save(update_fields=["name"])
    return part


def _sync(name: str) -> None:
    """On a disk, down to the disk: the replica forgets these rows when it hears that they are kept."""
    try:
        path = Path(storage().path(name))
    except NotImplementedError:
        return
    for each in (path, path.parent):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def asking(verb: str) -> Iterator[None]:
    """An error of the storage, whichever library speaks to it, is told as the outside system's."""
    try:
        yield
    except PortalError:
        raise
    except Exception as error:
        raise Unavailable(
            told("The storage of collected data"), told("it %(verb)s a file (%(error)s).", verb=verb, error=type(error).__name__)
        ) from error


def _day(service: Service, stream: tuple[str, str, str], day: date) -> CollectedDay:
    """Its row, locked until the transaction around this ends."""
    model, version, identifier = stream
    row, _ = CollectedDay.objects.select_for_update().get_or_create(
        service=service, day=day, model=model, version=version, identifier=identifier
    )
    return row


def _give(part: CollectedPart, day: CollectedDay) -> None:
    part.day, part.orphan_since = day, None
    part.save(update_fields=["day", "orphan_since"])
    changed = {"rows": F("rows") + part.rows, "bytes": F("bytes") + part.bytes, "updated_at": timezone.now()}
    CollectedDay.objects.filter(pk=day.pk).update(**changed)


def forget(days) -> int:
    """Deletes these days (a queryset) with all their rows; how many rows that were. Their files go with the next sweep, at once."""
    with transaction.atomic():
        found = list(days.select_for_update())
        rows = sum(day.rows for day in found)
        CollectedPart.objects.filter(day__in=found).update(day=None, orphan_since=timezone.now() - 2 * ORPHANED)
        CollectedDay.objects.filter(pk__in=[day.pk for day in found]).delete()
    return rows


def orphans() -> Iterator[CollectedPart]:
    """Parts that nobody has, has had, or will have."""
    over = Q(orphan_since__isnull=True) | Q(orphan_since__lt=timezone.now() - ORPHANED)
    yield from CollectedPart.objects.filter(over, day=None).order_by("pk")[:10_000]


def sweep_files() -> int:
    """Removes orphans, file first. How many there were."""
    count = 0
    for part in orphans():
        with asking(told("does not delete")):
            storage().delete(part.name)
        part.delete()
        count += 1
    return count
