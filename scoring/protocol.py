"""The Open Inference Protocol, version 2, over HTTP: `/v2` for schemas of arrays and tables. A table is one tensor per column.

Tensors come and go as JSON or, after the JSON head, as little-endian bytes (the binary tensor
extension); what they hold is checked by the schema like any other request. Stdlib only.
"""

from __future__ import annotations

import json
import re
import struct
import urllib.parse
from typing import Any, Dict, List, Optional, Tuple

from . import inputs, outputs
from .errors import BadInput
from .schema import NUMPY, PANDAS, Schema

_PATH = re.compile(r"^/v2(?:/health/(live|ready)|/models/([^/]+)(?:/versions/([^/]+))?(?:/(ready|infer))?)?/?$")
#: datatype -> struct letter
LETTERS = {
    "BOOL": "?",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}
_KINDS = {"int": "INT", "uint": "UINT", "float": "FP"}
_DTYPE = re.compile(r"^(int|uint|float)(8|16|32|64)$")
LENGTH = "inference-header-content-length"
MOST_CELLS = 50_000_000


class Asked:
    """What a caller wants back."""

    def __init__(self, identity: str, binary: bool, names: Dict[str, bool]):
        self.identity, self.binary, self.names = identity, binary, names


def kind_of(path: str, model: str, version: str) -> str:
    """ "server", "live", "ready", "model", "infer", or "" for a path that is none, or another model's."""
    found = _PATH.match(path)
    if not found:
        return ""
    health, name, wanted, verb = found.groups()
    if name is not None and (urllib.parse.unquote(name) != model or wanted not in (None, version)):
        return ""
    return health or ("server" if name is None else verb or "model")


def server(version: str) -> Dict[str, Any]:
    return {"name": "modelport", "version": version, "extensions": ["binary_tensor_data"]}


def failure(body: bytes) -> bytes:
    """Our error document, with the protocol's own `error` besides."""
    try:
        document = json.loads(body)
        return json.dumps({"error": document["message"], **document}).encode("ascii")
    except (ValueError, KeyError, TypeError):
        return body


def datatype(dtype: Any) -> str:
    found = _DTYPE.match(str(dtype).lower())
    return _KINDS[found.group(1)] + found.group(2) if found else "BOOL" if dtype in ("bool", "boolean") else "BYTES"


def tensors(schema: Optional[Schema]) -> Optional[List[Tuple[str, str, List[int], str]]]:
    """(tensor, datatype, shape, input) in order; None where the input has no form in tensors."""
    found: List[Tuple[str, str, List[int], str]] = []
    for name, kind in schema.inputs.items() if schema is not None else ():
        if kind.kind == NUMPY and kind.shape and isinstance(kind.dtype, str):  # type: ignore[attr-defined]
            found.append((name, datatype(kind.dtype), [-1, *kind.shape[1:]], name))  # type: ignore[attr-defined]
        elif kind.kind == PANDAS:
            found += [(str(column), datatype(dtype), [-1], name) for column, dtype in kind.columns]  # type: ignore[attr-defined]
        elif schema is None or name not in schema.optional:
            return None
    names = [each[0] for each in found]
    return found if found and len(set(names)) == len(names) else None


def metadata(schema: Optional[Schema], model: str, version: str) -> Dict[str, Any]:
    told = [{"name": name, "datatype": kind, "shape": shape} for name, kind, shape, _ in tensors(schema) or []]
    return {"name": model, "versions": [version], "platform": "modelport", "inputs": told, "outputs": []}


def _bad(message: str, pointer: str = "") -> BadInput:
    return BadInput(message, details=[{"code": "BadTensor", "message": message, "pointer": pointer}])


def read(schema: Optional[Schema], body: Any, headers: Dict[str, str]) -> Tuple[Dict[str, Any], Asked]:
    """The arguments, checked by the schema, and what is wanted back. Raises BadInput."""
    known = tensors(schema)
    if known is None or schema is None:
        raise _bad("This service's input has no form in tensors; call /score.")
    raw, length = bytes(body), headers.get(LENGTH, "")
    if length and not (length.isascii() and length.isdigit() and int(length[:18]) <= len(raw)):
        raise _bad(f"The header {LENGTH} is not a length within the body.")
    size = int(length) if length else len(raw)
    head, rest = inputs.decode(raw[:size]), memoryview(raw)[size:]
    given = head.get("inputs") if isinstance(head, dict) else None
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise _bad('The request is an object with "inputs", a list of tensors.', "/inputs")
    found: Dict[str, Tuple[List[int], List[Any], str]] = {}
    for index, each in enumerate(given):
        name, at = each.get("name"), f"/inputs/{index}"
        if not isinstance(name, str) or name in found:
            raise _bad("Each tensor has a name of its own.", f"{at}/name")
        shape = _shape(each.get("shape"), at)
        cells, rest = _cells(each, shape, rest, at)
        found[name] = shape, cells, at
    if len(rest):
        raise _bad("The body is longer than its tensors.")
    return inputs.check_value(schema, _arguments(schema, found)), _asked(head)


