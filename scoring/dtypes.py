"""numpy and pandas dtypes by name, without either installed.

A dtype is written as numpy's own name ("float64", "int8", "datetime64[ns]", "S5",
"object"), as "text" (an object column that holds text), as a pandas nullable name
("Int64", "boolean", "string"), or, structured, as a list of [name, dtype] or
[name, dtype, shape].
"""

from __future__ import annotations

import re
from typing import Any, List, Optional, Tuple

from .errors import SchemaError
from .pickles import Dtype
from .times import nanosecond_leaf, timedelta_leaf
from .values import Anything, Array, Node, Record, binary, boolean, integer, number, text

MOST_FIELDS, DEEPEST = 1000, 20
_KINDS = {"i": "int", "u": "uint", "f": "float", "b": "bool", "O": "object", "M": "datetime64", "m": "timedelta64"}
_NULLABLE = {"Int", "UInt", "Float"}
_NAME = re.compile(r"^(int|uint|float|Int|UInt|Float)(8|16|32|64)$")


def node(dtype: Any, *, nullable: bool = False, table: bool = False, depth: int = 0) -> Node:
    """The node that checks a value of this dtype. In a table text and objects always take null."""
    if isinstance(dtype, (list, tuple)):
        return _structured(dtype, depth)
    if not isinstance(dtype, str):
        raise SchemaError("A dtype is a name or, structured, a list of [name, dtype].")
    found = _NAME.match(dtype)
    if found and not (found.group(1).lower() == "float" and found.group(2) == "8"):
        family, bits = found.group(1), int(found.group(2))
        nullable = nullable or family in _NULLABLE
        if family.lower() == "float":
            return number(bits, nullable=nullable)
        return integer(bits, signed=family.lower() == "int", nullable=nullable and family in _NULLABLE)
    if dtype in ("bool", "boolean"):
        return boolean(nullable=dtype == "boolean")
    if dtype == "object":
        return Anything()
    if dtype in ("text", "str", "string") or dtype.startswith("string["):
        return text(nullable=table)
    if re.match(r"^U\d{0,9}$", dtype):
        return text()
    if re.match(r"^[SV]\d{0,9}$", dtype):
        return binary(form="binary")
    if re.match(r"^datetime64(\[\d{0,4}[A-Za-z]{1,2}\])?$", dtype):
        return nanosecond_leaf(nullable=nullable)
    if re.match(r"^timedelta64(\[\d{0,4}[A-Za-z]{1,2}\])?$", dtype):
        return timedelta_leaf(nullable=nullable)
    raise SchemaError(f"The type {dtype[:60]!r} is not supported in a schema.")


def _structured(dtype: Any, depth: int) -> Node:
    if depth > DEEPEST or not dtype or len(dtype) > MOST_FIELDS:
        raise SchemaError(f"A structured dtype has 1 to {MOST_FIELDS} fields and is nested at most {DEEPEST} deep.")
    fields: List[Tuple[str, Node]] = []
    for field in dtype:
        if not isinstance(field, (list, tuple)) or len(field) not in (2, 3) or not isinstance(field[0], str):
            raise SchemaError("A structured dtype is a list of [name, dtype] or [name, dtype, shape].")
        inner = node(field[1], depth=depth + 1)
        if len(field) == 3:
            lengths = field[2]
            if not isinstance(lengths, (list, tuple)) or len(lengths) > 32 or not all(type(each) is int and each >= 0 for each in lengths):
                raise SchemaError("The shape of a field is a list of lengths.")
            for length in reversed(list(lengths)):
                inner = Array(inner, length=length)
        fields.append((field[0], inner))
    return Record(fields)


def missing_ok(dtype: Any, sample: Any) -> bool:
    """Does the sample show a missing value where this dtype has one?"""
    if not isinstance(dtype, str) or not dtype.startswith(("float", "datetime64", "timedelta64")):
        return False
    stack, seen = [sample], 0
    while stack and seen < 100_000:
        each = stack.pop()
        seen += 1
        if each is None and seen > 1:
            return True
        if isinstance(each, list):
            stack.extend(each)
    return False


