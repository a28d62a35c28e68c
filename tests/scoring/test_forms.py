"""Tables and arrays as CSV, Arrow, Parquet and npy: read like the same rows in JSON, refused with the same words, bounded."""

from __future__ import annotations

import decimal
import io
import json
import struct
import time

import numpy
import pandas
import pytest

from scoring import inputs, schema
from scoring.errors import BadInput, NotAcceptable
from scoring.forms import ARROW, CSV, NPY, PARQUET, Forms, answers
from tests.scoring.test_hostile import memory
from tests.scoring.test_server import problem

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

FRAME = pandas.DataFrame(
    {
        "small": numpy.array([1, -2, 3], dtype="int8"),
        "size": numpy.array([0.5, 2.0, -1e30], dtype="float32"),
        "flag": [True, False, True],
        "word": ["a", "", 'é, "b"\nc'],
        "when": pandas.to_datetime(["2020-01-01 00:00:00", "2021-02-03 04:05:06", "1999-12-31 00:00:00"]),
        "much": pandas.array([1, None, 3], dtype="Int64"),
        "gap": [1.5, None, 2.5],
        "any": ["x", "y", "z"],
    }
)
KINDS = {
    "small": "int8",
    "size": "float32",
    "flag": "bool",
    "word": "text",
    "when": "datetime64[ns]",
    "much": "Int64",
    "gap": "float64",
    "any": "object",
}
TABLE = schema.Schema({"df": schema.Pandas(list(KINDS.items()), [{**dict.fromkeys(KINDS), "small": 1, "size": 1.0, "flag": True}])})
#: dtypes, values and the sum of a column, so that a caller sees what arrived
SCORE = """
def init(): pass
def run(df):
    print("rows", len(df))
    return df.assign(double=df["size"] * 2)
"""


def arrow_of(table, **options) -> bytes:
    table = pyarrow.Table.from_pandas(table, preserve_index=False) if isinstance(table, pandas.DataFrame) else table
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema, options=pyarrow.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def parquet_of(table, **options) -> bytes:
    table = pyarrow.Table.from_pandas(table, preserve_index=False) if isinstance(table, pandas.DataFrame) else table
    out = io.BytesIO()
    parquet.write_table(table, out, **options)
    return out.getvalue()


def npy_of(array, **options) -> bytes:
    out = io.BytesIO()
    numpy.save(out, array, **options)
    return out.getvalue()


def written(frame, form) -> bytes:
    return {CSV: lambda: frame.to_csv(index=False).encode(), ARROW: lambda: arrow_of(frame), PARQUET: lambda: parquet_of(frame)}[form]()


def faults(found: schema.Schema, form: str, body: bytes):
    with pytest.raises(BadInput) as caught:
        Forms(found).read(form, body)
    return caught.value.details


@pytest.mark.parametrize("form", [CSV, ARROW, PARQUET])
def test_a_table_arrives_as_the_same_rows_in_json_do(form):
    values = Forms(TABLE).read(form, written(FRAME, form))
    frame = inputs.build(TABLE, values)["df"]
    rows = json.loads(FRAME.to_json(orient="records", date_format="iso"))
    pandas.testing.assert_frame_equal(frame, inputs.build(TABLE, inputs.check(TABLE, json.dumps({"df": rows}).encode()))["df"])
    assert [str(each) for each in frame.dtypes][:6] == ["int8", "float32", "bool", "object", "datetime64[ns]", "Int64"]
    assert frame["word"].tolist() == FRAME["word"].tolist() and frame["when"].tolist() == FRAME["when"].tolist()


