"""What a service takes and gives: read from a file, from a sample, checked against. Stdlib only.

The file has the original's layout, `{"input": {name: {type, internal, swagger}},
"output": ...}`. The original keeps a base64 pickle in `internal`; ours keeps a plain
JSON object there, so that old tools can still read `swagger` and nobody has to
unpickle anything. `Schema.to_json()` is always our form.
"""

from __future__ import annotations

import json
import math
from typing import Any, Dict, FrozenSet, List, Optional, Tuple

from . import dtypes, pickles, spark
from .errors import SchemaError
from .times import date_leaf, datetime_leaf, time_leaf
from .values import Anything, Array, Faults, Map, Node, Record, Wrong, binary, boolean, escape, integer, number, said, text

STANDARD, NUMPY, SPARK, PANDAS = 0, 1, 2, 3
#: not in files: see `decorated`
DECORATED = 4
NAMES = {STANDARD: "STANDARD", NUMPY: "NUMPY", SPARK: "SPARK", PANDAS: "PANDAS"}
LARGEST_FILE = 4 * 1024 * 1024


class Type:
    """One argument or result. `sample` is JSON (None = no sample)."""

    kind = -1

    def __init__(self, sample: Any = None):
        self.sample = sample

    @property
    def name(self) -> str:
        return NAMES[self.kind]

    def node(self) -> Node:
        raise NotImplementedError

    def read(self, value: Any, at: str, faults: Faults) -> Any:
        """The value checked and made of plain Python objects; `inputs.build` makes the frame or array of it."""
        return self.node().read(value, at, faults)

    def internal(self) -> Dict[str, Any]:
        raise NotImplementedError

    def document(self, version: str = "3.1") -> Dict[str, Any]:
        return self.node().document(version)

    def to_json(self) -> Dict[str, Any]:
        swagger = self.document("2.0")
        if self.sample is not None:
            swagger["example"] = self.sample
        return {"type": self.kind, "internal": self.internal(), "swagger": swagger}


class Standard(Type):
    kind = STANDARD
    NODES = {
        "int": lambda: integer(64),
        "float": lambda: number(),
        "str": lambda: text(),
        "bool": lambda: boolean(),
        "bytes": lambda: binary(),
        "bytearray": lambda: binary(),
        "date": lambda: date_leaf(),
        "datetime": lambda: datetime_leaf(),
        "time": lambda: time_leaf(),
        "list": lambda: Array(Anything()),
        "tuple": lambda: Array(Anything()),
        "range": lambda: Array(integer(64)),
        "dict": lambda: Map(Anything()),
        "object": lambda: Anything(),
    }

    def __init__(self, data_type: str, sample: Any = None):
        super().__init__(sample)
        self.data_type = data_type if data_type in self.NODES else "object"
        self._node = self.NODES[self.data_type]()

    def node(self) -> Node:
        return self._node

    def internal(self) -> Dict[str, Any]:
        return {"data_type": self.data_type}


class Numpy(Type):
    """`dtype` as `dtypes` writes it; `shape` of the sample: its first length is free, the others are fixed."""

    kind = NUMPY

    def __init__(self, dtype: Any, shape: Tuple[int, ...], sample: Any = None):
        super().__init__(sample)
        self.dtype, self.shape = dtype, tuple(shape)
        node = dtypes.node(dtype, nullable=dtypes.missing_ok(dtype, sample))
        for depth, length in reversed(list(enumerate(self.shape))):
            node = Array(node, least=1) if depth == 0 else Array(node, length=length)
        self._node = node

    def node(self) -> Node:
        return self._node

    def internal(self) -> Dict[str, Any]:
        return {"dtype": self.dtype, "shape": list(self.shape)}


class Pandas(Type):
    """`columns` is [(name, dtype)]; a name is text or a whole number, and text in JSON.

    A column takes null when the sample shows a missing value in it, and always when it is text or objects.
    """

    kind = PANDAS

    def __init__(self, columns: List[Tuple[Any, str]], sample: Any = None):
        super().__init__(sample)
        self.columns = [(name, dtype) for name, dtype in columns]
        rows = [row for row in sample if isinstance(row, dict)] if isinstance(sample, list) else []
        self._nodes = {
            str(name): dtypes.node(dtype, nullable=dtypes.missing_ok(dtype, [row.get(str(name), 0) for row in rows]), table=True)
            for name, dtype in self.columns
        }
        if len(self._nodes) != len(self.columns):
            raise SchemaError("Two columns have the same name.")
        self._row = Record(list(self._nodes.items()), noun="column")
        self._node = Array(self._row, least=1)
        self._converts = [(name, node.convert) for name, node in self._nodes.items()]

    def node(self) -> Node:
        return self._node

    def read(self, value: Any, at: str, faults: Faults) -> List[List[Any]]:
        """Column lists in schema order: cells are appended as they are checked, no row is built."""
        out: List[List[Any]] = [[] for _ in self._converts]
        if not isinstance(value, list):
            faults.add("WrongType", f"expected an array of rows (objects), got {said(value)}", at)
            return out
        if not value:
            faults.add("WrongShape", "expected at least 1 row, got none", at)
        names, converts, check = self._nodes.keys(), self._converts, self._row.check_names
        for index, row in enumerate(value):
            if type(row) is not dict:
                faults.add("WrongType", f"expected a row (an object with the columns as names), got {said(row)}", f"{at}/{index}")
                continue
            if row.keys() != names:
                check(row, f"{at}/{index}", faults)
            for (name, convert), cells in zip(converts, out):
                try:
                    cells.append(convert(row[name]))
                except KeyError:
                    continue
                except Wrong as wrong:
                    faults.add("WrongType", str(wrong), f"{at}/{index}/{escape(name)}")
        return out

    def internal(self) -> Dict[str, Any]:
        return {"columns": [{"name": name, "dtype": dtype} for name, dtype in self.columns]}