def infer(values: List[Any]) -> str:
    """The dtype pandas would give these JSON values."""
    kinds = {type(each) for each in values if each is not None}
    missing = any(each is None for each in values)
    if kinds == {bool} and not missing:
        return "bool"
    if kinds == {int} and not missing:
        return "int64"
    if kinds and kinds <= {int, float}:
        return "float64"
    return "text" if kinds == {str} else "object"


def name_of(dtype: Any) -> Any:
    """A live numpy or pandas dtype -> how it is written here; TypeError when it is not supported."""
    if getattr(dtype, "subdtype", None):
        raise TypeError(f"the type {dtype} is not supported in a schema")
    if getattr(dtype, "fields", None):
        out: List[List[Any]] = []
        for name in dtype.names:
            inner = dtype.fields[name][0]
            base, shape = inner.subdtype if inner.subdtype else (inner, ())
            out.append([name, name_of(base)] + ([list(shape)] if shape else []))
        return out
    kind = getattr(dtype, "kind", "")
    written = (dtype.str.lstrip("<>|=") if kind in "SUV" else str(dtype.name)) if hasattr(dtype, "str") else str(dtype)
    if kind == "U":
        written = "U" + str(dtype.itemsize // 4)
    try:
        node(written)
    except SchemaError as error:
        raise TypeError(error.message) from None
    return written


def from_pickle(found: Any, depth: int = 0) -> Any:
    """A dtype stub of `pickles` -> how it is written here."""
    if not isinstance(found, Dtype) or not isinstance(found.spec, str) or depth > DEEPEST:
        raise SchemaError("The pickled schema holds something that is not a numpy dtype.")
    state = found.state if isinstance(found.state, tuple) else ()
    names, fields = (state[3], state[4]) if len(state) > 4 else (None, None)
    if names and isinstance(names, tuple) and isinstance(fields, dict):
        out = []
        for name in names[:MOST_FIELDS]:
            entry = fields.get(name)
            if not isinstance(name, str) or not isinstance(entry, tuple) or not entry:
                raise SchemaError("The pickled schema holds a structured dtype that cannot be read.")
            inner, shape = entry[0], _sub(entry[0])
            out.append([name, from_pickle(shape[0] if shape else inner, depth + 1)] + ([list(shape[1])] if shape else []))
        return out
    spec = found.spec.lstrip("<>|=")
    kind, size = spec[:1], spec[1:]
    if kind in "SUV" and kind:
        return kind + size
    if kind in _KINDS and kind:
        if kind == "O":
            return "object"
        if kind == "b":
            return "bool"
        if kind in "Mm":
            return f"{_KINDS[kind]}[{_unit(state)}]"
        if size.isdigit() and len(size) < 3:
            return f"{_KINDS[kind]}{int(size) * 8}"
    raise SchemaError(f"The pickled schema uses the type {found.spec[:40]!r}, which is not supported.")


def _sub(found: Any) -> Optional[Tuple[Any, Tuple[int, ...]]]:
    state = found.state if isinstance(found, Dtype) and isinstance(found.state, tuple) else ()
    sub = state[2] if len(state) > 2 else None
    if isinstance(sub, tuple) and len(sub) == 2 and isinstance(sub[1], tuple) and all(type(each) is int for each in sub[1]):
        return sub
    return None


def _unit(state: Tuple[Any, ...]) -> str:
    """The unit of a datetime64; it stands last in the state, as (metadata, (unit, count, ...))."""
    found = state[-1] if state else None
    if isinstance(found, tuple) and len(found) == 2:
        found = found[1]
    if isinstance(found, tuple) and len(found) > 1 and type(found[1]) is int and 0 < found[1] < 10_000:
        unit = found[0].decode("ascii", "replace") if isinstance(found[0], bytes) else found[0]
        if isinstance(unit, str) and re.match(r"^[A-Za-z]{1,2}$", unit):
            return (str(found[1]) if found[1] > 1 else "") + unit
    return "ns"
