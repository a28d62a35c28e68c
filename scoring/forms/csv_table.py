"""`text/csv`: a head line with the column names, then one line a row (RFC 4180, UTF-8). Stdlib only.

An empty cell is a missing value, and the empty text in a column of text.
"""

from __future__ import annotations

import csv
import functools
import io
import json
import math
import re
from typing import Any, List

from ..schema import PANDAS, Type
from ..values import Faults
from .columns import Column, bounded, dtypes_of, unique, unreadable
from .columns import read as read_columns

_TEXT = ("text", "str", "string")


def read(kind: Type, body: Any, at: str, faults: Faults) -> Any:
    try:
        text = bytes(body).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise unreadable(f"The body is not UTF-8 text (byte {error.start}).") from None
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = next(lines, [])
        bounded(1, len(names))
        unique(names)
        cells: List[List[str]] = [[] for _ in names]
        rows = 0
        for line in lines:
            if not line and len(names) != 1:  # a blank line, often the last
                continue
            line = line or [""]
            if len(line) != len(names):
                faults.add("WrongShape", f"expected {len(names)} cells as in the head line, got {len(line)}", f"{at}/{rows}")
            else:
                for cell, column in zip(line, cells):
                    column.append(cell)
            rows += 1
    except csv.Error as error:
        raise unreadable(f"The body is not CSV that can be read: line {lines.line_num}: {error}.") from None
    if not names:
        raise unreadable("The body is empty; the first line of CSV has the names of the columns.")
    if faults:
        return None
    kinds = dtypes_of(kind) if kind.kind == PANDAS else _of_struct(kind)
    found = {name: Column(functools.partial(_plain, column, kinds.get(name, "text"))) for name, column in zip(names, cells)}
    return read_columns(kind, found, rows, at, faults)


def _of_struct(kind: Any) -> dict:
    """Spark's types under the names that dtypes have."""
    kinds = {"string": "text", "boolean": "bool", "date": "datetime64", "timestamp": "datetime64", "binary": "S"}
    numbers = {"byte": "int8", "short": "int16", "integer": "int32", "long": "int64", "float": "float32", "double": "float64"}
    return {
        field["name"]: {**kinds, **numbers}.get(field["type"], "object") if isinstance(field["type"], str) else "object"
        for field in kind.struct["fields"]
    }


def _plain(cells: List[str], dtype: Any) -> List[Any]:
    """The cells as JSON would have them; what cannot be read as `dtype` stays text, which the check then names."""
    if dtype in _TEXT or str(dtype).startswith("string["):
        return cells
    family = re.match(r"^[a-z]*", str(dtype).lower()).group()  # type: ignore[union-attr]
    convert = {"int": _number, "uint": _number, "float": _number, "bool": _boolean, "boolean": _boolean, "object": _anything}.get(family)
    if convert is None:  # dates, durations, bytes: text in JSON too
        return [cell or None for cell in cells]
    return [convert(cell) for cell in cells]


_WHOLE = re.compile(r"^\s*[+-]?\d{1,40}\s*$", re.ASCII)
_NUMBER = re.compile(r"^\s*[+-]?(\d{1,320}\.?\d{0,320}|\.\d{1,320})([eE][+-]?\d{1,4})?\s*$", re.ASCII)


def _number(cell: str) -> Any:
    if not cell:
        return None
    if _WHOLE.match(cell):
        return int(cell)
    value = float(cell) if _NUMBER.match(cell) else math.inf
    return value if math.isfinite(value) else cell


def _boolean(cell: str) -> Any:
    return {"true": True, "false": False, "": None}.get(cell.strip().lower(), cell)


def _anything(cell: str) -> Any:
    """A column of objects: JSON where it is JSON, else text."""
    try:
        return json.loads(cell, parse_constant=lambda name: name) if cell[:1] in '[{"0123456789-tfn' and cell else cell
    except (ValueError, RecursionError):
        return cell
