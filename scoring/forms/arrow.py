"""`application/vnd.apache.arrow.stream`: an Arrow IPC stream. Read only when it cannot unfold to more than it shows."""

from __future__ import annotations

import base64
import functools
import struct
from typing import Any, List

from ..errors import BadInput
from ..schema import Type
from ..values import Faults
from .columns import Column, bounded, unique, unreadable
from .columns import read as read_columns

MOST_BATCHES, DEEPEST = 10_000, 16


def read(kind: Type, body: Any, at: str, faults: Faults) -> Any:
    import pyarrow

    buffer = pyarrow.py_buffer(body)
    try:
        _survey(pyarrow, buffer)
        table = pyarrow.ipc.open_stream(buffer).read_all()
        unique(table.column_names)
    except BadInput:
        raise
    except Exception as error:  # whatever a parser makes of bytes that are none of its own
        raise unreadable(f"The body is not an Arrow stream that can be read: {first_line(error)}") from None
    return from_table(table, kind, at, faults)


def from_table(table: Any, kind: Type, at: str, faults: Faults) -> Any:
    """A pyarrow.Table, checked like rows of JSON."""
    import pyarrow

    bounded(table.num_rows, table.num_columns)
    for field in table.schema:
        if not _readable(pyarrow.types, field.type):
            raise unreadable(f"The column {field.name[:100]!r} is of the type {str(field.type)[:100]}, which is not read.")
    try:
        table.validate(full=True)
    except pyarrow.ArrowException as error:
        raise unreadable(f"The table is damaged: {first_line(error)}") from None
    found = {
        name: Column(functools.partial(_plain, name, column), functools.partial(_array, pyarrow.types, column))
        for name, column in zip(table.column_names, table.columns)
    }
    return read_columns(kind, found, table.num_rows, at, faults)


def first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _readable(types: Any, kind: Any, depth: int = 0) -> bool:
    """Types whose values need as many bytes as they take; views, run-end encodings and extensions may repeat theirs without end."""
    if depth > DEEPEST:
        return False
    if types.is_null(kind):
        return depth == 0
    if types.is_dictionary(kind):
        return depth == 0 and not types.is_nested(kind.value_type) and _readable(types, kind.value_type, 1)
    if types.is_list(kind) or types.is_large_list(kind):
        return _readable(types, kind.value_type, depth + 1)
    if types.is_struct(kind):
        return kind.num_fields > 0 and all(_readable(types, kind.field(index).type, depth + 1) for index in range(kind.num_fields))
    plain = ("boolean", "integer", "floating", "decimal", "string", "large_string", "binary", "large_binary", "date", "time", "timestamp")
    return any(getattr(types, f"is_{name}")(kind) for name in (*plain, "duration"))


def _array(types: Any, column: Any) -> Any:
    """Numbers as numpy has them; None for other types and where whole numbers or booleans are missing."""
    kind = column.type
    if types.is_floating(kind) or ((types.is_integer(kind) or types.is_boolean(kind)) and not column.null_count):
        return column.to_numpy()
    return None


def _plain(name: str, column: Any) -> List[Any]:
    out: List[Any] = []
    try:
        for chunk in column.chunks:
            if hasattr(chunk, "dictionary"):  # each text is made once, however often it is meant
                known = [_json(each) for each in chunk.dictionary.to_pylist()]
                out += [None if index is None else known[index] for index in chunk.indices.to_pylist()]
            else:
                out += [_json(each) for each in chunk.to_pylist()]
    except (OverflowError, ValueError) as error:  # a date of a year that Python does not know
        raise unreadable(f"The column {name[:100]!r} holds a value that cannot be used: {first_line(error)}") from None
    return out


def _json(value: Any) -> Any:
    """A Python value of Arrow's as JSON would have it."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return None if value != value else value
    if isinstance(value, dict):
        return {name: _json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_json(each) for each in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if hasattr(value, "isoformat") and not hasattr(value, "total_seconds"):
        return value.isoformat()
    if hasattr(value, "total_seconds"):
        return f"{value.days * 86_400_000_000 + value.seconds * 1_000_000 + value.microseconds} us"
    return int(value) if value == value.to_integral_value() else float(value)  # a decimal


# What is looked at before a buffer is unpacked: RecordBatch messages are flatbuffers, read here as far as is needed.

_DICTIONARY_BATCH = 2


def _survey(pyarrow: Any, buffer: Any) -> None:
    """Refuses compressed buffers, and more rows than are taken."""
    messages = pyarrow.ipc.MessageReader.open_stream(buffer)
    rows = count = columns = 0
    while True:
        try:
            message = messages.read_next_message()
        except StopIteration:
            return
        count += 1
        if count > MOST_BATCHES:
            raise unreadable(f"The stream has more than {MOST_BATCHES} batches; make them larger.")
        if message.type == "schema":
            columns = max(columns, 1)
        elif message.type in ("record batch", "dictionary"):
            length, compressed = _batch(message.metadata.to_pybytes())
            if compressed:
                raise unreadable("The stream's buffers are compressed; write it without compression.")
            rows += length
            bounded(rows, columns)


def _batch(raw: bytes) -> Any:
    """(rows, compressed?) of a Message that holds a RecordBatch, or a DictionaryBatch around one."""
    message = struct.unpack_from("<I", raw)[0]
    header = _table(raw, message, 2)
    if _byte(raw, message, 1) == _DICTIONARY_BATCH:
        header = _table(raw, header, 1)
    place = _place(raw, header, 0)
    return struct.unpack_from("<q", raw, place)[0] if place else 0, bool(_place(raw, header, 3))


def _place(raw: bytes, table: int, field: int) -> int:
    """Where a field of a flatbuffer's table stands; 0 when it is left out."""
    vtable = table - struct.unpack_from("<i", raw, table)[0]
    if not 0 <= vtable < len(raw):
        raise struct.error("a table of the stream's metadata is out of place")
    size, entry = struct.unpack_from("<H", raw, vtable)[0], 4 + 2 * field
    offset = struct.unpack_from("<H", raw, vtable + entry)[0] if entry + 2 <= size else 0
    return table + offset if offset else 0


def _table(raw: bytes, table: int, field: int) -> int:
    place = _place(raw, table, field)
    if not place:
        raise struct.error("the stream's metadata has no header")
    return place + struct.unpack_from("<I", raw, place)[0]


def _byte(raw: bytes, table: int, field: int) -> int:
    place = _place(raw, table, field)
    return raw[place] if 0 < place < len(raw) else 0
