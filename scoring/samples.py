"""A live sample -> a type of the schema. For notebooks and `generate_schema`; numpy and pandas are known by their objects."""

from __future__ import annotations

import base64
import datetime as dates
import inspect
import json
from typing import Any, Callable, Dict, Optional

from . import dtypes, outputs
from .schema import NAMES, NUMPY, PANDAS, SPARK, STANDARD, Numpy, Pandas, Schema, Spark, Standard, Type

MOST_RECORDS = 3


def type_of(kind: int, sample: Any) -> Type:
    """TypeError when the sample is not of this kind or holds a type that schemas do not have."""
    return {STANDARD: _standard, NUMPY: _numpy, SPARK: _spark, PANDAS: _pandas}[kind](sample)


def _json(value: Any) -> Any:
    return json.loads(outputs.encode(value))


def _standard(sample: Any) -> Type:
    if sample is None:
        raise ValueError("A sample must not be None.")
    if isinstance(sample, (bytes, bytearray)):
        return Standard(type(sample).__name__, base64.b64encode(bytes(sample)).decode("ascii"))
    if isinstance(sample, (dates.datetime, dates.date, dates.time)):
        return Standard(type(sample).__name__, sample.isoformat())
    if isinstance(sample, (list, tuple, range)):
        return Standard(type(sample).__name__, _json(list(sample[:MOST_RECORDS])))
    try:
        return Standard(type(sample).__name__, _json(json.loads(json.dumps(sample))))
    except (TypeError, ValueError):
        raise TypeError(f"A {type(sample).__name__} has no form in JSON; use another DataTypes member for it.") from None


def _numpy(sample: Any) -> Type:
    if type(sample).__name__ != "ndarray":
        raise TypeError(f"DataTypes.NUMPY needs a numpy array as sample, not a {type(sample).__name__}.")
    return Numpy(dtypes.name_of(sample.dtype), sample.shape, cells(sample[:MOST_RECORDS] if sample.ndim else sample))


def cells(array: Any) -> Any:
    """An array as JSON: durations as text that is read back, records as objects, bytes as base64."""
    if array.dtype.names:
        if array.ndim:
            return [cells(each) for each in array]
        return {name: cells(array[name]) for name in array.dtype.names}
    if array.dtype.kind in "mM":
        return json.loads(json.dumps(array.astype(str).tolist())) if array.dtype.kind == "M" else _durations(array.tolist(), array)
    if array.dtype.kind in "SV":
        return _base64(array.tolist())
    return _json(array.tolist())


def _durations(value: Any, array: Any) -> Any:
    if isinstance(value, list):
        return [_durations(each, part) for each, part in zip(value, array)]
    return f"{array.astype('timedelta64[us]').astype('int64').item()} us"


def _base64(value: Any) -> Any:
    return [_base64(each) for each in value] if isinstance(value, list) else base64.b64encode(value).decode("ascii")


def _pandas(sample: Any) -> Type:
    if not (hasattr(sample, "iloc") and hasattr(sample, "columns")):
        raise TypeError(f"DataTypes.PANDAS needs a pandas DataFrame as sample, not a {type(sample).__name__}.")
    columns = []
    for position, name in enumerate(sample.columns):
        if isinstance(name, bool) or (not isinstance(name, (str, int)) and not hasattr(name, "item")):
            raise TypeError(f"Column names must be text or whole numbers, not {name!r}.")
        column = sample.iloc[:, position]
        dtype = dtypes.name_of(column.dtype)
        if dtype == "object" and len(column) and isinstance(column.iloc[0], str):
            dtype = "text"
        columns.append((name if isinstance(name, str) else int(name), dtype))
    head = sample.iloc[:MOST_RECORDS]
    kinds = [dtype for _, dtype in columns]
    rows = [
        {str(name): _cell(value, kind) for (name, _), value, kind in zip(columns, row, kinds)}
        for row in head.itertuples(index=False, name=None)
    ]
    return Pandas(columns, rows)


def _cell(value: Any, dtype: str) -> Any:
    if dtype.startswith("timedelta64"):
        return None if str(value) == "NaT" else str(value)
    if dtype.startswith("datetime64"):
        return None if str(value) == "NaT" else value.isoformat()
    return _json(value)


def _spark(sample: Any) -> Type:
    if not (hasattr(sample, "schema") and hasattr(sample, "toJSON")):
        raise TypeError(f"DataTypes.SPARK needs a Spark DataFrame as sample, not a {type(sample).__name__}.")
    return Spark(sample.schema.jsonValue(), [json.loads(row) for row in sample.toJSON().take(MOST_RECORDS)])


def generate_schema(
    run_func: Callable[..., Any],
    inputs: Optional[Dict[str, Any]] = None,
    outputs: Optional[Dict[str, Any]] = None,
    filepath: Optional[str] = None,
) -> Dict[str, Any]:
    """The schema of `run_func` from samples, as a dictionary; written to `filepath` when given.

    `inputs` and `outputs` map names to objects with `type` and `sample` (SampleDefinition).
    ValueError when run()'s arguments and the inputs' names differ.
    """
    wanted = [name for name, each in inspect.signature(run_func).parameters.items() if each.kind is not each.VAR_KEYWORD]
    given = list(inputs or {})
    if sorted(wanted) != sorted(given):
        raise ValueError(f"Argument mismatch: run() takes {wanted}, the inputs are {given}.")
    if not inputs and not outputs:
        raise ValueError("A run() without arguments needs no schema.")
    schema = Schema(_types(inputs or {}), _types(outputs or {}))
    document = schema.to_json()
    if filepath is not None:
        with open(filepath, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
    return document


def _types(samples: Dict[str, Any]) -> Dict[str, Type]:
    found = {}
    for name, each in samples.items():
        if getattr(each, "type", None) not in NAMES:
            raise TypeError(f"{name}: give a SampleDefinition(DataTypes.…, sample).")
        found[name] = type_of(int(each.type), each.sample)
    return found
