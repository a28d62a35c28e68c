"""The same files and the same requests, here and on azureml-inference-server-http; what differs is meant, and argued in docs/scoring.md."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import time
from dataclasses import dataclass, field

import pytest

from tests.scoring.conftest import ROOT, clean_environment
from tests.scoring.other_environments import PEER, python_with

PLAIN = """
import json
import numpy


def init():
    pass


def run(raw):
    asked = json.loads(raw)
    wanted = asked["give"]
    if wanted == "back":
        return asked.get("value")
    if wanted == "raw":
        return raw
    if wanted == "numpy":
        return numpy.array([[1, 2], [3, 4]])
    if wanted == "nan":
        return [float("nan"), 1.5]
    if wanted == "bytes":
        return b"abc"
    if wanted == "tuple":
        return (1, [2, (3,)])
    if wanted == "error":
        raise ValueError("hidden")
    if wanted == "type":
        return len(1)
    if wanted == "exit":
        raise SystemExit(4)
"""
DECORATED = """
import numpy, pandas
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType

nested = StandardPythonParameterType(
    {"rows": PandasParameterType(pandas.DataFrame({"a": [1], "b": [0.5]})), "tag": StandardPythonParameterType("x")}
)


def init():
    pass


@input_schema("m", NumpyParameterType(numpy.array([[1.0, 2.0]])))
@input_schema("Inputs", nested)
@input_schema("GlobalParameters", StandardPythonParameterType(1.0), optional=True)
@output_schema(StandardPythonParameterType({"Results": [1.0]}))
def run(m, Inputs, GlobalParameters=2.0, request_headers=None):
    frame = Inputs["rows"]
    return {
        "kinds": [type(m).__name__, str(m.dtype), type(frame).__name__, [str(each) for each in frame.dtypes], type(Inputs["tag"]).__name__],
        "sum": (m.sum() + frame["a"].sum()).item(),
        "global": GlobalParameters,
        "caller": request_headers.get("X-Caller"),
    }
"""
RAW = """
from azureml_inference_server_http.api.aml_request import AMLRequest, rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse


def init():
    pass


@rawhttp
def run(request):
    wanted = request.args.get("give")
    if wanted == "status":
        return AMLResponse("made", 201, {"X-Mine": "yes", "Content-Type": "text/plain"})
    if wanted == "json":
        return AMLResponse({"a": [1]}, 200, json_str=True)
    if wanted == "none":
        return AMLResponse(None, 404)
    if wanted == "html":
        return AMLResponse("<b>", 200)
    if wanted == "form":
        return {"field": request.form["field"], "file": request.files["file"].read().decode(), "name": request.files["file"].filename}
    if wanted == "error":
        raise ValueError("hidden")
    return {"method": request.method, "args": request.args.to_dict(flat=False), "data": request.get_data(as_text=True),
            "json": request.get_json(silent=True), "type": request.content_type, "header": request.headers.get("x-caller"),
            "path": request.path, "cookie": request.cookies.get("c")}
