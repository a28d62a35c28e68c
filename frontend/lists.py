"""What lists share: how a person likes them, their filters as chips, and what was filtered as a file."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from asgiref.sync import sync_to_async
from django import forms
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.utils.html import strip_tags

PAGE_SIZES = (25, 50, 100)
#: rows that are read and written at once when a list is exported
PORTION = 500


@dataclass(frozen=True, slots=True)
class Layout:
    """How one person likes one list; kept as a preference, `lists.<noun>`."""

    hidden: tuple[str, ...] = ()
    dense: bool = False
    size: int = PAGE_SIZES[0]
    sort: str = ""

    @classmethod
    def of(cls, kept: object) -> Layout:
        """What was kept may be of an older portal: whatever cannot be used any more is left out."""
        kept = kept if isinstance(kept, dict) else {}
        hidden = kept.get("hidden")
        size, sort = kept.get("size"), kept.get("sort")
        return cls(
            hidden=tuple(str(name) for name in hidden) if isinstance(hidden, list) else (),
            dense=bool(kept.get("dense")),
            size=size if size in PAGE_SIZES else PAGE_SIZES[0],
            sort=sort if isinstance(sort, str) else "",
        )


@dataclass(frozen=True, slots=True)
class Chip:
    """One active filter: its words, and the address without it."""

    label: str
    value: str
    without: str


def chips(filters, query) -> list[Chip]:
    """Of the filters that are set, in the order of the form. `query` is the request's."""
    found = []
    for name, field in filters.form.fields.items() if filters is not None else ():
        value = query.get(name, "")
        if not value:
            continue
        rest = query.copy()
        for gone in (name, "page"):
            rest.pop(gone, None)
        found.append(Chip(str(field.label), _shown(field, value), f"?{rest.urlencode()}"))
    return found


def _shown(field, value: str) -> str:
    choices = dict(field.choices) if hasattr(field, "choices") else {}
    if isinstance(field, forms.NullBooleanField):
        choices = {**{str(key): word for key, word in getattr(field.widget, "choices", ())}, "1": "", "True": ""}
    return str(choices.get(value, value))


def export(table_class, rows, kind: str, name: str, **options) -> StreamingHttpResponse:
    """All rows that were found, as CSV or JSON, a portion at a time: memory stays flat. `options` are the table's."""

    def portions() -> Iterator[tuple[list[str], list[list]]]:
        # The table knows what its columns are ordered by, and orders the rows before they are cut into portions.
        ordered = table_class(rows, **options).data.data.iterator(chunk_size=PORTION)
        while True:
            table = table_class(list(islice(ordered, PORTION)), **{**options, "order_by": ()})
            columns = [column for column in table.columns if not column.column.exclude_from_export]
            heads = [str(column.header) or column.name for column in columns]
            yield heads, [[_plain(table, column, row.record, row) for column in columns] for row in table.rows]
            if len(table.rows) < PORTION:
                return

    written, media = (_json(portions()), "application/json") if kind == "json" else (_csv(portions()), "text/csv; charset=utf-8")
    content = _by_turns(written) if isinstance(options.get("request"), ASGIRequest) else written
    answer = StreamingHttpResponse(content, content_type=media)
    answer["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return answer


async def _by_turns(parts: Generator[str]) -> AsyncIterator[str]:
    """Under ASGI Django would make a list of an ordinary iterator. Each part is made in the request's own thread, with its connection."""
    try:
        while (part := await sync_to_async(next, thread_sensitive=True)(parts, None)) is not None:
            yield part
    finally:
        await sync_to_async(parts.close, thread_sensitive=True)()


def _plain(table, column, record, row) -> object:
    """The value itself where there is one; what is only drawn, as its text."""
    if own := getattr(table, f"value_{column.name}", None):
        return own(record)
    try:
        value = column.accessor.resolve(record)
    except (ValueError, AttributeError):
        value = None
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, str | int | float | bool):
        return value
    return " ".join(html.unescape(strip_tags(str(row.get_cell(column.name)))).split())


def _csv(portions) -> Generator[str]:
    for number, (heads, rows) in enumerate(portions):
        out = io.StringIO()
        writer = csv.writer(out)
        if not number:
            writer.writerow(heads)
        writer.writerows([[_safe(cell) for cell in row] for row in rows])
        yield out.getvalue()


def _safe(cell: object) -> object:
    """A spreadsheet would calculate what begins like a formula, and what people name may begin like one."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _json(portions) -> Generator[str]:
    before = "["
    for heads, rows in portions:
        lines = [json.dumps(dict(zip(heads, row, strict=True)), ensure_ascii=False) for row in rows]
        if lines:
            yield before + "\n" + ",\n".join(lines)
            before = ","
    yield ("[" if before == "[" else "") + "\n]\n"
