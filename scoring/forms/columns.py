"""Columns -> the checked values of a table, with the faults that rows in JSON would have had, at the same places."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Optional, Sequence

from ..errors import BadInput
from ..schema import PANDAS, Type
from ..values import Faults, Node, Wrong, escape

#: cells of one table; what is larger is sent in parts
MOST_CELLS, MOST_COLUMNS = 10_000_000, 10_000
_NUMBERS = re.compile(r"^(int|uint|float)(8|16|32|64)$|^bool$")


class Column:
    """`plain()` gives the cells as JSON would have them; `array()` numbers as a numpy array, None where it has no such form."""

    def __init__(self, plain: Callable[[], List[Any]], array: Callable[[], Any] = lambda: None):
        self.plain, self.array = plain, array


def unreadable(message: str) -> BadInput:
    """The body is not what its Content-Type says."""
    return BadInput(message, details=[{"code": "NotReadable", "message": message, "pointer": ""}])


def bounded(rows: int, columns: int) -> None:
    if columns > MOST_COLUMNS:
        raise unreadable(f"The table has more than {MOST_COLUMNS} columns.")
    if rows * max(columns, 1) > MOST_CELLS:
        raise unreadable(f"The table has more than {MOST_CELLS} cells; send it in parts.")


def dtypes_of(kind: Type) -> Dict[str, str]:
    """Column -> dtype, for forms that hold only text; Spark's types have no names of this kind."""
    return {str(name): dtype for name, dtype in kind.columns} if kind.kind == PANDAS else {}  # type: ignore[attr-defined]


def read(kind: Type, given: Dict[str, Column], rows: int, at: str, faults: Faults) -> Any:
    """What `kind.read` makes of the same table as rows of JSON."""
    if kind.kind != PANDAS:
        cells = {name: column.plain() for name, column in given.items()}
        return kind.read([dict(zip(cells, row)) for row in zip(*cells.values())], at, faults)
    row = kind.node().item  # type: ignore[attr-defined]
    if not rows:
        faults.add("WrongShape", "expected at least 1 row, got none", at)
        return []
    row.check_names(given, f"{at}/0", faults)
    out = []
    for name, dtype in kind.columns:  # type: ignore[attr-defined]
        column = given.get(str(name))
        if column is not None:
            out.append(_cells(column, row.fields[str(name)], dtype, f"{at}/{{}}/{escape(name)}", faults))
    return out


def _cells(column: Column, node: Node, dtype: str, place: str, faults: Faults) -> Any:
    if isinstance(dtype, str) and _NUMBERS.match(dtype):
        array = column.array()
        if array is not None:
            return numbers(array, node, dtype, lambda index: place.replace("{}", str(index), 1), faults)
    out = []
    for index, value in enumerate(column.plain()):
        try:
            out.append(node.convert(value))  # type: ignore[attr-defined]
        except Wrong as wrong:
            faults.add("WrongType", str(wrong), place.replace("{}", str(index), 1))
    return out


def numbers(array: Any, node: Node, dtype: str, pointer: Callable[[int], str], faults: Faults) -> Any:
    """A flat numpy array of numbers or booleans as an array of `dtype`; `node` is asked only about cells that do not fit."""
    import numpy

    bad = _misfits(numpy, array, numpy.dtype(dtype), node.nullable)  # type: ignore[attr-defined]
    if bad is not None and bad.any():
        for index in numpy.flatnonzero(bad)[: 2 * 20]:
            faults.add("WrongType", _said(node, array[index].item()), pointer(int(index)))
        return array
    with numpy.errstate(all="ignore"):
        return array.astype(dtype)


def _misfits(numpy: Any, array: Any, wanted: Any, nullable: bool) -> Optional[Any]:
    """Which cells are not what JSON could have said of this type; None when all are."""
    came = array.dtype
    if (came.kind == "b") != (wanted.kind == "b"):
        return numpy.ones(len(array), dtype=bool)
    if came == wanted and came.kind != "f":
        return None
    if wanted.kind in "iu":
        limits = numpy.iinfo(wanted)
        low, high = max(int(limits.min), _least(numpy, came)), min(int(limits.max), _most(numpy, came))
        if came.kind == "f":
            # 2**63 as a float is one too many: compare below the next power of two
            return ~(numpy.isfinite(array) & (numpy.floor(array) == array) & (array >= limits.min) & (array < float(limits.max) + 1))
        return (array < low) | (array > high)
    if wanted.kind == "f" and came.kind == "f":
        missing = numpy.isnan(array)
        with numpy.errstate(all="ignore"):
            fits = numpy.isfinite(array.astype(wanted)) | (missing if nullable else False)
        return ~fits
    if wanted.kind == "f" and wanted.itemsize == 2:
        return numpy.abs(array.astype("float64")) > 65504.0
    return None


def _least(numpy: Any, came: Any) -> int:
    return int(numpy.iinfo(came).min) if came.kind in "iu" else 0


def _most(numpy: Any, came: Any) -> int:
    return int(numpy.iinfo(came).max) if came.kind in "iu" else 0


def _said(node: Node, value: Any) -> str:
    try:
        node.convert(None if value != value else value)  # type: ignore[attr-defined]
    except Wrong as wrong:
        return str(wrong)
    return "expected a finite number, got one that is not"


def unique(names: Sequence[str]) -> None:
    seen = set()
    for name in names:
        if name in seen:
            raise unreadable(f"Two columns are called {name[:100]!r}.")
        seen.add(name)
