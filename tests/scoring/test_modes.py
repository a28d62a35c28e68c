"""The ways in which a score file can ask for its input: decorators, the raw request, request headers."""

from __future__ import annotations

import json

import pandas
import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV31SpecValidator

from scoring import driver, rawhttp
from tests.scoring.test_schemathesis import check
from tests.scoring.test_server import problem

DECORATED = """
import asyncio
import numpy, pandas
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.parameter_types.abstract_parameter_type import AbstractParameterType
from inference_schema.schema_util import get_input_schema, is_schema_decorated


class Celsius(AbstractParameterType):
    def deserialize_input(self, input_data):
        if input_data == "oops":
            raise KeyError("a fault of the file")
        if not isinstance(input_data, (int, float)):
            raise ValueError("not a temperature")
        return input_data + 273

    def input_to_swagger(self):
        return {"type": "number", "example": self.sample_input}


nested = StandardPythonParameterType(
    {"rows": PandasParameterType(pandas.DataFrame({"a": [1], "b": [0.5]})), "more": StandardPythonParameterType({"m": NumpyParameterType(numpy.array([[1, 2]]))}), "tag": "x"}
)


async def init():
    await asyncio.sleep(0)


@input_schema("Inputs", nested)
@input_schema(param_name="GlobalParameters", param_type=StandardPythonParameterType(1.0), optional=True)
@input_schema("warm", Celsius(20), optional=True)
@output_schema(StandardPythonParameterType({"Results": [1.0]}))
async def run(Inputs, GlobalParameters=2.0, warm=None, request_headers=None):
    await asyncio.sleep(0)
    frame = Inputs["rows"]
    return {
        "frame": type(frame).__name__, "dtypes": [str(each) for each in frame.dtypes], "array": Inputs["more"]["m"].sum(axis=0),
        "tag": Inputs["tag"], "global": GlobalParameters, "warm": warm, "agent": request_headers["x-caller"],
        "secret": [name for name in request_headers if "odelport" in name],
    }


assert is_schema_decorated(run)
assert get_input_schema(run)["example"]["GlobalParameters"] == 1.0
"""
INPUTS = {"rows": [{"a": 3, "b": 1}], "more": {"m": [[1, 2], [3, 4]]}, "tag": "t", "unknown": 1}


@pytest.fixture(scope="module")
def decorated(start, tmp_path_factory):
    place = tmp_path_factory.mktemp("decorated")
    (place / "score.py").write_text(DECORATED)
    return start(place)


def test_arguments_are_of_the_decorators_types(decorated):
    headers = {"X-Caller": "me", "X-Modelport-Pull": "1", "Content-Type": "application/json"}
    status, _, body = decorated.call("POST", "/score", json.dumps({"Inputs": INPUTS, "other": 1}), headers)
    assert status == 200, body
    assert json.loads(body) == {
        "frame": "DataFrame",
        "dtypes": ["int64", "float64"],
        "array": [4, 6],
        "tag": "t",
        "global": 2.0,
        "warm": None,
        "agent": "me",
        "secret": [],
    }
    found = json.loads(decorated.score({"Inputs": INPUTS, "GlobalParameters": 5, "warm": 7}, X_Caller="x")[2])
    assert (found["global"], found["warm"]) == (5.0, 280)
    found = json.loads(decorated.score({"Inputs": INPUTS, "GlobalParameters": None, "warm": None}, X_Caller="x")[2])
    assert (found["global"], found["warm"]) == (None, None)


def test_by_query(decorated):
    query = "/score?Inputs=%7B%22rows%22:[%7B%22a%22:3,%22b%22:1%7D],%22more%22:%7B%22m%22:[[1,2]]%7D,%22tag%22:1%7D&GlobalParameters=3"
    status, _, body = decorated.call("GET", query, headers={"X-Caller": "me"})
    assert status == 200, body
    assert json.loads(body)["global"] == 3.0
    problem(decorated.call("GET", "/score"), 400, "BadInput")
    assert decorated.call("HEAD", query, headers={"X-Caller": "me"})[::2] == (200, b"")
    assert decorated.call("PUT", "/score")[1]["allow"] == "GET, POST, HEAD"


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/Inputs"]),
        ({"Inputs": 3}, ["/Inputs"]),
        ({"Inputs": {**INPUTS, "rows": [{"a": "x", "c": 1}]}}, ["/Inputs/rows/0/c", "/Inputs/rows/0/b", "/Inputs/rows/0/a"]),
        (
            {"Inputs": {"rows": INPUTS["rows"], "more": {"m": [[1]]}}, "GlobalParameters": "x"},
            ["/Inputs/tag", "/Inputs/more/m/0", "/GlobalParameters"],
        ),
        ({"Inputs": INPUTS, "warm": "hot"}, [""]),
    ],
)
def test_faults_have_pointers(decorated, body, pointers):
    assert [each["pointer"] for each in problem(decorated.score(body), 400, "BadInput")["details"]] == pointers