class Spark(Type):
    """`struct` is Spark's own JSON form of a StructType."""

    kind = SPARK

    def __init__(self, struct: Dict[str, Any], sample: Any = None):
        super().__init__(sample)
        self.struct = struct
        self._node = Array(spark.struct_node(struct, noun="column"))

    def node(self) -> Node:
        return self._node

    def internal(self) -> Dict[str, Any]:
        return self.struct


class Schema:
    """`inputs` and `outputs`: name -> Type, in the order of the file.

    `closed`: other names than the inputs' are refused. `optional`: inputs that a request may leave out.
    `output`: what run() returns as a whole, where decorators say it.
    """

    closed = True
    optional: FrozenSet[str] = frozenset()
    output: Optional[Type] = None

    def __init__(self, inputs: Dict[str, Type], outputs: Optional[Dict[str, Type]] = None):
        self.inputs, self.outputs = inputs, outputs or {}

    def to_json(self) -> Dict[str, Any]:
        out = {"input": {name: each.to_json() for name, each in self.inputs.items()}}
        if self.outputs:
            out["output"] = {name: each.to_json() for name, each in self.outputs.items()}
        return out

    @classmethod
    def from_json(cls, document: Any) -> "Schema":
        """From our form or the original's; SchemaError with a pointer."""
        if not isinstance(document, dict):
            raise SchemaError("A schema is a JSON object with `input` and, if you like, `output`.")
        if "input" not in document and "output" not in document:
            raise SchemaError("This JSON is not a schema: it has neither `input` nor `output`. Write one with generate_schema().")
        return cls(_types(document, "input"), _types(document, "output"))

    def sample(self) -> Optional[Dict[str, Any]]:
        """A request body with the samples filled in; None when an input has none."""
        if any(each.sample is None for each in self.inputs.values()):
            return None
        return {name: each.sample for name, each in self.inputs.items()}


def read(data: bytes) -> Schema:
    """A schema file, the original's or ours. Nothing in it is executed. Raises SchemaError."""
    if len(data) > LARGEST_FILE:
        raise SchemaError("The schema file is larger than 4 MiB.")
    try:
        document = json.loads(data.decode("utf-8-sig"), parse_constant=lambda name: None)
    except UnicodeDecodeError as error:
        raise SchemaError(f"The schema file is not UTF-8 text (byte {error.start}).") from None
    except json.JSONDecodeError as error:
        raise SchemaError(f"The schema file is not JSON: line {error.lineno}, column {error.colno}: {error.msg}.") from None
    except (RecursionError, ValueError):
        raise SchemaError(
            "The schema file is not JSON that can be read: it is nested too deeply or holds a number that is too long."
        ) from None
    return Schema.from_json(document)


def _types(document: Dict[str, Any], side: str) -> Dict[str, Type]:
    found = document.get(side)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise SchemaError(f"`{side}` must be an object: one entry per argument name.", f"/{side}")
    if len(found) > 100:
        raise SchemaError(f"`{side}` has more than 100 entries.", f"/{side}")
    return {name: _type(entry, f"/{side}/{escape(name)}") for name, entry in found.items()}


def _type(entry: Any, at: str) -> Type:
    if not isinstance(entry, dict):
        raise SchemaError("Each entry must be an object with `type`, `internal` and `swagger`.", at)
    kind, internal, swagger = entry.get("type"), entry.get("internal"), entry.get("swagger", {})
    if type(kind) is not int or kind not in NAMES:
        raise SchemaError("`type` must be 0 (STANDARD), 1 (NUMPY), 2 (SPARK) or 3 (PANDAS).", f"{at}/type")
    if not isinstance(swagger, dict):
        raise SchemaError("`swagger` must be an object.", f"{at}/swagger")
    sample, here = swagger.get("example"), f"{at}/internal"
    try:
        if isinstance(internal, str) and kind != SPARK:
            return _original(kind, pickles.load(internal, here), swagger, sample, here)
        if not isinstance(internal, dict):
            raise SchemaError("`internal` must be an object (ours) or base64 text (the original's).", here)
        if kind == STANDARD:
            return Standard(_text(internal, "data_type", here), sample)
        if kind == NUMPY:
            return Numpy(internal.get("dtype"), _shape(internal.get("shape"), here), sample)
        if kind == PANDAS:
            columns = internal.get("columns")
            if not isinstance(columns, list) or not all(isinstance(each, dict) for each in columns):
                raise SchemaError("`columns` must be a list of {name, dtype}.", f"{here}/columns")
            return Pandas([(_column(each.get("name"), here), each.get("dtype")) for each in columns], sample)
        return Spark(internal, sample)
    except SchemaError as error:
        raise SchemaError(error.message, error.pointer or here) from None