@pytest.mark.parametrize("form", [CSV, ARROW, PARQUET])
def test_faults_have_the_place_and_the_words_that_json_has(form):
    wrong = FRAME.assign(small=[1, 300, 2.5], size=["x", "1", "1"] if form == CSV else [1e39, 1, 1], flag=[1, 0, 1])
    wrong = wrong.rename(columns={"word": "wrod"})
    found = [(each["pointer"], each["message"]) for each in faults(TABLE, form, written(wrong, form))]
    assert found[:2] == [
        ("/df/0/wrod", 'there is no column "wrod". Did you mean "word"?'),
        ("/df/0/word", 'the column "word" is missing'),
    ]
    assert ("/df/1/small", "expected a whole number between -128 and 127, got 300") in found
    assert ("/df/2/small", "expected a whole number, got 2.5") in found
    assert [pointer for pointer, _ in found if pointer.endswith("/flag")] == ["/df/0/flag", "/df/1/flag", "/df/2/flag"]
    assert any(pointer == "/df/0/size" and text.startswith("expected a number") for pointer, text in found)
    many = pandas.concat([wrong] * 20)
    assert len(faults(TABLE, form, written(many, form))) == 20
    assert faults(TABLE, form, written(FRAME.iloc[:0], form))[0]["code"] == "WrongShape"
    missing = FRAME.astype({"small": "Int16"})
    missing.loc[1, "small"] = None
    assert [(each["pointer"], each["message"]) for each in faults(TABLE, form, written(missing, form))] == [
        ("/df/1/small", "expected a whole number, got null")
    ]


def test_whole_numbers_and_missing_ones_by_the_schemas_types():
    one = schema.Schema({"df": schema.Pandas([("n", "int64"), ("f", "float16")], [{"n": 1, "f": 1.0}])})
    exact = pyarrow.table({"n": [2.0, -(2.0**63)], "f": pyarrow.array([1, 65504], pyarrow.int32())})
    assert [each.tolist() for each in Forms(one).read(ARROW, arrow_of(exact))["df"]] == [[2, -(2**63)], [1.0, 65504.0]]
    table = pyarrow.table({"n": pyarrow.array([2**63, 1], pyarrow.uint64()), "f": [float("nan"), 65520.0]})
    assert [each["pointer"] for each in faults(one, ARROW, arrow_of(table))] == ["/df/0/n", "/df/0/f", "/df/1/f"]
    table = pyarrow.table({"n": [2.0**63, float("inf")], "f": [float("-inf"), 1.0]})
    assert [each["pointer"] for each in faults(one, ARROW, arrow_of(table))] == ["/df/0/n", "/df/1/n", "/df/0/f"]
    odd = pyarrow.table({"n": pyarrow.array([decimal.Decimal("7")], pyarrow.decimal128(5, 2)), "f": pyarrow.array(["1"])})
    assert [each["pointer"] for each in faults(one, ARROW, arrow_of(odd))] == ["/df/0/f"]


def test_texts_dates_and_lists_of_arrow():
    import datetime as dates

    found = schema.Schema({"df": schema.Pandas([("t", "text"), ("o", "object"), ("d", "timedelta64[ns]"), ("w", "datetime64[ns]")])})
    table = pyarrow.table(
        {
            "t": pyarrow.array(["a", "b", "a", None]).dictionary_encode(),
            "o": [[1, 2], [], None, [3]],
            "d": [dates.timedelta(days=-1, seconds=1)] * 4,
            "w": pyarrow.array([dates.datetime(2020, 1, 1, 12)] * 4, pyarrow.timestamp("us", tz="Europe/Berlin")),
        }
    )
    frame = inputs.build(found, Forms(found).read(ARROW, arrow_of(table)))["df"]
    assert frame["t"].tolist() == ["a", "b", "a", None] and frame["o"].tolist() == [[1, 2], [], None, [3]]
    assert frame["d"][0] == pandas.Timedelta(days=-1, seconds=1)
    assert frame["w"][0] == pandas.Timestamp("2020-01-01 12:00:00")