def test_a_fault_of_the_files_own_type_is_not_the_callers(decorated):
    problem(decorated.score({"Inputs": INPUTS, "warm": "oops"}), 500, "ScoringFailed")
    problem(decorated.score("{}", Content_Type="text/plain"), 415, "UnsupportedMediaType")


def test_documents_come_from_the_decorators(decorated, tmp_path):
    three, two = (json.loads(decorated.call("GET", path)[2]) for path in ("/openapi.json", "/swagger.json"))
    OpenAPIV31SpecValidator(three).validate()
    OpenAPIV2SpecValidator(two).validate()
    shape = two["definitions"]["ServiceInput"]
    assert shape["required"] == ["Inputs"]
    assert shape["properties"]["Inputs"]["properties"]["rows"]["items"]["properties"]["a"]["format"] == "int64"
    assert shape["example"]["GlobalParameters"] == 1.0
    assert two["definitions"]["ServiceOutput"]["example"] == {"Results": [1.0]}
    assert {"get", "post"} == set(three["paths"]["/score"])


ORIENTS = """
import pandas
from inference_schema.schema_decorators import input_schema
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType

frame = pandas.DataFrame({{"a": [1, 2], "when": pandas.to_datetime(["2020-01-01", "2020-01-02"])}}, index=[7, 8])


def init():
    pass


@input_schema("df", PandasParameterType(frame, orient={orient!r}))
def run(df):
    same = df.equals(frame) if {orient!r} not in ("values", "records") else df.reset_index(drop=True).equals(frame.reset_index(drop=True))
    return [same, len(df)]
"""


@pytest.mark.parametrize("orient", ["records", "split", "index", "columns", "values", "table"])
def test_every_orient(start, folder, orient):
    import pandas

    frame = pandas.DataFrame({"a": [1, 2], "when": pandas.to_datetime(["2020-01-01", "2020-01-02"])}, index=[7, 8])
    replica = start(folder(ORIENTS.format(orient=orient)))
    body = json.loads(frame.to_json(orient=orient, date_format="iso"))
    status, _, answer = replica.score({"df": body})
    assert (status, json.loads(answer)) == (200, [True, 2]), answer
    OpenAPIV31SpecValidator(json.loads(replica.call("GET", "/openapi.json")[2])).validate()
    wrong = json.loads(json.dumps(body).replace("2020-01-02", "soon"))
    place = {
        "records": "/df/1/when",
        "split": "/df/data/1/1",
        "index": "/df/8/when",
        "columns": "/df/when/8",
        "values": "/df/1/1",
        "table": "/df/data/1/when",
    }[orient]
    assert [each["pointer"] for each in problem(replica.score({"df": wrong}), 400, "BadInput")["details"]] == [place]
    for odd in (3, [], {}, [3], {"a": 1}, {"data": 3, "columns": []}, {"data": [3], "columns": ["a"]}, None):
        problem(replica.score({"df": odd}), 400, "BadInput")


LOOSE = """
import numpy, pandas
from inference_schema.schema_decorators import input_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
def init(): pass
@input_schema("m", NumpyParameterType(numpy.array([[1.0, 2.0]]), enforce_shape=False))
@input_schema("df", PandasParameterType(pandas.DataFrame({"a": [1]}), enforce_shape=False), convert_to_provided_type=True)
@input_schema("raw", NumpyParameterType(numpy.array([1])), convert_to_provided_type=False)
def run(m, df, raw):
    return [list(m.shape), str(m.dtype), list(df.columns), type(raw).__name__]
# a call of the file's own converts too
assert run([[1]], [{"a": 1}], [1]) == [[1, 1], "float64", ["a"], "list"]
assert run(numpy.array([1.0]), df=pandas.DataFrame({"b": [1]}), raw=3) == [[1], "float64", ["b"], "int"]
"""


