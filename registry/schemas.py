"""Schemas, for the pages: made from a sample request, and as a person reads them."""

from __future__ import annotations

import json

from registry.samples import schema_of
from scoring.schema import Numpy, Pandas, Schema


def schema_from_sample(sample: str) -> bytes:
    """A schema file for requests like `sample`, as JSON or CSV; raises ValidationError."""
    return json.dumps(schema_of(sample).to_json(), indent=2, ensure_ascii=False).encode()


def changed_inputs(before: Schema | None, after: Schema | None) -> dict[str, list] | None:
    """What callers of `before` must change: names `gone` and `new`, and (name, before, after) of `other` types. None: nothing, or it is not known."""
    if before is None or after is None:
        return None
    old, new = _fields(before), _fields(after)
    found = {
        "gone": [name for name in old if name not in new],
        "new": [name for name in new if name not in old],
        "other": [(name, old[name], new[name]) for name in old if name in new and not _still_fits(old[name], new[name])],
    }
    return found if any(found.values()) else None


def _still_fits(before: str, after: str) -> bool:
    """A whole number is taken where numbers are."""
    return before == after or (before.startswith(("int", "uint")) and after.startswith("float"))


def _fields(schema: Schema) -> dict[str, str]:
    """Columns of tables and other inputs by name, with what each holds."""
    found: dict[str, str] = {}
    for each in described_inputs(schema):
        found |= {str(cell["name"]): cell["dtype"] for cell in each.get("columns", ())}
        if "columns" not in each:
            found[each["name"]] = " ".join(filter(None, (each.get("shape"), each["dtype"])))
    return found


def described_inputs(schema: Schema | None) -> list[dict]:
    """Each input: a table has `columns` (name, dtype, example), an array a `shape`, everything a `dtype`."""
    found: list[dict] = []
    for name, each in schema.inputs.items() if schema is not None else ():
        if isinstance(each, Pandas):
            row = (each.sample or [{}])[0]
            cells = [{"name": column, "dtype": dtype, "example": row.get(str(column))} for column, dtype in each.columns]
            found.append({"name": name, "columns": cells})
        elif isinstance(each, Numpy):
            found.append({"name": name, "shape": " × ".join(["n", *map(str, each.shape[1:])]), "dtype": each.dtype})
        else:
            found.append({"name": name, "dtype": each.name})
    return found