@pytest.mark.parametrize(
    ("dtype", "array", "same"),
    [
        ("float64", numpy.arange(6.0).reshape(3, 2), True),
        ("float64", numpy.asfortranarray(numpy.arange(6.0).reshape(3, 2)), True),
        ("float32", numpy.arange(6, dtype=">i4").reshape(3, 2), True),
        ("int8", numpy.array([[1.0, -2.0]]), True),
        ("bool", numpy.array([[True, False]]), True),
        ("datetime64[ns]", numpy.array([["2020-01-01", "2020-01-02"]], dtype="datetime64[D]"), True),
        ("U3", numpy.array([["ab", "c"]]), True),
        ([["x", "float32"], ["n", "int8"]], numpy.array([[(1.5, 2), (0.5, -1)]], dtype=[("x", "f8"), ("n", "i4")]), True),
        ("int8", numpy.array([[1, 128], [2, 1.5]]), ["/m/0/1", "/m/1/1"]),
        ("float64", numpy.array([[1.0, float("nan")], [float("inf"), 0]]), ["/m/0/1", "/m/1/0"]),
        ("float64", numpy.array([[True, False]]), ["/m/0/0", "/m/0/1"]),
        ("float64", numpy.arange(3.0), ["/m"]),
        ("float64", numpy.zeros((2, 3)), ["/m"]),
        ("float64", numpy.zeros((0, 2)), ["/m"]),
        ("U3", numpy.array([[1, 2]]), ["/m/0/0", "/m/0/1"]),
    ],
)
def test_arrays(dtype, array, same):
    found = schema.Schema({"m": schema.Numpy(dtype, (1, 2))})
    body = npy_of(array)
    if same is True:
        built = inputs.build(found, Forms(found).read(NPY, body))["m"]
        assert built.shape == array.shape and built.flags.writeable
        assert built.tolist() == array.astype(built.dtype).tolist()
    else:
        assert [each["pointer"] for each in faults(found, NPY, body)] == same


def _header(text: str, rest: bytes = b"") -> bytes:
    raw = text.encode("latin-1")
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(raw)) + raw + rest


HOSTILE_ARRAYS = [
    npy_of(numpy.array([[{"a": 1}, print]], dtype=object), allow_pickle=True),
    npy_of(numpy.zeros((2, 2)))[:-1],
    npy_of(numpy.zeros((2, 2))) + b"x",
    _header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 2)}\n"),
    _header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -2)}\n", b"x" * 16),
    _header("{'descr': '|V0', 'fortran_order': False, 'shape': (99999999999, 2)}\n"),
    _header("{'descr': '<f8', 'fortran_order': False, 'shape': " + "(" * 5000 + "}\n"),
    _header("__import__('os').system('true')\n"),
    _header("{'descr': [('a', [('b', '|O')])], 'fortran_order': False, 'shape': (1, 2)}\n", b"x" * 16),
    b"\x93NUMPY\x03\x00" + b"\xff" * 40,
    b"PK\x03\x04" + b"\0" * 100,
    b"",
]


@pytest.mark.parametrize("body", HOSTILE_ARRAYS)
def test_arrays_that_are_none(body):
    found = schema.Schema({"m": schema.Numpy("float64", (1, 2))})
    assert faults(found, NPY, body)[0]["code"] in ("NotReadable", "WrongShape")


NUMBERS = schema.Schema({"df": schema.Pandas([("a", "text")])})
LONG = pyarrow.table({"a": ["x" * 100_000] * 3_000})


def _nested(depth: int) -> bytes:
    kind = pyarrow.int8()
    for _ in range(depth):
        kind = pyarrow.list_(kind)
    return arrow_of(pyarrow.table({"a": pyarrow.array([None], kind)}))


