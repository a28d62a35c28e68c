"""The Open Inference Protocol over HTTP: arrays and tables as tensors, in JSON and in bytes."""

from __future__ import annotations

import json
import struct

import pytest

from scoring import protocol
from tests.scoring.conftest import IRIS_BODY
from tests.scoring.test_batching import TWO

SCORE = """
def init(): pass
def run(df, m):
    if df.k.iloc[0] == 13:
        raise ValueError("hidden")
    if df.k.iloc[0] == 7:
        return (df.x.to_numpy() + m[:, 0]).astype("float32")
    return {"sum": (df.x + m[:, 0]).tolist(), "t": df.t.tolist(), "odd": [None if each == 5 else int(each) for each in df.k]}
"""
COLUMNS = [
    {"name": "x", "datatype": "FP64", "shape": [2], "data": [1.0, 2.5]},
    {"name": "k", "datatype": "INT64", "shape": [2, 1], "data": [[3], [5]]},
    {"name": "t", "datatype": "BYTES", "shape": [2], "data": ["a", "\u00e9"]},
]
MATRIX = {"name": "m", "datatype": "FP64", "shape": [2, 2], "data": [0.5, 1, 2, 3]}
INFER = "/v2/models/two/infer"


@pytest.fixture(scope="module")
def two(start, tmp_path_factory):
    place = tmp_path_factory.mktemp("two")
    (place / "score.py").write_text(SCORE)
    (place / "service_schema.json").write_text(json.dumps(TWO))
    return start(place, MODELPORT_SERVICE="demo/two", SERVICE_VERSION="4", MODELPORT_BATCHING="on")


def ask(replica, path):
    status, _, body = replica.call("GET", path)
    return status, json.loads(body)


def test_who_is_there(two):
    assert ask(two, "/v2/health/live") == (200, {"live": True})
    assert ask(two, "/v2/health/ready") == (200, {"ready": True})
    assert ask(two, "/v2")[1]["extensions"] == ["binary_tensor_data"]
    for path in ("/v2/models/two", "/v2/models/two/versions/4"):
        status, found = ask(two, path)
        assert (status, found["name"], found["versions"]) == (200, "two", ["4"])
        assert [(each["name"], each["datatype"], each["shape"]) for each in found["inputs"]] == [
            ("x", "FP64", [-1]),
            ("k", "INT64", [-1]),
            ("t", "BYTES", [-1]),
            ("m", "FP64", [-1, 2]),
        ]
    assert ask(two, "/v2/models/two/ready") == (200, {"ready": True})
    for path in ("/v2/models/other", "/v2/models/two/versions/3", "/v2/nothing", "/v2x", "/v2/models/two/infer/x", "/v2/models"):
        assert two.call("GET", path)[0] == 404
    assert two.call("GET", INFER)[1]["allow"] == "POST"


def test_json_tensors(two):
    status, headers, body = two.call("POST", INFER, {"id": "mine", "inputs": [*COLUMNS, MATRIX]})
    assert (status, headers["content-type"]) == (200, "application/json"), body
    found = json.loads(body)
    assert (found["id"], found["model_name"], found["model_version"]) == ("mine", "two", "4")
    assert found["outputs"] == [
        {"name": "sum", "datatype": "FP64", "shape": [2], "data": [1.5, 4.5]},
        {"name": "t", "datatype": "BYTES", "shape": [2], "data": ["a", "\u00e9"]},
        {"name": "odd", "datatype": "FP64", "shape": [2], "data": [3, None]},
    ]
    body = two.call("POST", INFER, {"inputs": [*COLUMNS, MATRIX], "outputs": [{"name": "t"}]})[2]
    assert [each["name"] for each in json.loads(body)["outputs"]] == ["t"]


def binary(inputs, parts, **more):
    head = json.dumps({"inputs": inputs, **more}).encode()
    return head + b"".join(parts), {"Inference-Header-Content-Length": str(len(head)), "Content-Type": "application/octet-stream"}


def test_binary_tensors(two):
    texts = b"".join(struct.pack("<I", len(each)) + each for each in (b"a", b"\xc3\xa9"))
    parts = [struct.pack("<2d", 1.0, 2.5), struct.pack("<2q", 7, 5), texts, struct.pack("<4d", 0.5, 1, 2, 3)]
    inputs = [{**{key: each[key] for key in ("name", "datatype", "shape")}, "parameters": {"binary_data_size": len(part)}}
              for each, part in zip([*COLUMNS, MATRIX], parts, strict=False)]  # fmt: skip
    status, headers, body = two.call("POST", INFER, *binary(inputs, parts, parameters={"binary_data_output": True}))
    assert status == 200, body
    size = int(headers["inference-header-content-length"])
    [output] = json.loads(body[:size])["outputs"]
    assert output == {"name": "output", "datatype": "FP32", "shape": [2], "parameters": {"binary_data_size": 8}}
    assert struct.unpack("<2f", body[size:]) == (1.5, 4.5)
    body, headers = binary([*COLUMNS, {**inputs[3]}], parts[3:], outputs=[{"name": "t", "parameters": {"binary_data": True}}])
    status, headers, body = two.call("POST", INFER, body, headers)
    assert (status, body[int(headers["inference-header-content-length"]) :]) == (200, texts)
    for cut in (1, 8, 40):
        status, _, answer = two.call("POST", INFER, *binary(inputs, [b"".join(parts)[:-cut]]))
        assert status == 400, answer
    for length in ("x", "-1", "99999999"):
        assert two.call("POST", INFER, b"{}", {"Inference-Header-Content-Length": length})[0] == 400


