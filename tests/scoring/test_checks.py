"""Requests against a schema: every fault is told where it is, and what fits is converted."""

from __future__ import annotations

import json

import numpy
import pytest

from scoring import inputs, schema
from scoring.errors import BadInput, SchemaError
from tests.scoring.conftest import IRIS_BODY, IRIS_SCHEMA


def faults(found, body):
    with pytest.raises(BadInput) as caught:
        inputs.check(found, body if isinstance(body, bytes) else json.dumps(body).encode())
    return {each["pointer"]: (each["code"], each["message"]) for each in caught.value.details}


def test_all_faults_of_a_request_at_once():
    row = IRIS_BODY["input_df"][0]
    found = faults(
        schema.read(IRIS_SCHEMA.encode()),
        {
            "input_df": [
                row,
                {**row, "petal width": "wide"},
                {name: value for name, value in row.items() if name != "petal length"},
                {**row, "petal hue": 1},
                3,
                {**row, "petal width": None},
                {**row, "petal width": True},
            ],
            "extra/~": 1,
        },
    )
    assert found["/input_df/1/petal width"] == ("WrongType", 'expected a number, got the text "wide"')
    assert found["/input_df/2/petal length"][0] == "MissingColumn"
    assert found["/input_df/3/petal hue"][0] == "UnknownColumn"
    assert found["/input_df/4"][0] == "WrongType"
    assert found["/input_df/5/petal width"][1] == "expected a number, got null"
    assert found["/input_df/6/petal width"][1] == "expected a number, got true"
    assert found["/extra~1~0"][0] == "UnknownArgument"
    assert len(found) == 7


def test_the_nearest_name_is_told():
    row = dict(IRIS_BODY["input_df"][0])
    row["sepal lenght"] = row.pop("sepal length")
    found = faults(schema.read(IRIS_SCHEMA.encode()), {"input_df": [row]})
    assert 'Did you mean "sepal length"?' in found["/input_df/0/sepal lenght"][1]
    for name in ("inputdf", "INPUT_DF"):
        assert 'Did you mean "input_df"?' in faults(schema.read(IRIS_SCHEMA.encode()), {name: []})["/" + name][1]


def test_at_most_twenty_faults():
    assert len(faults(schema.read(IRIS_SCHEMA.encode()), {"input_df": [1] * 500})) == 20


def test_a_body_encoded_twice_is_read():
    found = schema.read(IRIS_SCHEMA.encode())
    assert inputs.check(found, json.dumps(json.dumps(IRIS_BODY)).encode()) == inputs.check(found, json.dumps(IRIS_BODY).encode())


def test_shapes_of_arrays():
    found = schema.Schema({"m": schema.Numpy("float64", (1, 2))})
    assert faults(found, {"m": [[1, 2], [1]]})["/m/1"] == ("WrongShape", "expected an array of 2, got an array of 1")
    assert faults(found, {"m": []})["/m"][0] == "WrongShape"
    assert faults(found, {"m": [[1, [2]]]})["/m/0/1"][0] == "WrongType"
    assert faults(found, {"m": 1})["/m"][0] == "WrongType"


@pytest.mark.parametrize(
    ("dtype", "good", "bad"),
    [
        ("int8", [-128, 127, 3.0], [128, 1.5, "1", True, None, 10**4000, []]),
        ("uint8", [0, 255], [-1, 256]),
        ("float32", [1, 2.5, -3e38], [3.5e38, "1", False, None]),
        ("float64", [1, 1e308, 10**300], [10**400, "x"]),
        ("bool", [True, False], [0, 1, "true", None]),
        ("text", ["", "x", None], [1, {}]),
        ("object", [None, 1, {"a": []}], []),
        (
            "datetime64[ns]",
            ["2017-01-31", "2017-01-31T12:00:00Z", "2017-01-31 12:00:00,123456"],
            ["2017-13-01", "9999-01-01", 5, None, "x"],
        ),
        ("timedelta64[ns]", ["2 weeks", "1 days 02:00:00", "PT1H", "-1 days +02:00:00"], ["", "two weeks", 5, "P"]),
    ],
)
def test_cells(dtype, good, bad):
    found = schema.Schema({"df": schema.Pandas([("c", dtype)])})
    for value in good:
        checked = inputs.check(found, json.dumps({"df": [{"c": value}]}).encode())
        assert len(inputs.build(found, checked)["df"]) == 1
    for value in bad:
        assert "/df/0/c" in faults(found, {"df": [{"c": value}]}) or isinstance(value, int)


def test_null_is_a_missing_value_where_the_sample_has_one():
    found = schema.Schema({"df": schema.Pandas([("c", "float64")], [{"c": None}])})
    frame = inputs.build(found, inputs.check(found, b'{"df": [{"c": null}, {"c": 1}]}'))["df"]
    assert frame["c"].isna().tolist() == [True, False]
    assert frame["c"].dtype == numpy.float64


@pytest.mark.parametrize(
    ("data_type", "body", "value"),
    [
        ("int", "3", 3),
        ("str", '"x"', "x"),
        ("bytes", '"YWI="', b"ab"),
        ("tuple", "[1, 2]", (1, 2)),
        ("dict", '{"a": {}}', {"a": {}}),
        ("date", '"2017-01-31"', __import__("datetime").date(2017, 1, 31)),
        ("datetime", '"2017-01-31T12:00:00+02:00"', __import__("datetime").datetime(2017, 1, 31, 10)),
        ("time", '"12:30"', __import__("datetime").time(12, 30)),
    ],
)
def test_standard_values(data_type, body, value):
    found = schema.Schema({"a": schema.Standard(data_type)})
    assert inputs.build(found, inputs.check(found, b'{"a": %b}' % body.encode())) == {"a": value}
    assert "/a" in faults(found, {"a": None})


def test_spark_schemas_are_checked_without_spark():
    struct = {
        "type": "struct",
        "fields": [
            {"name": "age", "type": "integer", "nullable": False, "metadata": {}},
            {"name": "price", "type": "decimal(10,2)", "nullable": True, "metadata": {}},
            {"name": "tags", "type": {"type": "array", "elementType": "string", "containsNull": False}, "nullable": True, "metadata": {}},
        ],
    }
    found = schema.Schema({"df": schema.Spark(struct)})
    assert schema.Schema.from_json(found.to_json()).inputs["df"].struct == struct
    assert faults(found, {"df": [{"age": None, "price": "x", "tags": [None]}]}).keys() == {"/df/0/age", "/df/0/price", "/df/0/tags/0"}
    with pytest.raises(SchemaError):
        schema.Schema.from_json(
            {"input": {"df": {"type": 2, "internal": {"type": "struct", "fields": [{"name": "v", "type": {"type": "udt"}}]}}}}
        )


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{'a': 1}", "double quotes"),
        (bytearray(b'{"a": NaN}'), "JSON has no NaN; write null."),
        (b"data=%5B1%5D&more=2", "It seems to be a form; send JSON, with requests in Python by json= instead of data=."),
        (b'{"a": -Infinity}', "write null."),
        (b'{"a": [True]}', "JSON has no True; write true."),
        ('{"a": 1}'.encode("utf-16"), "send UTF-8."),
        ('{"a": 1}'.encode("utf-16-le"), "send UTF-8."),
        (b"\xef\xbb\xbf" * 3 + b"{}", "is not JSON"),
    ],
)
def test_what_was_probably_meant_is_told(body, says):
    with pytest.raises(BadInput, match=says):
        inputs.decode(body)


def test_a_byte_order_mark_is_no_fault():
    assert inputs.decode(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