def _shape(shape: Any, at: str) -> List[int]:
    if not isinstance(shape, list) or not 1 <= len(shape) <= 32 or not all(type(each) is int and 0 <= each <= MOST_CELLS for each in shape):
        raise _bad("The shape is a list of 1 to 32 lengths.", f"{at}/shape")
    if _count(shape) > MOST_CELLS:
        raise _bad("The tensor is too large.", f"{at}/shape")
    return shape


def _count(shape: List[int]) -> int:
    total = 1
    for each in shape:
        total *= each
    return total


def _cells(tensor: Dict[str, Any], shape: List[int], rest: memoryview, at: str) -> Tuple[List[Any], memoryview]:
    """The values in one flat list, and what is left of the binary part."""
    kind, more, count = tensor.get("datatype"), tensor.get("parameters"), _count(shape)
    if kind not in LETTERS and kind != "BYTES":
        raise _bad(f"The datatype is one of {', '.join(LETTERS)} and BYTES.", f"{at}/datatype")
    size = more.get("binary_data_size") if isinstance(more, dict) else None
    if size is None:
        cells = _flat(tensor.get("data"), len(shape), at)
    elif type(size) is not int or not 0 <= size <= len(rest):
        raise _bad("The binary size is not within the body.", f"{at}/parameters/binary_data_size")
    else:
        part, rest = rest[:size], rest[size:]
        cells = _texts(part, at) if kind == "BYTES" else _numbers(part, LETTERS[kind], count, at)
    if len(cells) != count:
        raise _bad(f"The shape has room for {count} values, there are {len(cells)}.", f"{at}/data")
    return cells, rest


def _flat(data: Any, depth: int, at: str) -> List[Any]:
    if not isinstance(data, list):
        raise _bad("The tensor has no data.", f"{at}/data")
    for _ in range(depth - 1):
        if not data or not all(isinstance(each, list) for each in data):
            break
        data = [cell for each in data for cell in each]
    return data


def _numbers(part: memoryview, letter: str, count: int, at: str) -> List[Any]:
    if len(part) != count * struct.calcsize("<" + letter):
        raise _bad(f"{count} values do not have {len(part)} bytes.", f"{at}/shape")
    found = list(struct.unpack(f"<{count}{letter}", part))
    return [None if each != each else each for each in found] if letter in "efd" else found


def _texts(part: memoryview, at: str) -> List[str]:
    found, place = [], 0
    while place < len(part):
        length = int.from_bytes(part[place : place + 4], "little")
        if place + 4 + length > len(part):
            raise _bad("A text is longer than its tensor.", f"{at}/data")
        try:
            found.append(bytes(part[place + 4 : place + 4 + length]).decode("utf-8"))
        except UnicodeDecodeError:
            raise _bad("A text is not UTF-8.", f"{at}/data") from None
        place += 4 + length
    return found


def _arguments(schema: Schema, found: Dict[str, Tuple[List[int], List[Any], str]]) -> Dict[str, Any]:
    """Tensors -> the body that `/score` would have had."""
    out: Dict[str, Any] = {}
    used = set()
    for name, kind in schema.inputs.items():
        if kind.kind == PANDAS:
            columns = [str(column) for column, _ in kind.columns]  # type: ignore[attr-defined]
            here = [column for column in columns if column in found]
            lengths = {len(found[column][1]) for column in here}
            for column in here:
                if len(found[column][0]) > 2 or found[column][0][1:] not in ([], [1]):
                    raise _bad("A column's tensor has the shape [rows] or [rows, 1].", f"{found[column][2]}/shape")
            if len(lengths) > 1:
                raise _bad("The columns have different numbers of rows.", "/inputs")
            if here:
                out[name] = [dict(zip(here, row)) for row in zip(*(found[column][1] for column in here))]
            used.update(here)
        elif name in found:
            out[name] = _nested(found[name][1], found[name][0])
            used.add(name)
    unknown = [each for each in found if each not in used]
    if unknown:
        raise _bad(f"There is no tensor {json.dumps(unknown[0][:100])} in this model.", f"{found[unknown[0]][2]}/name")
    return out


