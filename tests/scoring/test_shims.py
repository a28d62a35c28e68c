"""The import names of existing score files work, and give way to real packages."""

from __future__ import annotations

import json

from tests.scoring.conftest import run_python

IMPORTS = """
import sys
sys.path.insert(0, {root!r})
from scoring import shims
shims.install(); shims.install()
from azureml.api.schema.dataTypes import DataTypes
from azureml.api.schema.sampleDefinition import SampleDefinition
from azureml.api.realtime.services import generate_schema
import azure.ml.api.schema.dataTypes, azure.ml.api.schema.sampleDefinition
from azure.ml.api.realtime.services import generate_schema as older
from azureml.datacollector import ModelDataCollector
from azureml.monitoring import ModelDataCollector as later
from azureml.assets import get_local_path
from azureml.logging import get_azureml_logger
from azureml.core.model import Model
from sklearn.externals import joblib
import joblib as real
assert joblib is real and real.__spec__.name == "joblib"
assert older is generate_schema and later is ModelDataCollector
assert get_local_path("model.pkl.link") == "model.pkl"
"""


def program(body):
    from tests.scoring.conftest import ROOT

    return IMPORTS.format(root=str(ROOT)) + body


def test_generate_schema_as_the_original_is_called(tmp_path):
    done = run_python(
        "-c",
        program(
            """
import pandas
def run(input_df): pass
frame = pandas.DataFrame([[3.0, 3.6, 1.3, 0.25]], columns=["sepal length", "sepal width", "petal length", "petal width"])
inputs = {"input_df": SampleDefinition(DataTypes.PANDAS, frame)}
made = generate_schema(run_func=run, inputs=inputs, filepath="service_schema.json")
for bad in (lambda: generate_schema(run, inputs={"other": inputs["input_df"]}), lambda: generate_schema(run)):
    try:
        bad()
    except ValueError as error:
        assert "Argument mismatch" in str(error)
    else:
        raise SystemExit("no error")
try:
    SampleDefinition(DataTypes.PANDAS, [1])
except TypeError:
    pass
else:
    raise SystemExit("no error")
"""
        ),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "service_schema.json").read_text())
    entry = document["input"]["input_df"]
    assert entry["type"] == 3
    assert entry["swagger"]["example"] == [{"sepal length": 3.0, "sepal width": 3.6, "petal length": 1.3, "petal width": 0.25}]
    assert entry["swagger"]["items"]["properties"]["sepal length"] == {"type": "number", "format": "double"}
    assert "gAN" not in json.dumps(document)


def test_real_packages_win(tmp_path):
    (tmp_path / "azureml" / "api").mkdir(parents=True)
    for place in ("azureml", "azureml/api"):
        (tmp_path / place / "__init__.py").write_text("real = True\n")
    (tmp_path / "azureml" / "datacollector.py").write_text("ModelDataCollector = 'the real one'\n")
    from tests.scoring.conftest import ROOT

    done = run_python(
        "-c",
        f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from scoring import shims
shims.install()
sys.path.insert(0, ".")
from azureml.datacollector import ModelDataCollector
assert ModelDataCollector == "the real one"
import azureml.api
assert azureml.api.real
from azureml.api.schema.dataTypes import DataTypes
assert DataTypes.PANDAS == 3
""",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr


def test_nothing_is_claimed_that_is_not_listed(tmp_path):
    done = run_python("-c", program("\nimport azureml.nonsense"), cwd=tmp_path)
    assert "ModuleNotFoundError: No module named 'azureml.nonsense'" in done.stderr
