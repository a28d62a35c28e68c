"""Several requests in one call of run(): their rows put together, the results taken apart again.

Only for inputs that are tables or arrays, and only when somebody has found that each
row's result does not depend on the others (`verdict`). numpy and pandas objects are
known by what they can do.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

from . import collect, inputs, outputs
from .schema import NUMPY, PANDAS, Schema

#: rows of one shared call; a request that has more by itself is called alone
MOST_ROWS = 10_000

Values = Dict[str, Any]


class Unshareable(Exception):
    """What run() did with several requests cannot be told apart. It will not be asked again."""


def refusal(driver: Any) -> str:
    """Why requests to this file are never put together; "" when they may be. `driver` is a loaded Driver."""
    if driver.raw or driver.schema is None:
        return "run() takes the request as it came, not rows."
    if driver.wants_headers:
        return "run() asks for the headers of each request."
    schema: Schema = driver.schema
    if not schema.inputs:
        return "run() takes no input."
    for name, kind in schema.inputs.items():
        if kind.kind != PANDAS and not (kind.kind == NUMPY and kind.shape):  # type: ignore[attr-defined]
            return f"The input {name} is not a table or an array."
    return ""


def rows_of(schema: Schema, values: Values) -> Optional[int]:
    """How many rows a request has; None when its inputs differ in that."""
    found = set()
    for name, kind in schema.inputs.items():
        if name not in values:
            return None
        if kind.kind == PANDAS:
            if not values[name]:
                return None
            found.add(len(values[name][0]))
        else:
            found.add(len(values[name]))
    return found.pop() if len(found) == 1 else None


def merge(schema: Schema, requests: Sequence[Values]) -> Values:
    """One request with the rows of all, in order. The given ones are left as they are."""
    out: Values = {}
    for name, kind in schema.inputs.items():
        parts = [each[name] for each in requests]
        if kind.kind == PANDAS:
            columns: List[List[Any]] = [list(cells) for cells in parts[0]]
            for part in parts[1:]:
                for cells, more in zip(columns, part):
                    cells += more
            out[name] = columns
        else:
            out[name] = [row for part in parts for row in part]
    return out


def cut(data: Any, counts: Sequence[int]) -> Optional[List[Any]]:
    """A list, array, series or frame in pieces of so many rows; None when it is not one, or has another length."""
    if type(data) in (list, tuple):
        rows: Any = data
    elif hasattr(data, "iloc") and hasattr(data, "index"):
        rows = data.iloc
    elif type(data).__name__ == "ndarray" and getattr(data, "ndim", 0):
        rows = data
    else:
        return None
    if len(data) != sum(counts):
        return None
    pieces, at = [], 0
    for count in counts:
        pieces.append(rows[at : at + count])
        at += count
    return pieces


class Held:
    """What run() collects while it works on several requests: kept apart until the call has gone well."""

    def __init__(self, spans: Sequence[Tuple[str, int]], *, always: bool = False):
        self.spans, self.always, self.told_apart = spans, always, True
        self.tables: List[Tuple[Any, List[Any]]] = []

    def take(self, collector: Any, data: Any, correlation: str) -> None:
        if not (collector.enabled or collector.debug or self.always):
            return
        pieces = cut(data, [rows for _, rows in self.spans]) if not correlation else None
        if pieces is None:
            self.told_apart = False
        else:
            self.tables.append((collector, [collect.tabulate(piece, collector.feature_names) for piece in pieces]))

    def keep(self) -> None:
        for collector, tables in self.tables:
            for (request, _), table in zip(self.spans, tables):
                collect.guarded(collector.keep, table, request, "")


def run(driver: Any, requests: Sequence[Values], spans: Sequence[Tuple[str, int]], *, always: bool = False) -> Tuple[List[bytes], Held]:
    """The answers of one call for all, as JSON, and what was collected. Unshareable, or whatever run() raises."""
    held = Held(spans, always=always)
    token = collect.held.set(held)
    try:
        result = driver.run(**inputs.build(driver.schema, merge(driver.schema, requests)))
    finally:
        collect.held.reset(token)
    if type(result).__name__ == "ndarray" and getattr(result, "ndim", 0) and result.dtype.kind in outputs.PLAIN_KINDS:
        result = result.tolist()  # once, not for each piece
    pieces = cut(result, [rows for _, rows in spans])
    if pieces is None:
        raise Unshareable("run() did not return one result for each row.")
    if not held.told_apart:
        raise Unshareable("What run() collected has not one entry for each row.")
    return [outputs.encode(piece) for piece in pieces], held
