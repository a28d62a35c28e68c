"""Manifests: everything that can be seen without running the code is checked, at its field, in words, through both doors."""

from __future__ import annotations

import base64
import json
import pickle

import pytest
from django.core.exceptions import ValidationError

from portal.errors import Conflict, NotAllowed
from registry.actions.manifests import create_manifest, delete_manifest
from registry.models import Asset, Manifest, ModelFile
from registry.storage import read_asset, store_bytes
from tests import factories
from tests.factories import DOUBLE, staged

pytestmark = pytest.mark.django_db

DRIVER = ("score.py", b"def init():\n    pass\n\n\ndef run(input_df):\n    return input_df\n")


def numbers_schema() -> tuple[str, bytes]:
    from scoring.schema import infer

    return "service_schema.json", json.dumps(infer({"input_df": [1, 2]}).to_json()).encode()


@pytest.fixture
def iris(group):
    return factories.make_model_version(group)


def test_a_manifest_with_everything(door, group, contributor, iris):
    conda = b"name: x\ndependencies:\n  - python=3.11\n  - numpy=1.26\n  - pip:\n    - scikit-learn==1.4.0\n"
    answer = door(contributor).create_manifest(
        group,
        name="iris",
        models=["iris:1"],
        driver=DRIVER,
        schema=numbers_schema(),
        dependencies=("conda.yml", conda),
        files={"lib/helper.py": b"X = 1", "notes.txt": b"n"},
        description="Words",
    )
    assert answer.ok, answer
    manifest = Manifest.objects.get()
    assert (str(manifest), manifest.runtime, manifest.python, manifest.description) == ("iris:1", "python", "3.11", "Words")
    assert [(file.role, file.path) for file in manifest.files.all()] == [
        ("conda", "conda.yml"),
        ("driver", "score.py"),
        ("file", "lib/helper.py"),
        ("file", "notes.txt"),
        ("schema", "service_schema.json"),
    ]
    assert read_asset(manifest.driver.asset) == DRIVER[1]
    assert sorted(line.split("==")[0] for line in manifest.requirements.splitlines()) == ["numpy", "scikit-learn"]
    assert list(manifest.service_schema["input"]) == ["input_df"]
    assert [str(version) for version in manifest.model_versions.all()] == ["iris:1"]
    assert staged() == []


def test_the_least_is_a_scoring_file(door, group, contributor):
    assert door(contributor).create_manifest(group, name="bare", driver=("score.py", DOUBLE)).ok
    manifest = Manifest.objects.get()
    assert manifest.service_schema is None and manifest.requirements == "" and not manifest.uses.exists()


def a_pickle(code: str) -> str:
    """A schema file whose pickle would run `code`."""

    class Evil:
        def __reduce__(self):
            return eval, (code,)

    return base64.b64encode(pickle.dumps(Evil())).decode()


def original_schema(pickled: str) -> bytes:
    return json.dumps({"input": {"input_df": {"internal": pickled, "swagger": {}, "type": 3}}}).encode()


