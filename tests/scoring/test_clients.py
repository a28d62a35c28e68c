"""Clients that others wrote, or generated from the service's document, against a live service."""

from __future__ import annotations

import os
import subprocess

from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV31SpecValidator

from tests.scoring.conftest import clean_environment
from tests.scoring.other_environments import CLIENTS, python_with

GENERATED = """
import sys
from iris_client import Client
from iris_client.api.default import run_ml_service, service_health_check
from iris_client.models import ErrorResponse, ServiceInput

client = Client(base_url=sys.argv[1])
flower = {"sepal length": 3.0, "sepal width": 3.6, "petal width": 1.3, "petal length": 0.25}
body = ServiceInput.from_dict({"input_df": [flower]})
answer = run_ml_service.sync_detailed(client=client, body=body)
assert answer.status_code == 200 and answer.parsed == ["Iris-setosa"], answer
wrong = ServiceInput.from_dict({"input_df": [{**flower, "petal length": "long"}]})
answer = run_ml_service.sync_detailed(client=client, body=wrong)
assert isinstance(answer.parsed, ErrorResponse), answer
assert answer.parsed.details[0].pointer == "/input_df/0/petal length", answer.parsed
assert service_health_check.sync_detailed(client=client).parsed == "Healthy"
"""
TRITON = """
import sys
import numpy
import tritonclient.http as triton

client = triton.InferenceServerClient(sys.argv[1])
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("iris")
told = client.get_model_metadata("iris")
flower = {"sepal length": 3.0, "sepal width": 3.6, "petal width": 1.3, "petal length": 0.25}
assert {each["name"] for each in told["inputs"]} == set(flower) and {each["datatype"] for each in told["inputs"]} == {"FP64"}
for binary in (False, True):
    inputs = []
    for name, value in flower.items():
        inputs.append(triton.InferInput(name, [2], "FP64"))
        inputs[-1].set_data_from_numpy(numpy.array([value, value]), binary_data=binary)
    answer = client.infer("iris", inputs, outputs=[triton.InferRequestedOutput("output", binary_data=binary)], request_id="r-1")
    assert [str(each.decode() if isinstance(each, bytes) else each) for each in answer.as_numpy("output")] == ["Iris-setosa"] * 2
    assert answer.get_response()["id"] == "r-1"
try:
    client.infer("iris", inputs[:-1])
except triton.InferenceServerException as error:
    assert "petal length" in str(error)
else:
    raise SystemExit("a missing tensor was not refused")
"""


def run(python, arguments, **options):
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(each) for each in arguments], capture_output=True, text=True, timeout=120, env=clean_environment(PATH=path), **options
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_a_generated_client(iris, tmp_path):
    python = python_with(CLIENTS)
    url = f"http://127.0.0.1:{iris.port}"
    command = [
        python.with_name("openapi-python-client"),
        "generate",
        "--url",
        f"{url}/openapi.json",
        "--output-path",
        tmp_path / "iris-client",
    ]
    run(python, command, cwd=tmp_path)
    run(python, [python, "-c", GENERATED, url], cwd=tmp_path / "iris-client")


def test_tritonclient(iris):
    python = python_with(CLIENTS)
    run(python, [python, "-c", TRITON, f"127.0.0.1:{iris.port}"])


def test_the_documents_of_a_live_service_are_valid(iris):
    import json

    OpenAPIV31SpecValidator(json.loads(iris.call("GET", "/openapi.json")[2])).validate()
    OpenAPIV2SpecValidator(json.loads(iris.call("GET", "/swagger.json")[2])).validate()
