"""What run() returned as CSV or as an Arrow stream, where it is a table: rows, columns, an array, a list."""

from __future__ import annotations

import csv
import io
import json
from typing import Any, List, Tuple

from .. import outputs
from ..errors import NotAcceptable
from . import ARROW, CSV

#: the column of a result that has no names
ONLY = "output"


def encode(result: Any, form: str) -> Tuple[bytes, bytes]:
    """(body, content type). NotAcceptable where the result is no table."""
    if isinstance(result, str):
        result = json.loads(outputs.encode(result))
    if form == CSV:
        return _csv(*_table(result)), b"text/csv; charset=utf-8"
    return _arrow(result), ARROW.encode("ascii")


def _no_table(why: str) -> NotAcceptable:
    return NotAcceptable(f"The result is not a table ({why}); ask for application/json.")


def _table(result: Any) -> Tuple[List[str], List[List[Any]]]:
    """Column names and rows, of plain values."""
    if hasattr(result, "toPandas"):
        result = result.toPandas()
    if hasattr(result, "itertuples") and hasattr(result, "columns"):
        rows = [list(row) for row in result.itertuples(index=False, name=None)]
        return [str(name) for name in result.columns], json.loads(outputs.encode(rows))
    name = getattr(result, "name", None) if hasattr(result, "iloc") else None
    plain = json.loads(outputs.encode(result))
    if isinstance(plain, list):
        return _of_list(plain, ONLY if name is None else str(name))
    if isinstance(plain, dict) and plain:
        columns = list(plain.values())
        if all(isinstance(each, list) for each in columns):
            if len({len(each) for each in columns}) > 1:
                raise _no_table("its columns have different lengths")
            return list(plain), [list(row) for row in zip(*columns)]
        return list(plain), [columns]
    return [ONLY], [[plain]]


def _of_list(plain: List[Any], name: str) -> Tuple[List[str], List[List[Any]]]:
    if plain and all(isinstance(row, dict) for row in plain):
        names = list(dict.fromkeys(each for row in plain for each in row))
        return names, [[row.get(each) for each in names] for row in plain]
    if plain and all(isinstance(row, list) for row in plain):
        if len({len(row) for row in plain}) > 1:
            raise _no_table("its rows have different lengths")
        return [str(index) for index in range(len(plain[0]))], plain
    return [name], [[each] for each in plain]


def _csv(names: List[str], rows: List[List[Any]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(names)
    writer.writerows([_cell(each) for each in row] for row in rows)
    return out.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> Any:
    """Text as it is, nothing for a missing value, JSON for the rest."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def _arrow(result: Any) -> bytes:
    import pyarrow

    try:
        table = _arrow_table(pyarrow, result)
    except (pyarrow.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise _no_table(str(error).splitlines()[0][:200] if str(error) else type(error).__name__) from None
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _arrow_table(pyarrow: Any, result: Any) -> Any:
    """Frames and arrays keep their types; other results have those that their values show."""
    if hasattr(result, "toPandas"):
        result = result.toPandas()
    if hasattr(result, "itertuples") and hasattr(result, "columns"):
        return pyarrow.Table.from_pandas(result, preserve_index=False)
    if type(result).__name__ == "ndarray" and result.ndim in (1, 2) and result.dtype.kind in "iufbmM":
        columns = [result] if result.ndim == 1 else list(result.T)
        names = [ONLY] if result.ndim == 1 else [str(index) for index in range(len(columns))]
        return pyarrow.Table.from_arrays([pyarrow.array(each) for each in columns], names)
    names, rows = _table(result)
    columns = [[row[index] for row in rows] for index in range(len(names))]
    return pyarrow.Table.from_arrays([pyarrow.array(each) for each in columns], names)
