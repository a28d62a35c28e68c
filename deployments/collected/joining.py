"""A day as people look at it: the first rows, with what was collected for the same request side by side."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployments.collected import reading, tables
from deployments.models import CollectedDay
from scoring.collect import NO_REQUEST

#: rows that are shown, and rows of the other collectors that are searched for their counterparts
SHOWN, SEARCHED = 50, 2000

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Block:
    """The columns of one collector in the preview."""

    model: str
    version: str
    identifier: str
    columns: list[str]


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the preview. `cells` has, for each block, its values or None where it has nothing for this row."""

    at: datetime
    correlation: str
    request: str
    cells: list[list[Any] | None]


@dataclass(frozen=True, slots=True)
class Preview:
    blocks: list[Block]
    lines: list[Line]


def preview(days: list[CollectedDay], shown: int = SHOWN) -> Preview:
    """The first rows of a day. Row i that one collector kept for a request stands beside row i that another kept for it.

    The collector called like inputs leads, else the first by name.
    """
    days = sorted(days, key=lambda day: (not day.identifier.lower().startswith(("input", "model_input")), day.stream))
    blocks, found = [], []
    for place, day in enumerate(days):
        rows = _first(day, shown) if place == 0 else _spread(_first(day, SEARCHED), Counter(map(_belongs, found[0])))
        names = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in tables.HEADER]
        blocks.append(Block(*day.stream, names))
        found.append(rows)
    return Preview(blocks, _lines(blocks, found, shown))


def _first(day: CollectedDay, most: int) -> list[Row]:
    rows: list[Row] = []
    for part in day.parts.order_by("first_at", "pk"):
        for piece in reading.pieces(part, min(most, reading.PIECE)):
            rows += tables.rows_of(piece, part.columns)
            if len(rows) >= most:
                return rows[:most]
    return rows


def _spread(rows: list[Row], counts: Counter[str]) -> list[Row]:
    """An array of one dimension was kept as one row, as the original does: n predictions of a request with n rows stand one beside each."""
    alone = Counter(map(_belongs, rows))
    out = []
    for row in rows:
        belongs = _belongs(row)
        values = [value for name, value in row.items() if name not in tables.HEADER and value is not None]
        names = [name for name, value in row.items() if name not in tables.HEADER and value is not None]
        if belongs and alone[belongs] == 1 and counts[belongs] > 1 and names == [str(place) for place in range(counts[belongs])]:
            out += [{**{name: row[name] for name in tables.HEADER}, "0": value} for value in values]
        else:
            out.append(row)
    return out


def _lines(blocks: list[Block], found: list[list[Row]], shown: int) -> list[Line]:
    kept: dict[tuple, list[tuple[Row, list[Any]] | None]] = {}
    for place, (block, rows) in enumerate(zip(blocks, found, strict=True)):
        counts: dict[str, int] = defaultdict(int)
        for index, row in enumerate(rows):
            belongs = _belongs(row)
            key: tuple = (belongs, counts[belongs]) if belongs else (place, index, "alone")
            counts[belongs] += 1
            line = kept.setdefault(key, [None] * len(blocks))
            line[place] = (row, [row.get(name) for name in block.columns])
    lines = []
    for line in kept.values():
        row = next(given[0] for given in line if given is not None)
        cells = [given[1] if given is not None else None for given in line]
        lines.append(Line(row[tables.STAMP], row[tables.CORRELATION], row[tables.REQUEST], cells))
    return lines[:shown]


def _belongs(row: Row) -> str:
    """What the row was collected for; "" when nobody can know."""
    request = row[tables.REQUEST]
    return row[tables.CORRELATION] or ("" if request == NO_REQUEST else request)
