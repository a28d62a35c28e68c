"""A proposed recipe is what a manifest takes; who may not write manifests gets none."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from registry.models import Manifest
from registry.samples import request_of
from tests import factories
from tests.registry import saved_models as saved

pytestmark = pytest.mark.django_db
MODELS = "/api/v1/groups/demo/models/"


@pytest.fixture
def boosted(group):
    return factories.make_model_version(group, name="churn", files={"churn.json": saved.xgboost_json(["age", "income"])})


def test_what_is_proposed_makes_a_manifest(client_for, group, contributor, boosted):
    client = client_for(contributor)
    answer = client.post(f"{MODELS}churn:1/recipe/", {}, format="json")
    assert answer.status_code == 200, answer.content
    proposed = answer.json()
    assert (proposed["framework"], proposed["models"], proposed["schema"]["path"]) == ("XGBoost", ["churn:1"], "service_schema.json")
    made = client.post("/api/v1/groups/demo/manifests/", {"name": "churn", **proposed}, format="json")
    assert made.status_code == 201, made.content
    manifest = Manifest.objects.get()
    assert manifest.requirements.splitlines() == ["pandas", "xgboost-cpu<4,>=3"]
    assert list(manifest.service_schema["input"]) == ["input_df"]


def test_files_that_are_not_registered_yet(client_for, group, contributor):
    client = client_for(contributor)
    opened = client.post("/api/v1/groups/demo/uploads/").json()["id"]
    address = f"/api/v1/groups/demo/uploads/{opened}/"
    assert client.post(f"{address}recipe/", {}, format="json").json()["code"] == "NotRecognised"
    client.put(f"{address}files/net%2Fmodel.onnx", saved.onnx_double(), content_type="application/octet-stream")
    proposed = client.post(f"{address}recipe/", {"name": "net"}, format="json").json()
    assert proposed["framework"] == "ONNX" and '"net/model.onnx"' in proposed["driver"]["content"]


def test_refusals(client_for, group, contributor, reader, stranger, boosted):
    factories.make_model_version(group, name="notes", files={"notes.txt": b"words"})
    answer = client_for(contributor).post(f"{MODELS}notes:1/recipe/", {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "NotRecognised")
    answer = client_for(contributor).post(f"{MODELS}churn:1/recipe/", {"sample": "{"}, format="json")
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, "sample")
    assert client_for(reader).post(f"{MODELS}churn:1/recipe/", {}, format="json").status_code == 403
    assert client_for(stranger).post(f"{MODELS}churn:1/recipe/", {}, format="json").status_code == 404
    assert client_for(contributor).post(f"{MODELS}churn:2/recipe/", {}, format="json").status_code == 404


def test_a_python_that_is_not_offered_is_said(client_for, group, contributor, settings):
    files = {f"m/{path}": data.replace(b"3.11.7", b"3.7.1") for path, data in saved.MLFLOW.items()}
    factories.make_model_version(group, name="old", files=files)
    proposed = client_for(contributor).post(f"{MODELS}old:1/recipe/", {}, format="json").json()
    assert proposed["python"] is None and any("Python 3.7" in note for note in proposed["notes"])


SAMPLES = [
    ('{"x": [1, 2]}', {"x": [1, 2]}),
    ('{"age": 41, "plan": "a"}', {"age": 41, "plan": "a"}),
    ('[{"age": 41}]', {"input_df": [{"age": 41}]}),
    ("[[1.5, 2]]", {"data": [[1.5, 2]]}),
    (
        "age,plan,ok\n41,,true\n007,b c,false\n",
        {"input_df": [{"age": 41, "plan": None, "ok": True}, {"age": "007", "plan": "b c", "ok": False}]},
    ),
    ("age\tprice\n-3\t1e-3\n0\t0.5", {"input_df": [{"age": -3, "price": 0.001}, {"age": 0, "price": 0.5}]}),
    ('name;note\n"a;b";"line\nbreak"', {"input_df": [{"name": "a;b", "note": "line\nbreak"}]}),
    ("x\n1_000\n", {"input_df": [{"x": "1_000"}]}),
    ("x\nnan\n", {"input_df": [{"x": "nan"}]}),
]


@pytest.mark.parametrize(("text", "request_"), SAMPLES, ids=[text[:20] for text, _ in SAMPLES])
def test_samples_as_people_have_them(text, request_):
    assert request_of(text) == request_


@pytest.mark.parametrize("text", ["", "one line", "a,a\n1,2", "a,b\n1", "{", ",\n1,2"])
def test_samples_that_say_nothing(text):
    with pytest.raises(ValidationError):
        request_of(text)
