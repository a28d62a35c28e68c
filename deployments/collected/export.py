"""Collected days as one CSV, JSON lines or Parquet file, made while it is sent: memory stays flat whatever the days hold."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

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
        raise BadRequest(f"There is no format {said!r}: use {', '.join(TYPES)}.", field="as")
    return said


def export(parts: Sequence[CollectedPart], format: str) -> Iterator[bytes]:
    """The bytes of the file. The first is not given before the first row was read, so that what fails at once is told."""
    make: dict[str, Callable[[Sequence[CollectedPart]], Iterator[bytes]]] = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}
    return make[format](parts)


def _is_mixed(parts: Sequence[CollectedPart]) -> bool:
    return len({part.day.stream for part in parts}) > 1


def _csv(parts: Sequence[CollectedPart]) -> Iterator[bytes]:
    mixed = _is_mixed(parts)
    names = [name for name, _ in tables.together(part.columns for part in parts)]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*(STREAM if mixed else ()), *tables.HEADER, *map(cell, names)])
    for part in parts:
        before = [cell(word) for word in part.day.stream] if mixed else []
        for piece in reading.pieces(part):
            for row in tables.rows_of(piece, part.columns):
                writer.writerow([*before, *(cell(row.get(name)) for name in (*tables.HEADER, *names))])
            yield _taken(out)
    yield _taken(out)


def _taken(out: io.StringIO) -> bytes:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text.encode()


def cell(value: Any) -> Any:
    """A value as a cell that no spreadsheet runs: text that would be a formula gets an apostrophe in front."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(ACTIVE):
        return f"'{value}"
    return value


def _jsonl(parts: Sequence[CollectedPart]) -> Iterator[bytes]:
    mixed = _is_mixed(parts)
    for part in parts:
        before = dict(zip(STREAM, part.day.stream, strict=True)) if mixed else {}
        for piece in reading.pieces(part):
            lines = [
                json.dumps({**before, **row, tables.STAMP: row[tables.STAMP].isoformat()}, ensure_ascii=False, allow_nan=False)
                for row in tables.rows_of(piece, part.columns)
            ]
            yield "".join(f"{line}\n" for line in lines).encode()


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