def _original(kind: int, found: Any, swagger: Dict[str, Any], sample: Any, at: str) -> Type:
    """A stub from a pickle -> our type; `swagger` refines object columns that hold text."""
    state = found.state
    wanted = {STANDARD: pickles.PythonSchema, NUMPY: pickles.NumpySchema, PANDAS: pickles.PandasSchema}[kind]
    if not isinstance(found, wanted):
        raise SchemaError(f"`type` says {NAMES[kind]}, the pickle holds a {type(found).__name__}.", at)
    if kind == STANDARD:
        data_type = state.get("data_type")
        return Standard(data_type.name if isinstance(data_type, pickles.Builtin) else "object", sample)
    if kind == NUMPY:
        return Numpy(dtypes.from_pickle(state.get("data_type")), _shape(state.get("shape"), at), sample)
    names, types = state.get("column_names"), state.get("column_types")
    if not isinstance(names, list) or not isinstance(types, list) or len(names) != len(types):
        raise SchemaError("The pickled PandasSchema lacks its column names and types.", at)
    items = swagger.get("items")
    said_columns = items.get("properties") if isinstance(items, dict) else None
    columns = []
    for name, dtype in zip(names, types):
        dtype = dtypes.from_pickle(dtype)
        shown = said_columns.get(str(_column(name, at))) if isinstance(said_columns, dict) else None
        if dtype == "object" and isinstance(shown, dict) and shown.get("type") == "string":
            dtype = "text"
        columns.append((_column(name, at), dtype))
    return Pandas(columns, sample)


def _column(name: Any, at: str) -> Any:
    if isinstance(name, str) or type(name) is int:
        return name
    raise SchemaError("Column names must be text or whole numbers.", at)


def _text(internal: Dict[str, Any], key: str, at: str) -> str:
    if not isinstance(internal.get(key), str):
        raise SchemaError(f"`{key}` must be text.", f"{at}/{key}")
    return internal[key]


def _shape(shape: Any, at: str) -> Tuple[int, ...]:
    if not isinstance(shape, (list, tuple)) or len(shape) > 32 or not all(type(each) is int and 0 <= each < 2**31 for each in shape):
        raise SchemaError("`shape` must be a list of at most 32 lengths.", at)
    return tuple(shape)


def infer(sample: Any) -> Schema:
    """A schema from a sample request, `{"input_df": [{...}, ...]}`, as JSON or already decoded.

    Rows (objects) become a table, nested lists of numbers an array, the rest STANDARD. Types are
    taken as written: 3 is a whole number, 3.0 is not.
    """
    if isinstance(sample, (bytes, str)):
        try:
            sample = json.loads(sample, parse_constant=lambda name: None)
        except (ValueError, RecursionError):
            raise SchemaError("The sample request is not JSON.") from None
    if not isinstance(sample, dict) or not sample:
        raise SchemaError('A sample request is a JSON object with run()\'s arguments as names: {"input_df": [{"age": 39}]}.')
    return Schema({name: _infer(value, f"/{escape(name)}") for name, value in sample.items()})


def _infer(value: Any, at: str) -> Type:
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        names = list(dict.fromkeys(name for row in value for name in row))
        columns = [(name, dtypes.infer([row.get(name) for row in value])) for name in names]
        return Pandas(columns, [{name: row.get(name) for name in names} for row in value[:3]])
    shape = _array_shape(value)
    if shape is not None:
        flat: List[Any] = value
        for _ in shape[1:]:
            flat = [each for part in flat for each in part]
        dtype = dtypes.infer(flat)
        if dtype in ("int64", "float64", "bool"):
            return Numpy(dtype, shape, value[:3])
    if value is None:
        raise SchemaError("null says nothing about the type; give a value.", at)
    if isinstance(value, float) and not math.isfinite(value):
        raise SchemaError("A sample number must be finite.", at)
    return Standard(type(value).__name__, value)


def _array_shape(value: Any) -> Optional[Tuple[int, ...]]:
    if not isinstance(value, list) or not value:
        return None
    if all(isinstance(each, list) for each in value):
        inner = {_array_shape(each) for each in value}
        only = inner.pop()
        return None if inner or only is None else (len(value), *only)
    return (len(value),) if all(isinstance(each, (int, float)) for each in value) else None
