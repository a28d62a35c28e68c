"""`application/vnd.apache.parquet`: read only when its pages say that they unfold to a bounded size.

A page of a few bytes may stand for gigabytes (compression, dictionaries, shared prefixes), and the footer need not say so.
The heads of the pages must: the decoder unpacks what they say and no more. So these are read first.
"""

from __future__ import annotations

from typing import Any, Dict, Tuple

from ..errors import BadInput
from ..schema import Type
from ..values import Faults
from . import arrow
from .columns import bounded, unique, unreadable

MOST_UNFOLDED = 256 * 1024 * 1024
MOST_GROUPS, MOST_PAGES, DEEPEST, LONGEST_LIST = 10_000, 100_000, 8, 10_000
#: the encoding that lets each text repeat the one before it
_DELTA_BYTE_ARRAY = 7
_DATA, _DICTIONARY, _DATA_2 = 0, 2, 3


def read(kind: Type, body: Any, at: str, faults: Faults) -> Any:
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(
            pyarrow.BufferReader(body), thrift_string_size_limit=1_000_000, thrift_container_size_limit=100_000, memory_map=False
        )
        texts = _survey(file.metadata, memoryview(body))
        file = parquet.ParquetFile(pyarrow.BufferReader(body), metadata=file.metadata, read_dictionary=texts, memory_map=False)
        table = file.read(use_threads=False)
        unique(table.column_names)
    except BadInput:
        raise
    except Exception as error:  # whatever a parser makes of bytes that are none of its own
        raise unreadable(f"The body is not a Parquet file that can be read: {arrow.first_line(error)}") from None
    return arrow.from_table(table, kind, at, faults)


def _survey(footer: Any, body: memoryview) -> Any:
    """Refuses what unfolds to too much; returns the columns of bytes, which are read as dictionaries."""
    bounded(footer.num_rows, footer.num_columns)
    if footer.num_row_groups > MOST_GROUPS:
        raise unreadable(f"The file has more than {MOST_GROUPS} row groups.")
    texts, unfolded, rows, pages = [], 0, 0, 0
    for index in range(footer.num_columns):
        column = footer.schema.column(index)
        if column.max_repetition_level:
            raise unreadable(f"The column {column.path[:100]!r} holds lists, which are not read from Parquet; send JSON or Arrow.")
        if column.physical_type == "BYTE_ARRAY":
            texts.append(column.path)
        elif column.physical_type == "FIXED_LEN_BYTE_ARRAY":
            unfolded += footer.num_rows * max(column.length, 0)
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        rows += group.num_rows
        for index in range(footer.num_columns):
            chunk = group.column(index)
            if chunk.num_values > group.num_rows or group.num_rows < 0:
                raise unreadable("The file's counts of rows and values do not fit each other.")
            size, heads = _unfolded(chunk, body, MOST_PAGES - pages)
            unfolded, pages = unfolded + size, pages + heads
            if unfolded > MOST_UNFOLDED:
                raise unreadable(f"The file unfolds to more than {MOST_UNFOLDED // 2**20} MiB; send it in parts.")
    bounded(rows, footer.num_columns)
    if rows != footer.num_rows:
        raise unreadable("The file's counts of rows do not fit each other.")
    return texts


def _unfolded(chunk: Any, body: memoryview, most: int) -> Tuple[int, int]:
    """The bytes that the pages of one column chunk unfold to, as their heads say, and how many pages there are."""
    if not chunk.num_values:
        return 0, 0
    starts = [each for each in (chunk.dictionary_page_offset, chunk.data_page_offset) if each]
    place, total, values, pages = min(starts, default=0), 0, 0, 0
    end = place + chunk.total_compressed_size
    if not 0 < place <= end <= len(body):
        raise unreadable("A column of the file is not where its footer says.")
    while place < end and values < chunk.num_values:
        head, place = _thrift(body, place)
        pages += 1
        if pages > most:
            raise unreadable(f"The file has more than {MOST_PAGES} pages; make them larger.")
        kind, size, packed = (head.get(field) for field in (1, 2, 3))
        if not all(type(each) is int and each >= 0 for each in (kind, size, packed)):
            raise unreadable("A page of the file has no sizes.")
        data = head.get({_DATA: 5, _DATA_2: 8}.get(kind, 0))  # type: ignore[arg-type]
        if isinstance(data, dict):
            values += data.get(1, 0) if type(data.get(1)) is int else 0
            if data.get(2 if kind == _DATA else 4) == _DELTA_BYTE_ARRAY:
                raise unreadable("The file uses the encoding DELTA_BYTE_ARRAY, which is not read.")
        total, place = total + size, place + packed  # type: ignore[operator]
    return total, pages


# Thrift's compact protocol, as far as the heads of pages need it.


def _thrift(data: memoryview, place: int, depth: int = 0) -> Tuple[Dict[int, Any], int]:
    """{field: value} of one struct and where the next thing begins. IndexError when the data ends before."""
    found: Dict[int, Any] = {}
    field = 0
    while True:
        mark = data[place]
        place += 1
        if not mark:
            return found, place
        if mark >> 4:
            field += mark >> 4
        else:
            field, place = _whole(data, place)
        found[field], place = _value(data, place, mark & 15, depth)


def _value(data: memoryview, place: int, kind: int, depth: int) -> Tuple[Any, int]:
    if depth > DEEPEST:
        raise unreadable("A page of the file is nested too deeply.")
    if kind in (1, 2):
        return kind == 1, place
    if kind == 3:
        return data[place], place + 1
    if kind in (4, 5, 6):
        return _whole(data, place)
    if kind == 7:
        return None, place + 8
    if kind == 8:
        size, place = _varint(data, place)
        return None, place + size
    if kind in (9, 10):
        mark, place = data[place], place + 1
        size = mark >> 4
        if size == 15:
            size, place = _varint(data, place)
        if size > LONGEST_LIST:
            raise unreadable("A page of the file has a head that is too long.")
        for _ in range(size):
            # inside a list a boolean has a byte of its own
            _, place = (None, place + 1) if mark & 15 in (1, 2) else _value(data, place, mark & 15, depth + 1)
        return None, place
    if kind == 12:
        return _thrift(data, place, depth + 1)
    raise unreadable("A page of the file has a head that cannot be read.")


def _varint(data: memoryview, place: int) -> Tuple[int, int]:
    value = shift = 0
    while shift < 64:
        byte = data[place]
        value, place, shift = value | (byte & 127) << shift, place + 1, shift + 7
        if byte < 128:
            return value, place
    raise unreadable("A page of the file has a number that is too long.")


def _whole(data: memoryview, place: int) -> Tuple[int, int]:
    value, place = _varint(data, place)
    return (value >> 1) ^ -(value & 1), place