@pytest.mark.parametrize(
    ("form", "make", "says"),
    [
        (ARROW, lambda: arrow_of(pyarrow.table({"a": ["x"]}), compression="zstd"), "compressed"),
        (ARROW, lambda: arrow_of(pyarrow.table({"a": pyarrow.nulls(20_000_000)})), "cells"),
        (ARROW, lambda: arrow_of(pyarrow.table({"a": pyarrow.array(["x" * 50] * 9, pyarrow.string_view())})), "type string_view"),
        (ARROW, lambda: _nested(30), "is of the type"),
        (ARROW, lambda: arrow_of(pyarrow.table({"a": pyarrow.array([{}] * 9)})), "is of the type"),
        (ARROW, lambda: arrow_of(pyarrow.table([["x"], ["y"]], names=["a", "a"])), "Two columns"),
        (ARROW, lambda: arrow_of(pyarrow.table({"a": ["x"]}))[:-60], "cannot be read|can be read"),
        (ARROW, lambda: b"\xff\xff\xff\xff\xff\xff\xff\x7f" + b"x" * 100, "can be read"),
        (ARROW, lambda: b"", "can be read"),
        (ARROW, lambda: arrow_of(pyarrow.table({"a": ["x", "y"]})).replace(b"xy", b"\xff\xfe"), "damaged"),
        (PARQUET, lambda: parquet_of(LONG, compression="zstd", use_dictionary=False), "unfolds"),
        (PARQUET, lambda: parquet_of(pyarrow.table({"a": pyarrow.nulls(20_000_000, "int8")})), "cells"),
        (PARQUET, lambda: parquet_of(LONG, use_dictionary=False, column_encoding={"a": "DELTA_BYTE_ARRAY"}), "DELTA_BYTE_ARRAY"),
        (PARQUET, lambda: parquet_of(pyarrow.table({"a": [[1]]})), "lists"),
        (PARQUET, lambda: parquet_of(pyarrow.table({"a": ["x"]}))[:-8] + b"\xff\xff\xff\x7fPAR1", "can be read"),
        (PARQUET, lambda: b"PAR1" * 20, "can be read"),
        (CSV, lambda: b'a\n"x', "can be read"),
        (CSV, lambda: b"a,a\n1,2\n", "Two columns"),
        (CSV, lambda: b"\xff\xfe", "UTF-8"),
        (CSV, lambda: b"", "empty"),
        (CSV, lambda: b"a\n" + b"x" * 200_000, "field"),
        (CSV, lambda: b"a\n1,2\n", "1 cells"),
        (CSV, lambda: b",".join(b"c%d" % n for n in range(20_000)), "columns"),
    ],
)
def test_tables_that_are_none(form, make, says):
    body = make()
    assert len(body) < 2_000_000 or form == PARQUET
    began = time.monotonic()
    message = faults(NUMBERS, form, body)[0]["message"]
    assert any(each in message for each in says.split("|")), message
    assert time.monotonic() - began < 10


def test_a_dictionary_of_one_long_text_is_held_once():
    table = pyarrow.table({"a": LONG["a"].dictionary_encode()})
    for form, body in ((ARROW, arrow_of(table)), (PARQUET, parquet_of(table))):
        cells = Forms(NUMBERS).read(form, body)["df"][0]
        assert len(cells) == 3_000 and len({id(each) for each in cells}) < 10


def test_cut_and_changed_bytes_never_get_through_as_something_else():
    """Every answer to a damaged body is a refusal, or a table that the schema has checked."""
    import random

    chance = random.Random(5)
    for form, body in ((ARROW, written(FRAME, ARROW)), (PARQUET, written(FRAME, PARQUET))):
        for _ in range(100):
            broken = bytearray(body)
            for _ in range(chance.randint(1, 4)):
                broken[chance.randrange(len(broken))] = chance.randrange(256)
            broken = broken[: chance.randrange(len(broken))] if chance.random() < 0.2 else broken
            try:
                columns = Forms(TABLE).read(form, bytes(broken))["df"]
            except BadInput:
                continue
            assert len({len(each) for each in columns}) == 1


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html, image/gif, *; q=.2, */*; q=.2", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        ("text/csv", CSV),
        ("TEXT/CSV; charset=utf-8", CSV),
        ("text/*", CSV),
        ("application/json;q=0.5, text/csv", CSV),
        ("text/csv;q=0.5, */*;q=0.1", CSV),
        ("text/csv;q=0, */*", "application/json"),
        ("application/json;q=0, */*", CSV),
        ("application/vnd.apache.arrow.stream, application/json;q=0.9", ARROW),
        ("application/*", "application/json"),
        ("image/png", None),
        ("application/json;q=0", None),
        ("text/csv;q=x", None),
        ("a/b, " * 5000, None),
    ],
)
def test_accept(accept, wanted):
    if wanted is None:
        with pytest.raises(NotAcceptable):
            Forms(None).wanted(accept)
    else:
        assert Forms(None).wanted(accept) == wanted