def test_types_that_are_not_enforced(start, folder):
    replica = start(folder(LOOSE))
    status, _, body = replica.score({"m": [1, 2, 3], "df": [{"a": 1, "b": 2}], "raw": [1]})
    assert (status, json.loads(body)) == (200, [[3], "float64", ["a", "b"], "list"])
    for bad in ({"m": [["x"]]}, {"m": [[1], [1, 2]]}, {"df": 3}, {"df": [{"a": "x"}]}):
        problem(replica.score({"m": [1], "df": [{"a": 1}], "raw": [1], **bad}), 400, "BadInput")


SIMPLE = """
import numpy
from inference_schema.schema_decorators import input_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
def init(): pass
@input_schema("m", NumpyParameterType(numpy.array([[1, 2]])))
def run(m, scale=2):
    return m * scale
"""


def test_what_the_document_says_is_what_happens(start, folder, tmp_path):
    check(start(folder(SIMPLE.replace(" * scale", ""))), tmp_path)


RAW = """
from {module}.aml_request import AMLRequest, rawhttp
from {module}.aml_response import AMLResponse

def init(): pass

@rawhttp
def run(request):
    assert isinstance(request, AMLRequest)
    if request.method in ("GET", "HEAD"):
        if "plain" in request.args:
            return {{"args": request.args.getlist("a"), "path": request.full_path, "ua": request.headers.get("user-agent")}}
        return AMLResponse(None, int(request.args["status"]))
    if request.files:
        upload = request.files["image"]
        return {{"name": upload.filename, "type": upload.content_type, "bytes": list(upload.read()), "form": request.form.to_dict()}}
    if request.is_json:
        return AMLResponse(request.get_json(), 201, json_str=True)
    if request.args.get("text"):
        raise ValueError("hidden")
    headers = {{"Content-Type": "image/png", "X-Mine": "yes", "Set-Cookie": "a=b", "Connection": "X-Gone", "X-Gone": "1",
               "Transfer-Encoding": "chunked", "Content-Length": "3", "X-Request-Id": "evil", "X-Split": "a\\r\\nb: c"}}
    return AMLResponse(request.get_data()[::-1], 299, headers)
"""


@pytest.fixture(scope="module", params=["azureml.contrib.services", "azureml_inference_server_http.api"])
def raw(request, start, tmp_path_factory):
    place = tmp_path_factory.mktemp("raw")
    (place / "score.py").write_text(RAW.format(module=request.param))
    return start(place)


def test_raw_bytes_status_and_headers(raw):
    status, headers, body = raw.call("POST", "/score", b"\x00\xff\x01", {"Content-Type": "application/octet-stream"})
    assert (status, body, headers["content-type"], headers["x-mine"]) == (299, b"\x01\xff\x00", "image/png", "yes")
    assert headers["content-length"] == "3" and headers["x-request-id"] != "evil"
    assert not {"set-cookie", "transfer-encoding", "x-gone", "connection", "x-split", "b"} & set(headers)
    assert raw.score({"a": 1})[::2] == (201, b'{"a": 1}')
    problem(raw.call("POST", "/score?text=1", b"x"), 500, "ScoringFailed")
    found = problem(raw.score("{'a': 1}", Content_Type="application/json"), 400, "BadInput")
    assert found["message"].startswith("The body is not JSON: Expecting property name")


def test_raw_get(raw):
    status, headers, body = raw.call("GET", "/score?plain&a=1&a=%C3%A9", headers={"User-Agent": "me"})
    assert json.loads(body) == {"args": ["1", "\u00e9"], "path": "/score?plain&a=1&a=%C3%A9", "ua": "me"}
    assert raw.call("GET", "/score?status=404")[::2] == (404, b"{}")
    status, headers, body = raw.call("GET", "/score?status=204")
    assert (status, body) == (204, b"") and "content-length" not in headers
    for bad in ("100", "99", "1000"):
        problem(raw.call("GET", f"/score?status={bad}"), 500, "ScoringFailed")
    assert raw.call("HEAD", "/score?plain")[::2] == (200, b"")


def test_raw_multipart(raw):
    data = bytes(range(256)) + b"\r\n--almost\r\n\n\r"
    body = b'--b0\r\nContent-Disposition: form-data; name="label"\r\n\r\n\xc3\xa9\r\n'
    body += (
        b'--b0\r\nContent-Disposition: form-data; name="image"; filename="a b.png"\r\nContent-Type: image/png\r\n\r\n'
        + data
        + b"\r\n--b0--\r\n"
    )
    status, _, answer = raw.call("POST", "/score", body, {"Content-Type": "multipart/form-data; boundary=b0"})
    assert status == 200, answer
    assert json.loads(answer) == {"name": "a b.png", "type": "image/png", "bytes": list(data), "form": {"label": "\u00e9"}}
    for broken in (b"", b"--b0", body[:100], b"--b0\r\nx--b0--"):
        answer = raw.call("POST", "/score", broken, {"Content-Type": "multipart/form-data; boundary=b0"})
        assert "multipart" in problem(answer, 400, "BadInput")["message"]


