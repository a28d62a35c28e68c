"""Hooks of schemathesis: right tables and arrays for the types that are not JSON, made of the rows that the service's document allows."""

from __future__ import annotations

import io
import json
import os
import urllib.request

import numpy
import pandas
import schemathesis
from hypothesis import strategies

from scoring.forms import ARROW, CSV, NPY, PARQUET
from tests.scoring.test_forms import arrow_of, npy_of, parquet_of

_key = os.environ.get("SCHEMATHESIS_KEY")
_headers = {"Authorization": f"Bearer {_key}"} if _key else {}
with urllib.request.urlopen(urllib.request.Request(os.environ["SCHEMATHESIS_DOCUMENT"], headers=_headers)) as answer:
    _document = json.load(answer)
_inputs = list(_document["components"]["schemas"]["ServiceInput"].get("properties", {}).values())


def _right(shape):
    """Values that a part of the document allows, as far as tables and arrays of numbers need it."""
    kind = shape.get("type")
    if kind == "array":
        return strategies.lists(_right(shape["items"]), min_size=shape.get("minItems", 0), max_size=shape.get("maxItems", 5))
    if kind == "object":
        return strategies.fixed_dictionaries({name: _right(each) for name, each in shape["properties"].items()})
    if kind == "integer":
        return strategies.integers(shape.get("minimum", -(2**63)), shape.get("maximum", 2**63 - 1))
    return strategies.floats(-1e300, 1e300)


def _csv(frame) -> bytes:
    out = io.StringIO(newline="")
    frame.to_csv(out, index=False)
    return out.getvalue().encode()


def _offer(form, value, write):
    schemathesis.openapi.media_type(form, strategies.builds(write, _right(value)))


if len(_inputs) == 1 and _inputs[0].get("items", {}).get("type") == "object":
    for _form, _write in ((CSV, _csv), (ARROW, arrow_of), (PARQUET, parquet_of)):
        _offer(_form, _inputs[0], lambda rows, write=_write: write(pandas.DataFrame(rows)))
elif len(_inputs) == 1 and _inputs[0].get("items", {}).get("type") == "array":
    _offer(NPY, _inputs[0], lambda rows: npy_of(numpy.array(rows)))


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Its example of CSV is text, and types with bodies of ours take bytes alone; test_documents sends the example."""
    raw_schema["paths"]["/score"]["post"].get("requestBody", {}).get("content", {}).get(CSV, {}).pop("example", None)