@pytest.mark.parametrize(
    ("inputs", "pointer"),
    [
        (None, "/inputs"),
        ([3], "/inputs"),
        ([{"shape": [1]}], "/inputs/0/name"),
        ([COLUMNS[0], COLUMNS[0]], "/inputs/1/name"),
        ([{**MATRIX, "shape": [2, -1]}], "/inputs/0/shape"),
        ([{**MATRIX, "shape": [10**6, 10**6]}], "/inputs/0/shape"),
        ([{**MATRIX, "shape": "x"}], "/inputs/0/shape"),
        ([{**MATRIX, "datatype": "FP8"}], "/inputs/0/datatype"),
        ([{**MATRIX, "data": [1]}], "/inputs/0/data"),
        ([{**MATRIX, "data": None}], "/inputs/0/data"),
        ([{**MATRIX, "parameters": {"binary_data_size": 3}}], "/inputs/0/parameters/binary_data_size"),
        ([*COLUMNS, MATRIX, {**MATRIX, "name": "n"}], "/inputs/4/name"),
        ([{**COLUMNS[0], "shape": [1, 2]}], "/inputs/0/shape"),
        ([{**COLUMNS[0], "shape": [1], "data": [1]}, *COLUMNS[1:], MATRIX], "/inputs"),
        (COLUMNS, "/m"),
        ([*COLUMNS, {**MATRIX, "shape": [4], "data": [1, 2, 3, 4]}], "/m/0"),
        ([*COLUMNS, {**MATRIX, "data": [[0.5, "x"], [2, 3]]}], "/m/0/1"),
        ([{**COLUMNS[0], "data": ["x", 1]}, *COLUMNS[1:], MATRIX], "/df/0/x"),
    ],
)
def test_tensors_that_do_not_fit(two, inputs, pointer):
    status, headers, body = two.call("POST", INFER, {"inputs": inputs})
    found = json.loads(body)
    assert (status, found["error"], found["requestId"]) == (400, found["message"], headers["x-request-id"])
    assert found["details"][0]["pointer"] == pointer, found


def test_faults_of_the_code_and_of_the_caller(two):
    columns = [COLUMNS[0], {**COLUMNS[1], "data": [13, 1]}, COLUMNS[2]]
    status, _, body = two.call("POST", INFER, {"inputs": [*columns, MATRIX]})
    assert status == 500 and "hidden" not in json.loads(body)["error"]
    status, _, body = two.call("POST", INFER, {"inputs": [*COLUMNS, MATRIX], "outputs": [{"name": "none"}]})
    assert status == 400 and json.loads(body)["details"][0]["pointer"] == "/outputs"
    for text in (b"", b"[]", b"[" * 100_000, b'{"inputs": 3}'):
        assert two.call("POST", INFER, text, {"Content-Type": "application/json"})[0] == 400


def test_the_original_example_as_tensors(iris):
    row = IRIS_BODY["input_df"][0]
    inputs = [{"name": name, "datatype": "FP64", "shape": [1], "data": [value]} for name, value in row.items()]
    status, _, body = iris.call("POST", "/v2/models/iris/infer", {"inputs": inputs})
    assert (status, json.loads(body)["outputs"]) == (
        200,
        [{"name": "output", "datatype": "BYTES", "shape": [1], "data": ["Iris-setosa"]}],
    )


def test_a_service_without_tensors_says_so(start, folder):
    replica = start(folder("def init(): pass\ndef run(body): return body\n"), MODELPORT_SERVICE="demo/text")
    status, _, body = replica.call("POST", "/v2/models/text/infer", {"inputs": []})
    assert status == 400 and "call /score" in json.loads(body)["error"]
    assert ask(replica, "/v2/models/text")[1]["inputs"] == []


@pytest.mark.parametrize(
    ("result", "kind", "shape"),
    [
        ([[1, 2], [3, 4]], "INT64", [2, 2]),
        ([True, False], "BOOL", [2]),
        ([1, 2.5], "FP64", [2]),
        ([[1], [2, 3]], "BYTES", [2]),
        (3, "INT64", [1]),
        ([], "BYTES", [0]),
        ([[]], "BYTES", [1, 0]),
        ([None, None], "FP64", [2]),
        ([2**70], "BYTES", [1]),
        ("text", "BYTES", [1]),
    ],
)
def test_results_as_tensors(result, kind, shape):
    for in_bytes in (False, True):
        raw, headers = protocol.answer(result, protocol.Asked("", in_bytes, {}), "m", "1")
        size = int(headers.get(protocol.LENGTH, len(raw)))
        [output] = json.loads(raw[:size])["outputs"]
        assert (output["name"], output["datatype"], output["shape"]) == ("output", kind, shape)