@pytest.mark.parametrize(
    ("result", "csv"),
    [
        (pandas.DataFrame({"a": [1, 2], "b": ["x", None]}), "a,b\r\n1,x\r\n2,\r\n"),
        (pandas.Series([1.5], name="p"), "p\r\n1.5\r\n"),
        (numpy.array([["a", "b"]]), "0,1\r\na,b\r\n"),
        ([1, None], 'output\r\n1\r\n""\r\n'),
        ([{"a": 1}, {"b": [2]}], "a,b\r\n1,\r\n,[2]\r\n"),
        ({"a": [1, 2], "b": [3, 4]}, "a,b\r\n1,3\r\n2,4\r\n"),
        ({"a": 1, "b": "x,y"}, 'a,b\r\n1,"x,y"\r\n'),
        ('{"a": [true]}', "a\r\ntrue\r\n"),
        ("plain", "output\r\nplain\r\n"),
        ({"a": [1], "b": []}, None),
        ([[1], [1, 2]], None),
    ],
)
def test_results_as_csv_and_arrow(result, csv):
    if csv is None:
        for form in (CSV, ARROW):
            with pytest.raises(NotAcceptable, match="not a table"):
                answers.encode(result, form)
        return
    assert answers.encode(result, CSV)[0].decode() == csv
    table = pyarrow.ipc.open_stream(answers.encode(result, ARROW)[0]).read_all()
    assert table.column_names == csv.split("\r\n")[0].split(",")


@pytest.fixture(scope="module")
def table(start, tmp_path_factory):
    place = tmp_path_factory.mktemp("table")
    (place / "score.py").write_text(SCORE)
    (place / "service_schema.json").write_text(json.dumps(TABLE.to_json()))
    return start(place, MODELPORT_BATCHING="on", MODELPORT_MAX_BODY_BYTES="4000000")


def test_every_form_in_and_out_of_a_service(table):
    bodies = {form: written(FRAME, form) for form in (CSV, ARROW, PARQUET)}
    bodies["application/json"] = json.dumps({"df": json.loads(FRAME.to_json(orient="records", date_format="iso"))}).encode()
    plain = None
    for given, body in bodies.items():
        status, headers, answer = table.score(body, Content_Type=given)
        assert (status, headers["content-type"]) == (200, "application/json"), answer
        plain = plain or answer
        assert answer == plain
        status, headers, answer = table.score(body, Content_Type=given, Accept="text/csv")
        assert (status, headers["content-type"]) == (200, "text/csv; charset=utf-8"), answer
        assert pandas.read_csv(io.BytesIO(answer))["double"].tolist()[:2] == [1.0, 4.0]
        status, headers, answer = table.score(body, Content_Type=given, Accept=ARROW)
        assert (status, headers["content-type"]) == (200, ARROW), answer
        frame = pyarrow.ipc.open_stream(answer).read_all().to_pandas()
        assert (frame["small"].dtype, frame["double"].dtype) == ("int8", "float32")


def test_what_a_service_does_not_take_or_give(table):
    assert "takes application/json, text/csv" in problem(table.score(b"x", Content_Type=NPY), 415, "UnsupportedMediaType")["message"]
    problem(table.score(b"x", Content_Type="image/png"), 415, "UnsupportedMediaType")
    problem(table.score(b"{}", Accept="image/png"), 406, "NotAcceptable")
    problem(table.score(written(FRAME, CSV).replace(b"-2", b"-200"), Content_Type="text/csv"), 400, "BadInput")


def test_hostile_bodies_leave_no_trace(table):
    bodies = [
        (PARQUET, parquet_of(LONG.slice(0, 2_900), compression="zstd", use_dictionary=False)),
        (ARROW, arrow_of(pyarrow.table({"a": pyarrow.nulls(20_000_000)}))),
        (NPY, HOSTILE_ARRAYS[3]),
        (CSV, b"a," * 500_000),
    ]
    for form, body in bodies:
        table.score(body, Content_Type=form)
    before = memory(table)
    for form, body in bodies * 5:
        assert table.score(body, Content_Type=form)[0] in (400, 415)
    assert memory(table) - before < 24 * 1024 * 1024


def test_without_the_package_its_name_is_told(start, folder):
    """pyarrow is hidden as on an environment that has none."""
    hide = "import sys, importlib.util as u\nreal = u.find_spec\nu.find_spec = lambda n, *a: None if n == 'pyarrow' else real(n, *a)\n"
    replica = start(folder(hide + SCORE, TABLE.to_json()))
    found = problem(replica.score(b"x", Content_Type=ARROW), 415, "UnsupportedMediaType")
    assert "needs the package pyarrow" in found["message"] and "add pyarrow to the manifest" in found["message"]
    found = problem(replica.score(b"x", Accept=ARROW), 406, "NotAcceptable")
    assert "needs the package pyarrow" in found["message"]
    assert replica.score(written(FRAME, CSV), Content_Type="text/csv")[0] == 200
