"""A recipe is looked at while it is written: each fault at its line, and nothing of it is run; drafts are one person's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from registry.checking import check_recipe
from registry.models import ManifestDraft
from registry.sweeping import sweep
from tests import factories

DRIVER = "import joblib\n\n\ndef init():\n    pass\n\n\ndef run(input_df):\n    return input_df\n"
BASE = "/api/v1/groups/demo/manifests"


def found(**recipe) -> list[tuple[str, int | None, str]]:
    return [
        (problem.field, problem.line, problem.level)
        for problem in check_recipe(**{"driver": DRIVER, "dependencies": "scikit-learn", **recipe})
    ]


CASES = [
    ({}, []),
    ({"driver": ""}, [("driver", None, "error")]),
    ({"driver": "def init(:\n"}, [("driver", 1, "error")]),
    ({"driver": "def init():\n    pass\n"}, [("driver", None, "error")]),
    ({"sample": '{"rows": [{"a": 1}]}'}, [("driver", 8, "error")]),
    ({"sample": "{"}, [("sample", 1, "error")]),
    ({"schema": "{\n nope"}, [("schema", 2, "error")]),
    ({"schema": "{}", "sample": "a\n1"}, [("sample", None, "error")]),
    (
        {"dependencies": "numpy\n-r x.txt\npandas==\n"},
        [("dependencies", 2, "error"), ("dependencies", 3, "error"), ("driver", 1, "warning")],
    ),
    ({"dependencies": "dependencies:\n  - &a numpy\n"}, [("dependencies", 2, "error"), ("driver", 1, "warning")]),
    ({"dependencies": ""}, [("driver", 1, "warning")]),
    ({"driver": "import helper, json\n" + DRIVER[14:], "paths": [("helper.py", "an extra file")]}, []),
    ({"paths": [("score.py", "an extra file")]}, [("files", None, "error")]),
    ({"driver": "try:\n    import ujson\nexcept ImportError:\n    ujson = None\n" + DRIVER[14:]}, []),
    ({"driver": "import pyspark.sql\n" + DRIVER[14:], "runtime": "spark-py"}, []),
    ({"driver": "import xgboost\n" + DRIVER[14:], "dependencies": "xgboost-cpu>=3\n"}, []),
]


@pytest.mark.parametrize(("recipe", "problems"), CASES, ids=range(len(CASES)))
def test_faults_stand_at_their_lines(recipe, problems):
    assert sorted(found(**recipe), key=str) == sorted(problems, key=str)


def test_the_cure_names_the_package():
    (problem,) = check_recipe(driver="import sklearn.svm\n" + DRIVER[14:], dependencies="")
    assert "Add `scikit-learn`" in problem.message
    (problem,) = check_recipe(driver="import mine\n" + DRIVER[14:], dependencies="")
    assert "extra files" in problem.message


@pytest.mark.django_db
def test_checks_over_rest_lay_out_the_image(client_for, group, contributor, reader):
    factories.make_model_version(group)
    body = {"driver": DRIVER, "dependencies": "scikit-learn", "models": ["iris:1"]}
    answer = client_for(contributor).post(f"{BASE}/check/", body, format="json")
    assert answer.status_code == 200 and answer.json()["problems"] == []
    assert [(file["path"], file["source"]) for file in answer.json()["files"]] == [
        ("score.py", ""),
        ("requirements.txt", ""),
        ("model.pkl", "model iris:1"),
    ]
    assert client_for(contributor).post(f"{BASE}/check/", {"models": ["other:1"]}, format="json").status_code == 404
    assert client_for(reader).post(f"{BASE}/check/", body, format="json").status_code == 403


@pytest.mark.django_db
def test_a_draft_is_its_writers_and_expires(client_for, group, owner, contributor, reader):
    rest = client_for(contributor)
    made = rest.post(f"{BASE}/drafts/", {"content": {"name": "iris", "driver": "a\u0000"}}, format="json")
    assert made.status_code == 201, made.content
    address = f"{BASE}/drafts/{made.json()['id']}/"
    assert rest.put(address, {"content": {"name": "iris", "driver": "b"}}, format="json").json()["content"]["driver"] == "b"
    assert [draft["name"] for draft in rest.get(f"{BASE}/drafts/").json()] == ["iris"]
    assert client_for(owner).get(address).status_code == 404 and client_for(owner).get(f"{BASE}/drafts/").json() == []
    assert client_for(reader).post(f"{BASE}/drafts/", {"content": {}}, format="json").status_code == 403
    for number in range(25):
        rest.post(f"{BASE}/drafts/", {"content": {"name": str(number)}}, format="json")
    assert ManifestDraft.objects.count() == 20
    ManifestDraft.objects.update(expires_at=timezone.now() - timedelta(days=1))
    sweep()
    assert not ManifestDraft.objects.exists()


@pytest.mark.django_db
def test_a_draft_is_let_go(client_for, group, contributor):
    rest = client_for(contributor)
    draft = rest.post(f"{BASE}/drafts/", {"content": {}}, format="json").json()["id"]
    assert rest.delete(f"{BASE}/drafts/{draft}/").status_code == 204
    assert rest.put(f"{BASE}/drafts/{draft}/", {"content": {}}, format="json").status_code == 404