BAD = [
    ("name", {"name": "Iris"}, "3 to 32 characters"),
    ("driver", {"driver": None}, "init() and run()"),
    ("driver", {"driver": ("score.py", b"")}, "empty"),
    ("driver", {"driver": ("score.py", b"def init(:\n")}, "line 1 is not Python"),
    ("driver", {"driver": ("score.py", b"def run(x):\n    pass\n")}, "no function init()"),
    ("driver", {"driver": ("score.py", b"def init():\n    pass\n")}, "no function run()"),
    ("driver", {"driver": ("score.txt", DRIVER[1])}, "must end in .py"),
    ("driver", {"driver": ("score.py", b"a;" * 2**17 + b"a")}, "the most is 262,144"),
    (
        "driver",
        {"driver": ("score.py", DRIVER[1].replace(b"input_df", b"data")), "schema": "numbers"},
        "run() takes `data`, the schema calls its input `input_df`",
    ),
    ("schema", {"schema": ("s.json", b"{not json")}, "JSON"),
    ("schema", {"schema": ("s.json", b'{"a": 1}')}, "s.json"),
    ("schema", {"schema": ("s.json", b"")}, "empty"),
    ("schema", {"schema": ("s.json", original_schema(a_pickle("1")))}, "eval"),
    ("dependencies", {"dependencies": ("requirements.txt", b"numpy\n-r other.txt\n")}, "line 2"),
    ("dependencies", {"dependencies": ("requirements.txt", b"--index-url http://evil.example/\n")}, "line 1"),
    ("dependencies", {"dependencies": ("requirements.txt", b"numpy @ file:///etc/passwd\n")}, "line 1"),
    ("dependencies", {"dependencies": ("requirements.txt", b"https://evil.example/x.whl\n")}, "line 1"),
    ("dependencies", {"dependencies": ("conda.yml", b"dependencies:\n  - &a numpy\n  - *a\n")}, "line 2"),
    ("dependencies", {"dependencies": ("conda.yml", b"dependencies: !!python/object:os.system x\n")}, "conda.yml"),
    ("dependencies", {"dependencies": ("requirements.txt", b"")}, "empty"),
    ("runtime", {"runtime": "cntk-py"}, "no runtime 'cntk-py'"),
    ("python", {"python": "2.7"}, "not offered"),
    ("files", {"files": {"score.py": b"x"}}, "Two files have the path score.py"),
    ("files", {"files": {"model.pkl": b"x"}}, "model.pkl"),
    ("files", {"files": {"SCORE.py": b"x"}}, "upper and lower case"),
    ("files", {"files": {"../x": b"x"}}, "may not contain"),
]


@pytest.mark.parametrize(("field", "part", "words"), BAD, ids=[f"{field}-{index}" for index, (field, _, _) in enumerate(BAD)])
def test_bad_input_is_refused_at_its_field(door, group, contributor, iris, field, part, words):
    part = {**part, **({"schema": numbers_schema()} if part.get("schema") == "numbers" else {})}
    answer = door(contributor).create_manifest(group, **{"name": "iris", "models": ["iris:1"], "driver": DRIVER, **part})
    assert answer.status == 400, answer
    assert list(answer.fields) == [field], answer
    if not (door.name == "html" and field in ("runtime", "python")):  # a select box refuses in its own words
        assert words in " ".join(answer.fields[field])
    assert not Manifest.objects.exists() and staged() == []


def test_the_pickle_of_a_schema_is_never_run(group, contributor, tmp_path):
    mark = tmp_path / "was here"
    with pytest.raises(ValidationError) as refused:
        create_manifest(
            user=contributor,
            group=group,
            name="iris",
            driver=DRIVER,
            schema=("s.json", original_schema(a_pickle(f"open({str(mark)!r}, 'w')"))),
        )
    assert "schema" in refused.value.message_dict and not mark.exists()


def test_all_faults_are_told_at_once(group, contributor, iris):
    with pytest.raises(ValidationError) as refused:
        create_manifest(
            user=contributor,
            group=group,
            name="X",
            models=[iris, iris],
            driver=("score.py", b"def run(x): pass"),
            schema=("s.json", b"no"),
            dependencies=("requirements.txt", b"-e .", None),
            files=[("score.py", store_bytes(b"1"))],
            runtime="cobol",
        )
    assert set(refused.value.message_dict) == {"name", "models", "driver", "schema", "dependencies", "files", "runtime"}
    assert not Manifest.objects.exists()


def test_two_models_at_one_path_are_refused_by_name(group, contributor, iris):
    again = factories.make_model_version(group)
    with pytest.raises(ValidationError) as refused:
        create_manifest(user=contributor, group=group, name="iris", models=[iris, again], driver=DRIVER)
    assert "model.pkl (model iris:1 and model iris:2)" in str(refused.value) or "model.pkl (model iris:2 and model iris:1)" in str(
        refused.value
    )


