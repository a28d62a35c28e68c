"""Rows of collected days, read from their files a piece at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from django.db.models import QuerySet

from deployments.collected import store, tables
from deployments.models import CollectedDay, CollectedPart, Service
from portal.told import told

#: rows that are in memory at once
PIECE = 2048


def days_of(
    service: Service,
    *,
    first: date | None = None,
    last: date | None = None,
    model: str = "",
    version: str = "",
    identifier: str = "",
) -> QuerySet[CollectedDay]:
    """The days of a service, from `first` to `last`, both included; "" is any."""
    found = service.collected_days.all()
    if first:
        found = found.filter(day__gte=first)
    if last:
        found = found.filter(day__lte=last)
    named = {"model": model, "version": version, "identifier": identifier}
    return found.filter(**{name: value for name, value in named.items() if value})


def parts_of(days: QuerySet[CollectedDay]) -> list[CollectedPart]:
    """Their files in the order of their days, streams and times."""
    order = ("day__day", "day__model", "day__version", "day__identifier", "first_at", "pk")
    return list(CollectedPart.objects.filter(day__in=days).select_related("day").order_by(*order))


def pieces(part: CollectedPart, rows: int = PIECE) -> Iterator[Any]:
    """Record batches of a file. Raises Unavailable when the storage does not have it."""
    import pyarrow.parquet as parquet

    with store.asking(told("does not give")), store.storage().open(part.name, "rb") as file:
        # Not all of the file in memory: a group of rows at a time.
        yield from parquet.ParquetFile(file, pre_buffer=False).iter_batches(batch_size=rows)


def rows_of(part: CollectedPart) -> Iterator[dict[str, Any]]:
    for piece in pieces(part):
        yield from tables.rows_of(piece, part.columns)


def write_parquet(out, parts: Iterable[CollectedPart], columns: tables.Columns) -> None:
    """All rows of the parts as one file, with the columns `columns`."""
    import pyarrow.parquet as parquet

    with parquet.ParquetWriter(out, tables.schema_of(columns), compression="zstd") as writer:
        for part in parts:
            for piece in pieces(part, 65536):
                writer.write_batch(tables.widen(piece, part.columns, columns))
