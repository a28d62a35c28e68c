"""Schemas, for the pages: made from a sample request, and as a person reads them."""

from __future__ import annotations

import json

from registry.samples import schema_of
from scoring.schema import Numpy, Pandas, Schema


def schema_from_sample(sample: str) -> bytes:
    """A schema file for requests like `sample`, as JSON or CSV; raises ValidationError."""
    return json.dumps(schema_of(sample).to_json(), indent=2, ensure_ascii=False).encode()


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
