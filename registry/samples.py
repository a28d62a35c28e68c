"""Samples as people have them at hand: a request, rows, lines copied out of a table. They become a request, and a schema."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registry.generating.recipe import ARRAY, TABLE
from scoring import schema as schemas
from scoring.errors import SchemaError
from scoring.schema import Schema

MOST_BYTES, MOST_ROWS, MOST_COLUMNS = 2**20, 100, 2000
WHAT = gettext_lazy('Give a JSON object such as {"input_df": [{"age": 41}]}, or lines of CSV with the names of the columns first.')


def request_of(text: str) -> dict[str, Any]:
    """A request body: of a request (an object), rows (a list of objects or lists), or CSV with a heading. Raises ValidationError."""
    text = text.strip()
    if not text:
        raise ValidationError(_("The sample is empty."))
    if len(text.encode()) > MOST_BYTES:
        raise ValidationError(
            _("The sample is larger than %(most_bytes)s KiB; a few rows are enough.") % {"most_bytes": MOST_BYTES // 2**10}
        )
    if text[0] not in "{[":
        return {TABLE: _rows_of_csv(text)}
    try:
        found = json.loads(text, parse_constant=lambda name: None)
    except (ValueError, RecursionError) as error:
        where = (
            _(" (line %(line)d: %(what)s)") % {"line": error.lineno, "what": error.msg} if isinstance(error, json.JSONDecodeError) else ""
        )
        raise ValidationError(_("The sample is not JSON%(where)s. %(what)s") % {"where": where, "what": WHAT}) from None
    if isinstance(found, dict):
        return found
    if not found:
        raise ValidationError(_("There are no rows in the sample. %(what)s") % {"what": WHAT})
    if all(isinstance(row, dict) for row in found):
        return {TABLE: found}
    return {ARRAY: found}


def schema_of(text: str) -> Schema:
    """The schema of requests like this sample. Raises ValidationError."""
    try:
        return schemas.infer(request_of(text))
    except SchemaError as error:
        raise ValidationError(error.message + (f" (at {error.pointer})" if error.pointer else "")) from None


def _rows_of_csv(text: str) -> list[dict[str, Any]]:
    first = text.splitlines()[0]
    separator = max("\t;,", key=first.count)
    try:
        lines = [line for line in csv.reader(io.StringIO(text), delimiter=separator) if any(cell.strip() for cell in line)]
    except csv.Error:
        raise ValidationError(_("The sample is neither JSON nor CSV. %(what)s") % {"what": WHAT}) from None
    names = [cell.strip() for cell in lines[0]]
    if len(lines) < 2:
        raise ValidationError(_("The sample has one line only. %(what)s") % {"what": WHAT})
    if len(names) > MOST_COLUMNS or not all(names) or len(set(names)) != len(names):
        raise ValidationError(
            _("The first line must name each column once (at most %(most_columns)s of them).") % {"most_columns": format(MOST_COLUMNS, ",")}
        )
    rows = []
    for number, line in enumerate(lines[1 : MOST_ROWS + 1], 2):
        if len(line) != len(names):
            raise ValidationError(
                _("Line %(number)s has %(count)s cells, and the first line names %(count_)s columns.")
                % {"number": number, "count": len(line), "count_": len(names)}
            )
        rows.append(dict(zip(names, (_cell(cell.strip()) for cell in line), strict=True)))
    return rows


def _cell(text: str) -> Any:
    """A number, true or false where it looks like one; nothing is null."""
    if text == "":
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    # What begins with a zero is a postal code or an article number.
    if text.lstrip("-").isdecimal() and text.isascii() and len(text) < 16 and (text.lstrip("-") == "0" or text.lstrip("-")[0] != "0"):
        return int(text)
    try:
        number = float(text)
    except ValueError:
        return text
    plain = text.isascii() and "_" not in text and number not in (float("inf"), float("-inf")) and number == number
    return number if plain and not (text[0] == "0" and text[1:2].isdecimal()) else text
