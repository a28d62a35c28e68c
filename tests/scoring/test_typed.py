"""The quick way of reading a body says what the thorough way says, or nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring import inputs, typed
from scoring.errors import BadInput
from scoring.schema import Numpy, Pandas, Schema, Standard

DTYPES = ["float64", "float32", "float16", "int8", "int64", "uint64", "bool", "text", "object", "Int32", "boolean", "datetime64[ns]", "S5"]
NAMES = ["a", "b c", 'quo"te', "\u00e9\u00df", "~/", "", "a\\b"]
EDGES = [0, -0.0, 3.0, 1e39, -(2**63), 2**63, 2**64 - 1, 2**64, 10**30, 70000.0, "", "2020-01-02", "2020-13-40", "YWJj", None, True, [], {}]
values = st.one_of(st.sampled_from(EDGES), st.floats(allow_nan=False, allow_infinity=False), st.integers(-200, 200), st.text(max_size=3))


@st.composite
def asked(draw):
    """A schema and a body that is nearly right."""
    columns = draw(
        st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(DTYPES)), min_size=1, max_size=4, unique_by=lambda each: each[0])
    )
    sample = [{name: None for name, _ in columns}] if draw(st.booleans()) else None
    kinds = {"x": Pandas(columns, sample)}
    cell = values if draw(st.booleans()) else st.floats(-100, 100, width=16)
    names = draw(st.permutations([name for name, _ in columns]))
    rows = [{name: draw(cell) for name in names} for _ in range(draw(st.integers(0, 3)))]
    if rows and draw(st.integers(0, 9)) == 0:
        rows[-1] = draw(st.one_of(values, st.just({**rows[-1], "more": 1}), st.just(dict(list(rows[-1].items())[1:]))))
    body = {"x": rows}
    if draw(st.booleans()):
        shape = draw(st.sampled_from([(), (1,), (2, 2)]))
        kinds["n"] = Numpy(draw(st.sampled_from(["float64", "int8", "object", "bool"])), shape)
        body["n"] = draw(
            values if not shape else st.lists(values if len(shape) == 1 else st.lists(values, min_size=2, max_size=2), max_size=2)
        )
    if draw(st.booleans()):
        kinds["s"] = Standard(draw(st.sampled_from(["int", "float", "str", "bool", "list", "dict", "date", "bytes", "object"])))
        body["s"] = draw(st.one_of(values, st.lists(values, max_size=2), st.dictionaries(st.text(max_size=2), values, max_size=2)))
    return Schema(kinds), json.dumps(body).encode()


def thorough(schema, body):
    try:
        return inputs.check_value(schema, inputs.decode(body))
    except BadInput:
        return None


@settings(max_examples=600, deadline=None)
@given(asked())
def test_what_the_quick_way_reads_is_what_the_thorough_way_reads(found):
    schema, body = found
    reader = typed.reader_of(schema).read
    quick = reader(body) if reader is not None else None
    if quick is not None:
        assert repr(quick) == repr(thorough(schema, body))


TABLE = Schema({"x": Pandas([("f", "float64"), ("i", "int32"), ("t", "text"), ("b", "bool"), ("d", "datetime64[ns]")])})
ROW = {"f": 1.5, "i": 3, "t": "x", "b": True, "d": "2020-01-02T03:04:05Z"}


def test_right_requests_are_read_the_quick_way():
    rows = [ROW, {**ROW, "t": None, "f": 2}]
    quick = typed.reader_of(TABLE).read(json.dumps({"x": rows}).encode())
    assert quick is not None and repr(quick) == repr(thorough(TABLE, json.dumps({"x": rows}).encode()))
    array = Schema({"n": Numpy("float32", (1, 2)), "s": Standard("list")})
    assert typed.reader_of(array).read(b'{"n": [[1, 2], [3, 4.5]], "s": [1, "x"]}') == {"n": [[1.0, 2.0], [3.0, 4.5]], "s": [1, "x"]}


@pytest.mark.parametrize(
    "body",
    [
        b'{"x": [], "x": [%s]}' % json.dumps(ROW).encode(),
        b'{"x": [%s]}' % json.dumps(ROW).replace('"i": 3', '"i": 3.0').encode(),
        json.dumps(json.dumps({"x": [ROW]})).encode(),
    ],
)
def test_what_the_quick_way_leaves_the_thorough_way_takes(body):
    assert inputs.check(TABLE, body)["x"][1] == [3]


def test_a_name_given_twice_counts_the_last_time():
    body = b'{"x": [%s]}' % json.dumps(ROW).replace('"i": 3', '"i": 3, "i": 4').encode()
    assert typed.reader_of(TABLE).read(body)["x"][1] == [4] == inputs.check(TABLE, body)["x"][1]
    with pytest.raises(BadInput):
        inputs.check(TABLE, json.dumps({"x": [{**ROW, "i": 2**31}]}).encode())