"""

#: what is meant to differ: sentence (as in docs/scoring.md) by the name that a case gives
DIFFERENCES = {
    "errors": 'An error is a document with a code, the request id and pointers; there: `{"message"}`, or a page without a request id.',
    "faults": "Input that does not fit the decorators is a 400 with every fault and its place; there: a 500 without a word.",
    "strict": 'Values must be of the sample\'s types; there: what numpy or pandas can convert is let through, `"1"` for a number.',
    "json-text": "A result that is JSON text is sent as it is; there: it is encoded a second time.",
    "numpy": "numpy, pandas, bytes and other results become JSON; there: a 500.",
    "nan": "NaN and infinity are sent as `null`; there: as `NaN`, which is not JSON.",
    "none": "A result of `None` is `null`; there: `{}`.",
    "healthy": "`Healthy` is `text/plain`; there: `text/html`.",
    "options": "`OPTIONS` is answered by the gateway, for the allowed origins; there: by the server, for everybody.",
    "documents": "`request_headers` is no input in the documents, and they do not list themselves; there: both.",
}


@dataclass(frozen=True)
class Case:
    """`differs` names a row of DIFFERENCES; `theirs` and `ours` are then the statuses."""

    name: str
    path: str = "/score"
    method: str = "POST"
    body: object = None
    headers: dict = field(default_factory=dict)
    differs: str = ""
    theirs: int = 0
    ours: int = 0


def _give(wanted, **more):
    return {"give": wanted, **more}


ROWS = {"rows": [{"a": 1, "b": 2}], "tag": "t"}
GOOD = {"m": [[1, 2], [3, 4]], "Inputs": ROWS}
MULTIPART = (
    b'--b0\r\nContent-Disposition: form-data; name="field"\r\n\r\nvalue\r\n'
    b'--b0\r\nContent-Disposition: form-data; name="file"; filename="f.txt"\r\nContent-Type: text/plain\r\n\r\ninside\r\n--b0--\r\n'
)
CASES = {
    PLAIN: [
        Case("healthy", "/", "GET", differs="healthy"),
        Case("no such path", "/nothing", "GET"),
        Case("a number", body=_give("back", value=3)),
        Case("an object", body=_give("back", value={"a": [1, None, True, 1.5, "é"]})),
        Case("a text", body=_give("back", value="plain words")),
        Case("null", body=_give("back"), differs="none"),
        Case("tuples", body=_give("tuple")),
        Case("what a query gives", "/score?give=raw&a=1&a=x&b=[2]&c=", "GET", differs="json-text"),
        Case("what a query gives, read", "/score?give=%22back%22&value={%22a%22:1}", "GET"),
        Case("json text", body=_give("raw"), differs="json-text"),
        Case("numpy", body=_give("numpy"), differs="numpy", theirs=500, ours=200),
        Case("bytes", body=_give("bytes"), differs="numpy", theirs=500, ours=200),
        Case("not a number", body=_give("nan"), differs="nan"),
        Case("a failing run", body=_give("error")),
        Case("a TypeError of the file", body=_give("type")),
        Case("a body that is no text", body=b"\xff\xfe"),
        Case("the wrong method", "/score", "PUT"),
        Case("options", "/score", "OPTIONS", differs="options", theirs=200, ours=405),
        Case("swagger", "/swagger.json", "GET", differs="documents"),
        Case("swagger 3", "/swagger.json?version=3", "GET", differs="documents"),
        Case("swagger of no version", "/swagger.json?version=4", "GET"),
    ],
    DECORATED: [
        Case("right", body=GOOD, headers={"X-Caller": "me"}),
        Case("with the optional one", body={**GOOD, "GlobalParameters": 5.5}),
        Case("unknown names are ignored", body={**GOOD, "more": 1}),
        Case("by query", '/score?m=[[1,2]]&Inputs={"rows":[{"a":1,"b":2}],"tag":"t"}'.replace('"', "%22"), "GET"),
        Case("one is missing", body={"m": [[1, 2]]}),
        Case("nested, one is missing", body={"m": [[1, 2]], "Inputs": {"tag": "t"}}, differs="faults", theirs=500, ours=400),
        Case("nothing", body={}),
        Case("no body", body=b"", headers={"Content-Type": "application/json"}),
        Case("not JSON", body=b"{", headers={"Content-Type": "application/json"}),
        Case("an array", body=[1]),
        Case("another type", body=b"a=1", headers={"Content-Type": "text/plain"}),
        Case("another shape", body={**GOOD, "m": [[1, 2, 3]]}, differs="faults", theirs=500, ours=400),
        Case("words for numbers", body={**GOOD, "m": [["x", "y"]]}, differs="faults", theirs=500, ours=400),
        Case("numbers as text", body={**GOOD, "m": [["1", "2"]]}, differs="strict", theirs=200, ours=400),
        Case(
            "a column too many",
            body={**GOOD, "Inputs": {**ROWS, "rows": [{"a": 1, "b": 2, "c": 3}]}},
            differs="faults",
            theirs=500,
            ours=400,
        ),
        Case("swagger", "/swagger.json", "GET", differs="documents"),
        Case("swagger 3", "/swagger.json?version=3.1", "GET", differs="documents"),
    ],
    RAW: [
        Case("a query", "/score?a=1&a=2&b=%C3%A9", "GET", headers={"X-Caller": "me", "Cookie": "c=d"}),
        Case("a posted object", body={"a": 1}),
        Case("posted text", body=b"words", headers={"Content-Type": "text/plain"}),
        Case("a status and headers", "/score?give=status", body=b"x"),
        Case("an answer in JSON", "/score?give=json", body=b"x"),
        Case("nothing to say", "/score?give=none", body=b"x"),
        Case("a page", "/score?give=html", body=b"x"),
        Case("a form", "/score?give=form", body=MULTIPART, headers={"Content-Type": "multipart/form-data; boundary=b0"}),
        Case("a failing run", "/score?give=error", body=b"x"),
        Case("the wrong method", "/score", "DELETE"),
    ],
}


@contextlib.contextmanager
def peer(folder):
    """azureml-inference-server-http with this folder's score.py; its address."""
    with socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.bind(("127.0.0.1", 0))
        port, health = one.getsockname()[1], two.getsockname()[1]
    command = [
        python_with(PEER),
        "-m",
        "azureml_inference_server_http",
        "--entry_script",
        "score.py",
        "--port",
        port,
        "--health_port",
        health,
    ]
    environment = clean_environment(AML_APP_ROOT=str(folder), AZUREML_MODEL_DIR=str(folder), SERVICE_NAME="demo")
    with (folder / "peer.log").open("w") as log:
        process = subprocess.Popen(list(map(str, command)), cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            deadline = time.monotonic() + 90
            while True:
                assert process.poll() is None and time.monotonic() < deadline, (folder / "peer.log").read_text()[-3000:]
                try:
                    ask(port, Case("healthy", "/", "GET"))
                    break
                except OSError:
                    time.sleep(0.1)
            yield port
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def ask(port, case):
    """(status, body as JSON where it is JSON, headers)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    body, headers = case.body, {"X-Request-Id": "r-1", **case.headers}
    if isinstance(body, (dict, list)):
        body, headers = json.dumps(body), {"Content-Type": "application/json", **headers}
    try:
        connection.request(case.method, case.path, body=body, headers=headers)
        answer = connection.getresponse()
        raw = answer.read()
    finally:
        connection.close()
    try:
        return answer.status, json.loads(raw), answer.headers
    except ValueError:
        return answer.status, raw.decode("utf-8", "replace"), answer.headers


def compare(case, theirs, ours):
    """What is not the same, in words; "" when all is as it should be."""
    if ours[2].get("x-request-id") != "r-1":
        return "the request id is lost"
    if case.theirs:
        same = (theirs[0], ours[0]) == (case.theirs, case.ours)
        return "" if same else f"meant to be {case.theirs} and {case.ours}, it is {theirs[0]} and {ours[0]}"
    if theirs[0] != ours[0]:
        return f"{theirs[0]} {str(theirs[1])[:300]} against {ours[0]} {str(ours[1])[:300]}"
    if "swagger.json" in case.path and ours[0] == 200:
        return _swaggers(theirs[1], ours[1])
    if isinstance(ours[1], dict) and "requestId" in ours[1]:  # one of our own errors: see DIFFERENCES["errors"]
        return ""
    answers = [(each[2].get_content_type(), each[1], each[2].get("x-mine")) for each in (theirs, ours)]
    if case.differs:
        return "" if answers[0] != answers[1] else "it does not differ any more"
    return "" if answers[0] == answers[1] else f"{answers[0]} against {answers[1]}"


def _swaggers(theirs, ours):
    """The same version, inputs, sample and paths, but for what DIFFERENCES["documents"] says."""
    told = []
    for document in (theirs, ours):
        shape = (document.get("definitions") or document["components"]["schemas"])["ServiceInput"]
        sample = dict(shape.get("example") or (shape.get("examples") or [{}])[0])
        sample.pop("request_headers", None)
        paths = set(document["paths"]) - {"/swagger.json"}
        inputs = set(shape.get("properties", {})) - {"request_headers"}
        told.append((str(document.get("swagger") or document.get("openapi"))[0], inputs, sample, paths))
    return "" if told[0] == told[1] else f"{told[0]} against {told[1]}"


@pytest.mark.parametrize("score", list(CASES), ids=["plain", "decorated", "raw"])
def test_the_same_answers(start, folder, score):
    place = folder(score)
    ours = start(place)
    with peer(place) as port:
        found = {case.name: compare(case, ask(port, case), ask(ours.port, case)) for case in CASES[score]}
    assert {name: text for name, text in found.items() if text} == {}


def test_every_difference_is_argued():
    page = (ROOT / "docs" / "scoring.md").read_text("utf-8")
    used = {case.differs for cases in CASES.values() for case in cases} - {""}
    assert used | {"errors"} == DIFFERENCES.keys()
    missing = [text for text in DIFFERENCES.values() if text not in page]
    assert missing == []