def test_a_neighbours_model_cannot_be_borrowed(door, group, contributor, iris):
    other = factories.make_group("other")
    theirs = factories.make_model_version(other, name="secret")
    for said in ("secret:1", str(theirs.pk), "iris:2", "nonsense"):
        answer = door(contributor).create_manifest(group, name="iris", models=[said], driver=DRIVER)
        assert answer.status in (400, 404) and "models" in answer.fields, answer
    with pytest.raises(Conflict):
        create_manifest(user=contributor, group=group, name="iris", models=[theirs], driver=DRIVER)
    assert not Manifest.objects.exists()


def test_a_model_of_another_group_is_404_in_rest(client_for, group, contributor):
    theirs = factories.make_model_version(factories.make_group("other"), name="secret")
    body = {"name": "iris", "models": [str(theirs.pk)], "driver": {"path": "score.py", "content": DRIVER[1].decode()}}
    answer = client_for(contributor).post("/api/v1/groups/demo/manifests/", body, format="json")
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (404, "models")


def test_python_comes_from_the_conda_file_or_is_the_usual_one(group, contributor, settings):
    conda = ("conda.yml", b"dependencies:\n  - python=3.12\n", None)
    common = {"user": contributor, "group": group, "name": "iris", "driver": DRIVER}
    assert create_manifest(**common).python == settings.PYTHON_VERSIONS[0]
    assert create_manifest(**common, dependencies=conda).python == "3.12"
    with pytest.raises(ValidationError) as refused:
        create_manifest(**common, dependencies=conda, python="3.11")
    assert list(refused.value.message_dict) == ["python"]


def test_what_a_pip_file_is_called_does_not_matter(group, contributor):
    common = {"user": contributor, "group": group, "name": "iris", "driver": DRIVER}
    assert create_manifest(**common, dependencies=("deps", b"numpy==1.26.4\n", None)).file("pip") is not None
    assert create_manifest(**common, dependencies=("deps", b"dependencies:\n  - numpy\n", None)).file("conda") is not None


def test_small_texts_of_two_manifests_are_stored_once(group, contributor):
    for _ in range(2):
        create_manifest(user=contributor, group=group, name="iris", driver=DRIVER)
    assert Manifest.objects.count() == 2 and Asset.objects.count() == 1


def test_readers_and_strangers(door, group, reader, stranger):
    assert door(reader).create_manifest(group, name="iris", driver=DRIVER).status == 403
    assert door(stranger).create_manifest(group, name="iris", driver=DRIVER).status == 404
    with pytest.raises(NotAllowed):
        create_manifest(user=reader, group=group, name="iris", driver=DRIVER)


def test_deletion(door, group, contributor):
    image = factories.make_image(group)
    answer = door(contributor).delete_manifest(group, "iris:1")
    assert answer.status == 409 and "iris:1 is used by image iris:1" in answer.message
    image.delete()
    assert door(contributor).delete_manifest(group, "iris:1").ok
    assert not Manifest.objects.exists() and ModelFile.objects.count() == 1


def test_a_reader_deletes_nothing(group, reader):
    manifest = factories.make_manifest(group)
    with pytest.raises(NotAllowed):
        delete_manifest(user=reader, manifest=manifest)


TEXT = "gANjYXp1cmVtbC5hcGkuc2NoZW1hLnB5dGhvblV0aWwKUHl0aG9uU2NoZW1hCnEAKYFxAX1xAlgJAAAAZGF0YV90eXBlcQNjYnVpbHRpbnMKc3RyCnEEc2Iu"


@pytest.mark.parametrize("example", ['"a\\u0000b"', '"a\\ud800b"', "1e999"])
def test_a_sample_that_no_database_keeps_is_refused_at_its_field(group, contributor, example):
    document = f'{{"input": {{"x": {{"type": 0, "internal": "{TEXT}", "swagger": {{"type": "string", "example": {example}}}}}}}}}'
    with pytest.raises(ValidationError) as refused:
        factories.make_manifest(group, user=contributor, models=[], schema=("service_schema.json", document.encode()))
    assert "schema" in refused.value.message_dict
