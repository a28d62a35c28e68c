"""A request's body -> run()'s arguments. Checking needs nothing but the schema; numpy, pandas and pyspark are imported to build."""

from __future__ import annotations

import codecs
import importlib
import re
import urllib.parse
from typing import Any, Dict, List, Union

import msgspec

from . import schema as schemas
from . import typed
from .errors import BadInput, DriverFailed
from .schema import Schema, Type
from .values import Enough, Faults, escape, nearest, said

Body = Union[bytes, bytearray]
_decode = msgspec.json.Decoder().decode


def decode(body: Body) -> Any:
    """JSON by RFC 8259: no NaN, no lone surrogates, no endless depth. Of a key given twice the last counts. Raises BadInput."""
    try:
        return _decode(body)
    except msgspec.DecodeError as error:
        if body[:3] == codecs.BOM_UTF8 != body[3:6]:  # .NET and PowerShell write it, once
            return decode(body[3:])
        raise _not_json(f"The body is not JSON: {error}." + _mistake(body, str(error))) from None
    except RecursionError:
        raise _not_json("The body is nested too deeply.") from None
    except ValueError as error:
        raise _not_json(f"The body is not JSON that can be read: {str(error)[:200]}.") from None


_FORM = re.compile(rb"[\w.%+-]{1,200}=")
_BYTE = re.compile(r"\(byte (\d+)\)")
_OTHER_WORDS = {b"NaN": "null", b"Infinity": "null", b"-Infinity": "null", b"None": "null", b"True": "true", b"False": "false"}


