"""Batches of rows <-> Arrow tables. Columns have one of seven kinds, so that any two files of a stream can be put together.

A column whose values are of one simple kind keeps it; anything else becomes JSON text, from which the values come back exactly.
Arrow is imported by the functions: most processes of the portal never need it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

NULL, BOOL, INT, LONG, FLOAT, TEXT, JSON = "null", "bool", "int", "long", "float", "text", "json"
STAMP, CORRELATION, REQUEST = HEADER = ("$Timestamp", "$CorrelationId", "$RequestId")
#: whole numbers beyond these lose digits as a float, and are of the kind `long`
EXACT = 2**53

Columns = list[list[str]]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one call of `collect` kept."""

    sequence: int
    model: str
    version: str
    identifier: str
    at: datetime
    correlation: str
    request: str
    columns: tuple[str, ...]
    rows: list[list[Any]]

    @property
    def stream(self) -> tuple[str, str, str]:
        return self.model, self.version, self.identifier


def _type(kind: str):
    import pyarrow as pa

    return {NULL: pa.null(), BOOL: pa.bool_(), INT: pa.int64(), LONG: pa.int64(), FLOAT: pa.float64()}.get(kind, pa.string())


def schema_of(columns: Columns):
    import pyarrow as pa

    header = [pa.field(STAMP, pa.timestamp("us", tz="UTC")), pa.field(CORRELATION, pa.string()), pa.field(REQUEST, pa.string())]
    return pa.schema([*header, *(pa.field(name, _type(kind), metadata={"kind": kind}) for name, kind in columns)])


def kind_of(values: Iterable[Any]) -> str:
    found = {type(value) for value in values if value is not None}
    if found <= {bool}:
        return BOOL if found else NULL
    if found == {int}:
        largest = max(abs(value) for value in values if value is not None)
        return INT if largest <= EXACT else LONG if largest < 2**63 else JSON
    if found <= {int, float}:
        return FLOAT if all(abs(value) <= EXACT for value in values if type(value) is int) else JSON
    return TEXT if found == {str} else JSON


def table_of(batches: Sequence[Batch]):
    """(table, columns) of batches with the same columns."""
    import pyarrow as pa

    names = batches[0].columns
    rows = [row for batch in batches for row in batch.rows]
    arrays = [
        pa.array([batch.at for batch in batches for _ in batch.rows], pa.timestamp("us", tz="UTC")),
        pa.array([batch.correlation for batch in batches for _ in batch.rows], pa.string()),
        pa.array([batch.request for batch in batches for _ in batch.rows], pa.string()),
    ]
    columns: Columns = []
    for place, name in enumerate(names):
        values = [row[place] for row in rows]
        kind = kind_of(values)
        if kind == JSON:
            values = [None if value is None else _json(value) for value in values]
        columns.append([name, kind])
        arrays.append(pa.array(values, _type(kind)))
    return pa.Table.from_arrays(arrays, schema=schema_of(columns)), columns


def together(parts: Iterable[Columns]) -> Columns:
    """The columns of all, in the order in which they first came, each with a kind that holds every part's values."""
    kinds: dict[str, str] = {}
    for columns in parts:
        for name, kind in columns:
            kinds[name] = _wider(kinds.get(name, NULL), kind)
    return [[name, kind] for name, kind in kinds.items()]


def _wider(one: str, other: str) -> str:
    if NULL in (one, other):
        return other if one == NULL else one
    if {one, other} in ({INT, FLOAT}, {INT, LONG}):
        return other if one == INT else one
    return one if one == other else JSON


def widen(batch, have: Columns, wanted: Columns):
    """A record batch of a part with the columns `have`, as one with the columns `wanted`."""
    import pyarrow as pa

    kinds = dict(map(tuple, have))
    arrays = [batch.column(name) for name in HEADER]
    for name, kind in wanted:
        if name not in kinds:
            arrays.append(pa.nulls(batch.num_rows, _type(kind)))
        elif kinds[name] == kind:
            arrays.append(batch.column(name))
        elif kind == JSON:
            values = batch.column(name).to_pylist()
            arrays.append(pa.array([None if value is None else _json(value) for value in values], pa.string()))
        else:
            arrays.append(batch.column(name).cast(_type(kind)))
    return pa.RecordBatch.from_arrays(arrays, schema=schema_of(wanted))


def rows_of(batch, columns: Columns) -> Iterator[dict[str, Any]]:
    """Rows with their values as they were collected."""
    nested = {name for name, kind in columns if kind == JSON}
    names = batch.schema.names
    # Column by column: Arrow's own rows cost several times as much.
    cells = [batch.column(name).to_pylist() for name in names]
    cells = [
        [None if text is None else json.loads(text) for text in values] if name in nested else values
        for name, values in zip(names, cells, strict=True)
    ]
    for values in zip(*cells, strict=True):
        yield dict(zip(names, values, strict=True))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