def test_an_uploaded_file_reads_like_an_open_one():
    body = b'--b0\r\nContent-Disposition: form-data; name="t"; filename="t.csv"\r\n\r\na,b\n1,2\n\r\n--b0--\r\n'
    headers = rawhttp.Headers([("Content-Type", "multipart/form-data; boundary=b0")])
    upload = rawhttp.AMLRequest("POST", headers=headers, body=body).files["t"]
    assert (upload.tell(), upload.readline(), upload.tell(), list(upload)) == (0, b"a,b\n", 4, [b"1,2\n"])
    upload.seek(0)
    assert pandas.read_csv(upload).to_dict("list") == {"a": [1], "b": [2]}


def test_raw_documents_are_valid(raw):
    OpenAPIV31SpecValidator(json.loads(raw.call("GET", "/openapi.json")[2])).validate()
    OpenAPIV2SpecValidator(json.loads(raw.call("GET", "/swagger.json")[2])).validate()


def test_text_by_query_and_request_headers(start, folder):
    replica = start(folder("def init(): pass\ndef run(body, request_headers): return [body, request_headers['content-type']]\n"))
    assert json.loads(replica.call("GET", "/score?a=1&a=x&b=[2]", headers={"Content-Type": "x/y"})[2]) == [
        '{"a": [1, "x"], "b": [2]}',
        "x/y",
    ]
    assert json.loads(replica.call("POST", "/score", b"hi", {"Content-Type": "x/y"})[2]) == ["hi", "x/y"]


SCHEMA = {"input": {"name": {"type": 0, "internal": {"data_type": "str"}, "swagger": {"example": "x"}}}}


def test_request_headers_beside_a_schema(start, folder):
    replica = start(folder("def init(): pass\ndef run(name, request_headers): return [name, sorted(request_headers)[0]]\n", SCHEMA))
    assert json.loads(replica.score({"name": "a"})[2]) == ["a", "Accept-Encoding"]


@pytest.mark.parametrize(
    ("decorators", "arguments", "schema", "says"),
    [
        ("@input_schema('a', T)\n@output_schema(T)\n", "a", None, ""),
        ("@sd.input_schema(param_name='a', param_type=T)\n", "a, b, c=1, request_headers=None", None, ""),
        ("@rawhttp\n", "request", None, ""),
        ("@rawhttp\n", "request, request_headers", None, ""),
        ("@input_schema(NAME, T)\n", "a", None, ""),
        ("@input_schema('b', T)\n", "a", None, "score.py line 3: @input_schema names `b`, which run() does not take."),
        ("@rawhttp\n@input_schema('a', T)\n", "a", None, "is decorated with @rawhttp and is decorated with @input_schema"),
        ("@rawhttp\n", "name", SCHEMA, "is decorated with @rawhttp and has a schema file"),
        ("@input_schema('name', T)\n", "name", SCHEMA, "has a schema file: only one of them can say"),
        ("", "name, request_headers", SCHEMA, ""),
    ],
)
def test_what_a_reader_of_the_file_says(decorators, arguments, schema, says):
    from scoring import schema as schemas

    info = driver.inspect_source(f"def init(): pass\n{decorators}def run({arguments}): pass\n".encode())
    found = " ".join(driver.check_arguments(info, schemas.Schema.from_json(schema) if schema else None))
    assert (says in found) if says else not found


@pytest.mark.parametrize(
    ("score", "says"),
    [
        (SIMPLE.replace("run(m,", "run(n,"), "@input_schema names `m`, which run() does not take"),
        (SIMPLE.replace("numpy.array([[1, 2]])", "[1]"), "needs a numpy array as sample"),
        (SIMPLE.replace("NumpyParameterType(numpy.array([[1, 2]]))", "3"), "needs a parameter type"),
    ],
)
def test_decorators_that_cannot_be_used(start, folder, score, says):
    replica = start(folder(score), ready=False)
    assert replica.wait() == 3
    assert any(says in line for line in replica.lines), replica.lines