def _mistake(body: Body, error: str) -> str:
    """A sentence on what was probably meant, or ""."""
    if body[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or (len(body) > 1 and 0 in body[:2]):
        return " It seems to be UTF-16; send UTF-8."
    if _FORM.match(body):
        return " It seems to be a form; send JSON, with requests in Python by json= instead of data=."
    found = _BYTE.search(error)
    at = int(found.group(1)) if found else 0
    # The parser tells one byte later where it has begun to read the word.
    for begin in (at, max(at - 1, 0)):
        if body[begin : begin + 1] == b"'":
            return " Texts are put in double quotes; in Python, json.dumps() writes that."
        for word, meant in _OTHER_WORDS.items():
            if body[begin : begin + len(word)] == word:
                return f" JSON has no {word.decode('ascii')}; write {meant}."
    return ""


def _not_json(message: str) -> BadInput:
    return BadInput(message, details=[{"code": "NotJson", "message": message, "pointer": ""}])


def check(schema: Schema, body: Body) -> Dict[str, Any]:
    """The body as checked plain values, one per argument; `build` makes frames and arrays of them. Raises BadInput with every fault."""
    quick = typed.reader_of(schema).read
    if quick is not None:
        found = quick(body)
        if found is not None:
            return found
    if not body or (len(body) < 64 and not body.strip()):
        raise _not_json("The body is empty; send a JSON object with " + _names(schema) + ".")
    value = decode(body)
    if isinstance(value, str):  # clients that encode twice, as the original's own example does
        try:
            inner = decode(value.encode("utf-8"))
        except BadInput:
            inner = value
        value = inner if isinstance(inner, dict) else value
    return check_value(schema, value)


def from_query(query: str) -> Dict[str, Any]:
    """What a query string gives: each value JSON where it is JSON, else text; a list where a name comes more than once."""
    found: Dict[str, List[Any]] = {}
    try:
        pairs = urllib.parse.parse_qsl(query, keep_blank_values=True, max_num_fields=1000, errors="strict")
    except ValueError as error:
        raise _not_json(f"The query cannot be read: {str(error)[:200]}.") from None
    for name, text in pairs:
        try:
            value = decode(text.encode("utf-8"))
        except BadInput:
            value = text
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def check_value(schema: Schema, value: Any) -> Dict[str, Any]:
    """`check` for what has been decoded already."""
    faults = Faults()
    if not isinstance(value, dict):
        faults.append({"code": "WrongType", "message": f"expected an object with {_names(schema)}, got {said(value)}", "pointer": ""})
        raise _bad(faults)
    out: Dict[str, Any] = {}
    try:
        if value.keys() != schema.inputs.keys():
            _check_names(schema, value, faults)
        for name, kind in schema.inputs.items():
            if name in value:
                out[name] = kind.read(value[name], "/" + escape(name), faults)
    except Enough:
        pass
    if faults:
        raise _bad(faults)
    return out


def _names(schema: Schema) -> str:
    return ", ".join(f'"{name}"' for name in schema.inputs) or "no names"


def _check_names(schema: Schema, value: Dict[str, Any], faults: Faults) -> None:
    for name in value:
        if name not in schema.inputs and schema.closed:
            missing = [each for each in schema.inputs if each not in value]
            shown = said(name)[len("the text ") :]
            faults.add("UnknownArgument", f"there is no input {shown}." + nearest(name, missing or schema.inputs), "/" + escape(name))
    for name in schema.inputs:
        if name not in value and name not in schema.optional:
            faults.add("MissingArgument", f'the input "{name}" is missing', "/" + escape(name))


def _bad(faults: Faults) -> BadInput:
    first = faults[0]
    where = f" at {first['pointer']}" if first["pointer"] else ""
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return BadInput(f"The input does not fit the schema{where}: {first['message']}{more}", details=list(faults))


def check_text(body: Body) -> str:
    """The body for a run() that takes it as it comes."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"The body is not UTF-8 text (byte {error.start})."
        raise BadInput(message, details=[{"code": "NotText", "message": message, "pointer": ""}]) from None


def warm(schema: Schema) -> None:
    """Import what the schema's types need, once, at start. Raises DriverFailed naming the package to add."""
    for name, kind in schema.inputs.items():
        package = {schemas.NUMPY: "numpy", schemas.PANDAS: "pandas", schemas.SPARK: "pyspark"}.get(kind.kind)
        if package:
            try:
                importlib.import_module(package)
            except ImportError as error:
                raise DriverFailed(
                    f"The schema's input `{name}` is of type {kind.name} and needs {package}, which cannot be imported ({error}): "
                    f"add {package} to the pip or conda file."
                ) from None


def build(schema: Schema, values: Dict[str, Any]) -> Dict[str, Any]:
    """What `check` returned -> keyword arguments for run()."""
    return {name: _BUILD[kind.kind](kind, values[name]) for name, kind in schema.inputs.items() if name in values}


def _standard(kind: Any, value: Any) -> Any:
    make = {"bytearray": bytearray, "tuple": tuple}.get(kind.data_type)
    return make(value) if make else value


def _numpy_dtype(dtype: Any) -> Any:
    """Our way of writing a dtype -> what numpy.dtype() takes."""
    if isinstance(dtype, (list, tuple)):
        return [(field[0], _numpy_dtype(field[1])) + ((tuple(field[2]),) if len(field) == 3 else ()) for field in dtype]
    return "object" if dtype == "text" else dtype


def _tuples(value: Any, dtype: Any, depth: int) -> Any:
    """Records of a structured dtype must be tuples; `depth` is how many array dimensions are above them."""
    if depth:
        return [_tuples(each, dtype, depth - 1) for each in value]
    return (
        tuple(_tuples(each, field[1], len(field[2]) if len(field) == 3 else 0) for each, field in zip(value, dtype))
        if isinstance(dtype, (list, tuple))
        else value
    )


def _numpy(kind: Any, value: Any) -> Any:
    import numpy

    if isinstance(kind.dtype, (list, tuple)):
        value = _tuples(value, kind.dtype, len(kind.shape))
    if kind.dtype == "object":
        out = numpy.empty(_lengths(value, len(kind.shape)), dtype=object)
        for index in numpy.ndindex(out.shape):
            cell = value
            for step in index:
                cell = cell[step]
            out[index] = cell
        return out
    return numpy.array(value, dtype=numpy.dtype(_numpy_dtype(kind.dtype)))


def _lengths(value: Any, depth: int) -> List[int]:
    lengths = []
    for _ in range(depth):
        lengths.append(len(value))
        value = value[0] if len(value) else []
    return lengths


_PLAIN = re.compile(r"^(int|uint|float)(8|16|32|64)$")


def _pandas(kind: Any, columns: List[List[Any]]) -> Any:
    import pandas

    kinds = {dtype for _, dtype in kind.columns}
    if len(kinds) == 1 and _PLAIN.match(next(iter(kinds))):  # one array for the whole frame is much cheaper than one a column
        import numpy

        cells = numpy.array(columns, dtype=next(iter(kinds)))
        return pandas.DataFrame(cells.T, columns=_labels(pandas, kind), copy=False)
    data = {name: _series(pandas, cells, dtype) for (name, dtype), cells in zip(kind.columns, columns)}
    return pandas.DataFrame(data, columns=list(data))


def _labels(pandas: Any, kind: Any) -> Any:
    """The frame's columns, made once and looked at anew for each frame: a name that user code gives to one stays there."""
    found = getattr(kind, "_labels", None)
    if found is None:
        found = kind._labels = pandas.Index([name for name, _ in kind.columns])
    return found.view()


def _series(pandas: Any, cells: List[Any], dtype: str) -> Any:
    import numpy

    if dtype in ("object", "text"):
        out = numpy.empty(len(cells), dtype=object)
        for index, cell in enumerate(cells):  # not out[:], which would spread cells that are lists
            out[index] = cell
        return pandas.Series(out, dtype=object, copy=False)
    if dtype[:1].islower() and dtype.startswith(("int", "uint", "float", "bool", "datetime64", "timedelta64")) and dtype != "boolean":
        return numpy.array(cells, dtype=dtype + "[ns]" if dtype in ("datetime64", "timedelta64") else dtype)
    return pandas.Series(cells, dtype=dtype)


def _spark(kind: Any, rows: List[Any]) -> Any:
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType

    session = SparkSession.getActiveSession() or SparkSession.builder.getOrCreate()
    return session.createDataFrame([tuple(row) for row in rows], StructType.fromJson(kind.struct))


_BUILD = {
    schemas.STANDARD: _standard,
    schemas.NUMPY: _numpy,
    schemas.PANDAS: _pandas,
    schemas.SPARK: _spark,
    schemas.DECORATED: lambda kind, value: kind.build(value),
}


def build_one(kind: Type, value: Any) -> Any:
    return _BUILD[kind.kind](kind, value)
