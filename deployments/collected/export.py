"""Collected days as one CSV, JSON lines or Parquet file, made while it is sent: memory stays flat whatever the days hold."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.utils.translation import gettext as _

from deployments.collected import reading, tables
from deployments.models import CollectedPart
from portal.errors import BadRequest

#: the columns that tell streams apart, in front where a file holds more than one
STREAM = ("$Model", "$ModelVersion", "$Identifier")
#: characters that a spreadsheet takes for the beginning of a formula
ACTIVE = ("=", "+", "-", "@", "\t", "\r")
TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl", "parquet": "application/vnd.apache.parquet"}


def check_format(said: str) -> str:
    if said not in TYPES:
        raise BadRequest(_("There is no format %(said)r: use %(types)s.") % {"said": said, "types": ", ".join(TYPES)}, field="as")
    return said


def export(parts: Sequence[CollectedPart], format: str) -> Iterator[bytes]:
    """The bytes of the file. The first is not given before the first row was read, so that what fails at once is told."""
    make: dict[str, Callable[[Sequence[CollectedPart]], Iterator[bytes]]] = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}
    return make[format](parts)


def _is_mixed(parts: Sequence[CollectedPart]) -> bool:
    return len({part.day.stream for part in parts}) > 1


def _csv(parts: Sequence[CollectedPart]) -> Iterator[bytes]:
    """By Arrow's own writer, which is fifty times as fast as a row at a time; it puts every text in quotes."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    mixed = _is_mixed(parts)
    columns = tables.together(part.columns for part in parts)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([*(STREAM if mixed else ()), *tables.HEADER, *(cell(name) for name, _ in columns)])
    yield out.getvalue().encode()
    options = arrow_csv.WriteOptions(include_header=False)
    for part in parts:
        for piece in reading.pieces(part):
            found = tables.widen(piece, part.columns, columns)
            before = [pa.repeat(cell(word), found.num_rows) for word in part.day.stream] if mixed else []
            cells = [_cells(found.column(place), found.schema.field(place).metadata) for place in range(found.num_columns)]
            arrays = [*before, *cells]
            sink = io.BytesIO()
            arrow_csv.write_csv(pa.table(arrays, names=[str(place) for place in range(len(arrays))]), sink, options)
            yield sink.getvalue()


def _cells(column, about: dict[bytes, bytes] | None):
    """A column as `cell` would make it, all at once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_timestamp(column.type):
        return pc.strftime(column, format="%Y-%m-%dT%H:%M:%S+00:00")
    if about and about.get(b"kind") == tables.JSON.encode():
        return pa.array([None if text is None else str(cell(json.loads(text))) for text in column.to_pylist()], pa.string())
    if not pa.types.is_string(column.type):
        return column
    active = pc.match_substring_regex(column, "^[=+@\t\r-]")
    return pc.if_else(active, pc.binary_join_element_wise("'", column, ""), column)


def cell(value: Any) -> Any:
    """A value as a cell that no spreadsheet runs: text that would be a formula gets an apostrophe in front."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(ACTIVE):
        return f"'{value}"
    return value


def _jsonl(parts: Sequence[CollectedPart]) -> Iterator[bytes]:
    mixed, lines = _is_mixed(parts), msgspec.json.Encoder().encode_lines
    for part in parts:
        before = dict(zip(STREAM, part.day.stream, strict=True)) if mixed else {}
        for piece in reading.pieces(part):
            rows = [{**before, **row} for row in tables.rows_of(piece, part.columns)]
            try:
                yield lines(rows)
            except OverflowError:  # whole numbers of more than 64 bits
                yield "".join(f"{json.dumps(row, default=datetime.isoformat, ensure_ascii=False)}\n" for row in rows).encode()


class _Pipe(io.RawIOBase):
    """What is written, until it is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self._parts.append(bytes(data))
        self._at += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        return self._at

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


def _parquet(parts: Sequence[CollectedPart]) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    mixed, out = _is_mixed(parts), _Pipe()
    columns = tables.together(part.columns for part in parts)
    schema = tables.schema_of(columns)
    if mixed:
        schema = pa.schema([*(pa.field(name, pa.string()) for name in STREAM), *schema])
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        for part in parts:
            for piece in reading.pieces(part, 65536):
                found = tables.widen(piece, part.columns, columns)
                if mixed:
                    before = [pa.repeat(word, found.num_rows) for word in part.day.stream]
                    found = pa.RecordBatch.from_arrays([*before, *found.columns], schema=schema)
                writer.write_batch(found)
                yield out.take()
    yield out.take()
