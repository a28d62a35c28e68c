"""Small files into larger ones, days that are over their time, and files that nobody needs."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
from datetime import timedelta

from django.conf import settings
from django.core.files import File
from django.db import connection, transaction
from django.db.models import Count, Sum
from django.utils import timezone

from deployments.collected import reading, store, tables
from deployments.models import CollectedDay, CollectedPart, CollectedSource
from portal.errors import Unavailable

log = logging.getLogger(__name__)
#: files of a day are put together when it has so many below this size; a day that is over, when it has two
MANY, SMALL = 32, 8 * 2**20
#: the most rows of one file that is made of others
MOST_ROWS = 2_000_000
#: a replica that was not heard of for so long is not there any more
GONE = timedelta(days=30)


def roll() -> int:
    """Puts small files together where there are many. How many days that were."""
    small = CollectedPart.objects.filter(day__isnull=False, bytes__lt=SMALL).order_by().values("day").annotate(count=Count("pk"))
    # A little later than midnight, for rows that are still on their way.
    over = (timezone.now() - timedelta(minutes=10)).date()
    crowded = {row["day"]: row["count"] for row in small.filter(count__gt=1)}
    done = 0
    for day in CollectedDay.objects.filter(pk__in=crowded).select_related("service__group"):
        if crowded[day.pk] >= MANY or day.day < over:
            try:
                done += _merge(day)
            except Unavailable as error:
                log.warning("files of %s could not be put together: %s", day, error.message)
    return done


class Roller:
    """Does `roll` beside the observer's other work: a slow storage must not hold it up."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    def ring(self) -> None:
        """Begins a round, unless one is under way."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._roll, name="collected-roll", daemon=True)
            self._thread.start()

    @staticmethod
    def _roll() -> None:
        try:
            roll()
        except Exception:
            log.exception("files of collected rows could not be put together")
        finally:
            connection.close()


def _merge(day: CollectedDay) -> bool:
    parts, rows = [], 0
    for part in day.parts.filter(bytes__lt=SMALL).order_by("first_at", "pk"):
        if rows + part.rows > MOST_ROWS:
            break
        parts.append(part)
        rows += part.rows
    if len(parts) < 2:
        return False
    columns = tables.together(part.columns for part in parts)
    with tempfile.TemporaryFile(dir=settings.STAGING_DIR, suffix=".part") as staged:
        reading.write_parquet(staged, parts, columns)
        staged.seek(0)
        where = store.folder(day.service, day.stream, day.day)
        made = store.save(where, _Sized(staged), rows=rows, columns=columns, first_at=parts[0].first_at)
    with transaction.atomic():
        held = CollectedDay.objects.select_for_update().filter(pk=day.pk).first()
        mine = CollectedPart.objects.filter(pk__in=[part.pk for part in parts], day=held)
        if held is None or mine.count() != len(parts):
            return False  # deleted, or put together by somebody else; what we made is nobody's
        mine.update(day=None, orphan_since=timezone.now())
        CollectedPart.objects.filter(pk=made.pk).update(day=held, orphan_since=None)
        held.bytes = held.parts.aggregate(total=Sum("bytes"))["total"] or 0
        held.save(update_fields=["bytes"])
    return True


class _Sized(File):
    """Django asks a file for its name or its end; a file without a name has the second."""

    def __init__(self, file):
        super().__init__(file, name="part.parquet")
        self.size = os.fstat(file.fileno()).st_size


def retain() -> int:
    """Deletes the days that are older than their service keeps them. How many rows that were."""
    today, rows = timezone.now().date(), 0
    for days in CollectedDay.objects.order_by().values_list("service__collect_days", flat=True).distinct():
        old = CollectedDay.objects.filter(service__collect_days=days, day__lt=today - timedelta(days=days))
        rows += store.forget(old)
    CollectedSource.objects.filter(seen_at__lt=timezone.now() - GONE).delete()
    return rows


def housekeeping() -> None:
    """Hourly."""
    rows = retain()
    if rows:
        log.info("%d collected rows were older than their services keep them, and are deleted", rows)
    roll()
    store.sweep_files()
