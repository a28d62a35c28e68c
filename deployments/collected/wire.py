"""What a replica answers to `GET /collected`, read as other people's words: any part of it may be wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from deployments.collected.tables import HEADER, Batch

#: of one answer; a spool gives about a MiB at once, and never a batch above 4 MiB
LONGEST = 8 * 2**20
LONGEST_NAME = 200
#: a clock that is further off than this is not believed
MOST_OFF = timedelta(days=1)


class Unreadable(ValueError):
    """It is not an answer of our runtime."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """`lost` is counted since the spool began, by stream."""

    spool: str
    upto: int
    more: bool
    lost: dict[tuple[str, str, str], int]
    batches: list[Batch]
    #: rows of batches that could not be read
    broken: int


def read(body: bytes) -> Pulled:
    """Raises Unreadable."""
    try:
        found = json.loads(body, parse_int=_integer, parse_float=_number, parse_constant=lambda name: None)
        spool, upto = found["spool"], found["next"]
        if not isinstance(spool, str) or not 1 <= len(spool) <= 64 or type(upto) is not int or not 0 <= upto < 2**62:
            raise Unreadable("it names no spool, or no number")
        lost = {
            (_text(each["model"]), _text(each["modelVersion"]), _text(each["identifier"])): min(max(int(each["rows"]), 0), 2**40)
            for each in found["lost"][:1000]
        }
        batches, broken = [], 0
        for raw in found["batches"]:
            try:
                batches.append(_batch(raw))
            except (KeyError, TypeError, ValueError):
                broken += 1
        return Pulled(spool, upto, found["more"] is True, lost, batches, broken)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable(str(error)[:200]) from None


def _batch(raw: dict) -> Batch:
    columns, rows = tuple(_text(name) for name in raw["columns"]), raw["rows"]
    if len(set(columns)) != len(columns) or set(columns) & set(HEADER) or not all(len(row) == len(columns) for row in rows):
        raise ValueError("its rows do not fit its columns")
    if not rows or type(raw["sequence"]) is not int:
        raise ValueError("it is empty, or has no number")
    return Batch(
        sequence=raw["sequence"],
        model=_text(raw["model"]) or "-",
        version=_text(raw["modelVersion"]) or "-",
        identifier=_text(raw["identifier"]) or "-",
        at=_moment(raw["timestamp"]),
        correlation=_text(raw["correlationId"]),
        request=_text(raw["requestId"]),
        columns=columns,
        rows=[[_clean(cell) for cell in row] for row in rows],
    )


def _moment(said: Any) -> datetime:
    now = timezone.now()
    try:
        at = datetime.fromisoformat(said)
    except (TypeError, ValueError):
        return now
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at if abs(at - now) < MOST_OFF else now


def _text(value: Any) -> str:
    """No longer than the database takes, without what PostgreSQL and Arrow refuse."""
    return _clean(str(value))[:LONGEST_NAME]


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
    if isinstance(value, list):
        return [_clean(each) for each in value]
    if isinstance(value, dict):
        return {_clean(name): _clean(each) for name, each in value.items()}
    return value


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) < 400 else digits


def _number(digits: str) -> float | None:
    found = float(digits)
    return found if math.isfinite(found) else None


def streams(batches: list[Batch]) -> Iterator[list[Batch]]:
    """In their order, the batches of one stream, day and set of columns."""
    groups: dict[tuple, list[Batch]] = {}
    for batch in batches:
        groups.setdefault((batch.stream, batch.at.date(), batch.columns), []).append(batch)
    yield from groups.values()
