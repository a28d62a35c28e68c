"""Every import name that score files of the original and its successors use, each in a file that is served or run."""

from __future__ import annotations

import json

import pytest

from scoring import schema, shims
from tests.scoring.conftest import IRIS_BODY, IRIS_SCHEMA, ROOT, run_python
from tests.scoring.test_server import problem

NAMES = [f"from {module} import {name.rpartition(' as ')[2]}" for module, (_, names) in shims.TABLE.items() for name in names]


def test_every_name_of_the_table(tmp_path):
    lines = ["import sys", f"sys.path.insert(0, {str(ROOT)!r})", "from scoring import shims", "shims.install()", *NAMES]
    done = run_python("-c", "\n".join(lines), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for root in ("azureml.api", "azure.ml.api"):
        for name in ("numpyUtil", "pandasUtil", "sparkUtil", "pythonUtil", "schemaUtil"):
            assert f"{root}.schema.{name}" in shims.TABLE
    wanted = {"azureml.webservice_schema.schema_generation", "azureml.ai.monitoring", "azureml.core", "azureml.api.exceptions.BadRequest"}
    assert wanted <= shims.TABLE.keys()


#: what the original's command line wrapped a file in, kept in images of that time
WRAPPER = """
import os
import importlib.util as imp

from azureml.api.schema.schemaUtil import *
from azureml.api.exceptions.BadRequest import BadRequestException
from azureml.api.realtime.swagger_spec_generator import generate_service_swagger

spec = imp.spec_from_file_location("service_driver", "driver.py")
driver = imp.module_from_spec(spec)
spec.loader.exec_module(driver)


def run(http_body):
    arguments = parse_service_input(http_body, found.input)
    if len(arguments["input_df"]) > 2:
        raise BadRequestException("too many rows")
    return driver.run(**arguments)


def init():
    global found
    found = load_service_schema("schema_of_mine.json")
    document = generate_service_swagger(
        service_name="iris", service_schema_file_path="schema_of_mine.json", service_version="1.0", service_path_prefix="x/"
    )
    with open("swagger.json", "w") as file:
        json.dump(document, file)
    driver.init()
"""


def test_a_wrapped_file_of_old_images(start, folder):
    place = folder(WRAPPER, driver="def init(): pass\ndef run(input_df): return [type(input_df).__name__, len(input_df)]\n")
    (place / "schema_of_mine.json").write_text(IRIS_SCHEMA)
    replica = start(place)
    assert json.loads(replica.score(json.dumps(IRIS_BODY))[2]) == ["DataFrame", 1]
    many = json.dumps({"input_df": IRIS_BODY["input_df"] * 3})
    assert problem(replica.score(many), 400, "SaidByRun")["message"] == "too many rows"
    assert "/x/score" in json.loads((place / "swagger.json").read_text())["paths"]


LATER = """
import json
import pandas as pd
from azureml.core import Model
from azureml.ai.monitoring import Collector
from azureml.ai.monitoring.context import BasicCorrelationContext
from azureml.webservice_schema.data_types import DataTypes
from azureml.webservice_schema.sample_definition import SampleDefinition
from azureml.webservice_schema.schema_generation import generate_schema
from azureml.webservice_schema._pandas_util import PandasUtil


def init():
    global inputs, outputs
    inputs, outputs = Collector(name="model_inputs"), Collector(name="model_outputs")
    open("weights.bin", "w").write("3")
    assert Model.get_model_path("weights.bin").endswith("weights.bin")
    frame = pd.DataFrame({"a": [1]})
    generate_schema(run, inputs={"raw_data": SampleDefinition(DataTypes.PANDAS, frame)}, filepath="made.json")
    assert PandasUtil.get_input_object([{"a": 2}], PandasUtil.extract_schema(frame)).a.tolist() == [2]


def run(raw_data):
    frame = pd.DataFrame(json.loads(raw_data)["data"])
    context = inputs.collect(frame)
    outputs.collect(frame * 2, context)
    if len(frame) > 1:
        assert outputs.collect(frame, BasicCorrelationContext(id="mine")).get_id() == "mine"
    return frame.a.tolist()
"""


def test_the_later_names(start, folder):
    place = folder(LATER)
    replica = start(place, AML_MODEL_DC_STORAGE_ENABLED="true")
    assert replica.score(json.dumps({"data": [{"a": 1}, {"a": 2}]}), X_Request_Id="r-1")[::2] == (200, b"[1,2]")
    assert schema.read((place / "made.json").read_bytes()).inputs["raw_data"].columns == [("a", "int64")]
    batches = json.loads(replica.call("GET", "/collected?after=0", headers={"X-Modelport-Pull": "1"})[2])["batches"]
    assert [(each["identifier"], each["correlationId"], each["requestId"]) for each in batches] == [
        ("model_inputs", "", "r-1"),
        ("model_outputs", "r-1", "r-1"),
        ("model_outputs", "mine", "r-1"),
    ]


@pytest.mark.parametrize(
    "module", ["azureml.webservice_schema._pandas_util", "azureml.webservice_schema.pandasUtil", "azure.ml.api.schema.pandasUtil"]
)
def test_schema_files_of_every_time_are_read(module):
    import base64

    document = json.loads(IRIS_SCHEMA)
    raw = base64.b64decode(document["input"]["input_df"]["internal"])
    changed = raw.replace(b"azureml.api.schema.pandasUtil", module.encode())
    document["input"]["input_df"]["internal"] = base64.b64encode(changed).decode()
    assert schema.read(json.dumps(document).encode()).inputs["input_df"].columns[0] == ("sepal length", "float64")