def _nested(cells: List[Any], shape: List[int]) -> List[Any]:
    for length in reversed(shape[1:]):
        cells = [cells[at : at + length] for at in range(0, len(cells), length)] if length else []
    return cells


def _asked(head: Dict[str, Any]) -> Asked:
    def on(holder: Any, name: str) -> bool:
        more = holder.get("parameters")
        return isinstance(more, dict) and more.get(name) is True

    names = {}
    for each in head.get("outputs") or [] if isinstance(head.get("outputs"), list) else []:
        if isinstance(each, dict) and isinstance(each.get("name"), str):
            names[each["name"]] = on(each, "binary_data")
    identity = head.get("id")
    return Asked(identity if isinstance(identity, str) else "", on(head, "binary_data_output"), names)


def answer(result: Any, asked: Asked, model: str, version: str) -> Tuple[bytes, Dict[str, str]]:
    """The body and headers of an answer. BadInput when a tensor is asked for that is not there."""
    plain = json.loads(outputs.encode(result))
    found = {name: _tensor(value, getattr(result, "dtype", None)) for name, value in _named(plain).items()}
    for name in asked.names:
        if name not in found:
            raise _bad(f"There is no output {json.dumps(name[:100])}; this answer has {', '.join(found)}.", "/outputs")
    told, parts = [], []
    for name, (kind, shape, cells) in found.items():
        if asked.names and name not in asked.names:
            continue
        tensor: Dict[str, Any] = {"name": name, "datatype": kind, "shape": shape}
        if asked.names.get(name, asked.binary):
            parts.append(_packed(kind, cells))
            tensor["parameters"] = {"binary_data_size": len(parts[-1])}
        else:
            tensor["data"] = cells
        told.append(tensor)
    head = {"model_name": model, "model_version": version, **({"id": asked.identity} if asked.identity else {}), "outputs": told}
    raw = json.dumps(head).encode("ascii")
    return (raw + b"".join(parts), {LENGTH: str(len(raw))}) if parts else (raw, {})


def _named(plain: Any) -> Dict[str, Any]:
    """One tensor for each column of rows, each name of an object; else one, `output`."""
    if isinstance(plain, list) and plain and all(isinstance(row, dict) and row.keys() == plain[0].keys() for row in plain):
        return {name: [row[name] for row in plain] for name in plain[0]}
    return {str(name): each for name, each in plain.items()} if isinstance(plain, dict) and plain else {"output": plain}


def _tensor(value: Any, dtype: Any) -> Tuple[str, List[int], List[Any]]:
    """(datatype, shape, flat values)."""
    cells, shape = (value, [len(value)]) if isinstance(value, list) else ([value], [1])
    while cells and all(isinstance(each, list) and len(each) == len(cells[0]) for each in cells) and len(shape) < 32:
        shape.append(len(cells[0]))
        cells = [cell for each in cells for cell in each]
    kinds = {type(each) for each in cells if each is not None}
    kind = datatype(dtype) if dtype is not None else "BYTES"
    if kind == "BYTES":
        kind = "BOOL" if kinds == {bool} else "INT64" if kinds == {int} else "FP64" if cells and kinds <= {int, float} else "BYTES"
    if kind == "INT64" and any(not -(2**63) <= each < 2**63 for each in cells if each is not None):
        kind = "BYTES"
    if None in cells and not kind.startswith("FP") and kind != "BYTES":
        kind = "FP64" if kinds <= {int, float} else "BYTES"
    if kind == "BYTES":
        cells = [each if isinstance(each, str) else json.dumps(each) for each in cells]
    return kind, shape, cells


def _packed(kind: str, cells: List[Any]) -> bytes:
    if kind == "BYTES":
        texts = [each.encode("utf-8", "replace") for each in cells]
        return b"".join(len(each).to_bytes(4, "little") + each for each in texts)
    return struct.pack(f"<{len(cells)}{LETTERS[kind]}", *(float("nan") if each is None else each for each in cells))
