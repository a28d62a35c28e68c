"""Forms call the actions: what is made, which sentence stands at which field, and that nothing typed is lost."""

from __future__ import annotations

import base64
import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from deployments import routing
from deployments.models import Environment, Operation, Revision, Service
from registry.actions.uploads import add_uploaded_file, open_upload_set
from registry.models import Image, Manifest, ModelVersion, UploadSet
from registry.storage import store_bytes
from tests import factories

DOUBLE = "def init():\n    pass\n\n\ndef run(data):\n    return data * 2\n"
RECIPE = {"runtime": "python", "python": ""}


def fields_of(answer) -> dict[str, list[str]]:
    return answer.context["form"].errors


def file(name: str, data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


# --- models ---------------------------------------------------------------------------------------


def test_a_model_by_a_plain_form(browse, group, contributor):
    answer = browse(contributor).post("/g/demo/models/new", {"name": "iris", "tags": "a, b", "files": [file("model.pkl", b"bytes")]})
    version = ModelVersion.objects.get()
    assert answer["Location"] == "/g/demo/models/iris:1"
    assert (version.root, version.size, sorted(tag.word for tag in version.tags.all())) == ("model.pkl", 5, ["a", "b"])


def test_a_model_of_files_that_script_has_sent(browse, group, contributor):
    upload_set = open_upload_set(user=contributor, group=group)
    for path in ("net/a.bin", "net/deep/b.bin"):
        add_uploaded_file(user=contributor, upload_set=upload_set, path=path, asset=store_bytes(path.encode()))
    answer = browse(contributor).post("/g/demo/models/new", {"name": "net", "upload_set": str(upload_set.pk)})
    assert answer.status_code == 302
    version = ModelVersion.objects.get()
    assert (version.kind, version.root, version.file_count) == ("folder", "net", 2)


def test_a_refused_model_keeps_its_files_and_words(browse, group, contributor):
    client = browse(contributor)
    answer = client.post("/g/demo/models/new", {"name": "Bad Name", "description": "Kept", "files": [file("model.pkl", b"bytes")]})
    assert answer.status_code == 422
    assert "3 to 32" in fields_of(answer)["name"][0]
    text = answer.content.decode()
    assert "Bad Name" in text and "Kept" in text and "Attached already" in text and "model.pkl" in text
    assert not ModelVersion.objects.exists()
    said = re.search(r'name="upload_set" value="([^"]+)"', text)[1]
    assert client.post("/g/demo/models/new", {"name": "good-name", "upload_set": said}).status_code == 302
    assert ModelVersion.objects.get().file_count == 1


def test_a_model_without_a_file_or_with_an_empty_one(browse, group, contributor):
    client = browse(contributor)
    for files in ([], [file("empty.pkl", b"")]):
        answer = client.post("/g/demo/models/new", {"name": "iris", "files": files})
        assert answer.status_code == 422 and fields_of(answer)["files"]
    assert not ModelVersion.objects.exists()


def test_an_upload_set_of_somebody_else_is_not_there(browse, group, owner, contributor):
    upload_set = open_upload_set(user=owner, group=group)
    answer = browse(contributor).post("/g/demo/models/new", {"name": "iris", "upload_set": str(upload_set.pk)})
    assert answer.status_code == 404 and not ModelVersion.objects.exists()


def test_who_may_not_register_is_refused_before_the_body_is_read(browse, group, reader):
    before = factories.staged()
    answer = browse(reader).post("/g/demo/models/new", {"name": "iris", "files": [file("model.pkl", b"bytes")]})
    assert answer.status_code == 403 and b"This needs Contributor" in answer.content
    assert factories.staged() == before and not UploadSet.objects.exists()


def test_uploads_are_checked_against_forgery(browse, group, contributor):
    client = browse(contributor, enforce_csrf_checks=True)
    assert client.post("/g/demo/models/new", {"name": "iris", "files": [file("model.pkl", b"bytes")]}).status_code == 403
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get("/g/demo/models/new").content.decode())[1]
    form = {"name": "iris", "csrfmiddlewaretoken": token, "files": [file("model.pkl", b"bytes")]}
    assert client.post("/g/demo/models/new", form).status_code == 302


def test_describing_and_deleting_a_version(browse, things, contributor):
    client = browse(contributor)
    client.post("/g/demo/models/iris:1/edit", {"description": "New words", "tags": "x"})
    things.version.refresh_from_db()
    assert things.version.description == "New words" and [tag.word for tag in things.version.tags.all()] == ["x"]
    page = client.get("/g/demo/models/iris:1/delete").content.decode()
    assert "It is in use" in page
    answer = client.post("/g/demo/models/iris:1/delete")
    assert answer.status_code == 409 and b"is used by manifest iris:1" in answer.content
    factories.make_model_version(things.service.group, name="free")
    assert client.post("/g/demo/models/free:1/delete")["Location"] == "/g/demo/models/"


# --- manifests ------------------------------------------------------------------------------------


def test_a_manifest_of_typed_texts(browse, things, contributor):
    form = {
        "name": "net",
        "models": ["iris:1"],
        "driver": DOUBLE.replace("\n", "\r\n"),
        "sample": '{"data": 3}',
        "dependencies": "numpy==2.0\n",
        **RECIPE,
    }
    answer = browse(contributor).post("/g/demo/manifests/new", form)
    assert answer["Location"] == "/g/demo/manifests/net:1"
    manifest = Manifest.objects.get(name="net")
    assert manifest.service_schema and manifest.requirements
    assert browse(contributor).post("/g/demo/manifests/new", {**form, "build": "1"})["Location"] == "/g/demo/images/new?manifest=net:2"


def test_a_manifest_of_files(browse, things, contributor):
    form = {
        "name": "net",
        "driver_file": file("score.py", DOUBLE.encode()),
        "dependencies_file": file("environment.yml", b"dependencies:\n  - python=3.11\n  - pip:\n    - numpy\n"),
        "files": [file("extra.txt", b"more")],
        **RECIPE,
    }
    assert browse(contributor).post("/g/demo/manifests/new", form).status_code == 302
    manifest = Manifest.objects.get(name="net")
    assert sorted((row.role, row.path) for row in manifest.files.all()) == [
        ("conda", "environment.yml"),
        ("driver", "score.py"),
        ("file", "extra.txt"),
    ]
    assert manifest.python == "3.11"


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"name": "No"}, "name", "3 to 32"),
        ({"driver": ""}, "driver", ""),
        ({"driver": "def init(:"}, "driver", "line 1"),
        ({"driver": "def init():\n    pass\n"}, "driver", "run"),
        ({"sample": '{"rows": 3}'}, "driver", "rows"),
        ({"schema": "no json"}, "schema", "JSON"),
        ({"schema": "{}", "sample": '{"data": 1}'}, "sample", "not both"),
        ({"sample": "[]"}, "sample", "JSON object"),
        ({"dependencies": "-e git+https://example.org/x\n"}, "dependencies", "line 1"),
        ({"models": ["other:9"]}, "models", ""),
        ({"runtime": "cobol"}, "runtime", ""),
        ({"python": "2.7"}, "python", ""),
    ],
)
def test_every_fault_of_a_manifest_stands_at_its_field(change, field, words, browse, things, contributor):
    form = {"name": "net", "driver": DOUBLE, "description": "Kept words", **RECIPE, **change}
    answer = browse(contributor).post("/g/demo/manifests/new", form)
    assert answer.status_code == 422
    assert any(words in sentence for sentence in fields_of(answer)[field]), fields_of(answer)
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert "Kept words" in answer.content.decode()
    assert not Manifest.objects.filter(name="net").exists()


def test_a_refused_manifest_shows_the_text_of_its_files(browse, things, contributor):
    answer = browse(contributor).post(
        "/g/demo/manifests/new", {"name": "No", "driver_file": file("score.py", b"def init(): pass\n"), **RECIPE}
    )
    assert "def init(): pass" in answer.content.decode()
    assert {"name", "driver"} <= set(fields_of(answer))


# --- images, environments, services ------------------------------------------------------------------


def test_building_an_image_leads_to_its_operation(browse, things, contributor):
    answer = browse(contributor).post("/g/demo/images/new", {"manifest": "iris:1", "environment": "local", "name": "", "description": ""})
    operation = Operation.objects.get(kind="Image", state="NotStarted")
    assert answer["Location"] == f"/g/demo/operations/{operation.pk}"
    assert operation.image == Image.objects.get(name="iris", number=2)
    missing = browse(contributor).post("/g/demo/images/new", {"manifest": "", "environment": "local"})
    assert missing.status_code == 422 and fields_of(missing)["manifest"] == ["Choose a manifest."]


def test_environments_are_the_owners(browse, group, owner, contributor):
    form = {"name": "small", "target": "process", "max_replicas": "2", "max_cpu": "500m", "max_memory": "1Gi"}
    assert browse(contributor).post("/g/demo/environments/new", form).status_code == 403
    assert browse(owner).post("/g/demo/environments/new", form)["Location"] == "/g/demo/environments/small/"
    environment = Environment.objects.get(name="small")
    assert (environment.max_cpu, environment.max_memory) == (0.5, 2**30)
    taken = browse(owner).post("/g/demo/environments/new", form)
    assert taken.status_code == 409 and "name" in fields_of(taken)
    bad = browse(owner).post("/g/demo/environments/new", {**form, "name": "other", "max_memory": "lots"})
    assert bad.status_code == 422 and "512Mi" in fields_of(bad)["max_memory"][0]
    browse(owner).post("/g/demo/environments/small/edit", {"max_replicas": "5", "max_cpu": "1", "max_memory": "1Gi", "description": "d"})
    environment.refresh_from_db()
    assert environment.max_replicas == 5
    client = browse(owner)
    assert client.post("/g/demo/environments/small/test")["Location"] == "/g/demo/environments/small/"
    assert "A worker is looking" in client.get("/g/demo/environments/small/").content.decode()
    assert browse(owner).post("/g/demo/environments/small/delete").status_code == 302


DEPLOY = {
    "image": "iris:1",
    "environment": "local",
    "name": "second",
    "replicas": "1",
    "cpu": "0.5",
    "memory": "256Mi",
    "access": "key",
    "timeout": "30",
}


@pytest.fixture
def runnable(things):
    """An image that the process environment runs."""
    Image.objects.update(format="directory")
    return things


def test_deploying_shows_both_keys_once(browse, runnable, contributor):
    client = browse(contributor)
    answer = client.post("/g/demo/services/new", {**DEPLOY, "allowed_origins": "https://app.example.org"})
    service = Service.objects.get(name="second")
    assert (service.memory, service.timeout, service.allowed_origins) == (256 * 2**20, 30, ["https://app.example.org"])
    text = client.get(answer["Location"]).content.decode()
    keys = re.findall(r'value="(mp_[^"]+)"', text)
    assert len(keys) == 2 and all(service.keys.filter(last_four=key[-4:]).exists() for key in keys)
    for address in (answer["Location"], "/g/demo/services/second/keys"):
        assert keys[0] not in client.get(address).content.decode()


def test_sizes_left_empty_keep_the_usual_values(browse, runnable, contributor):
    assert browse(contributor).post("/g/demo/services/new", {**DEPLOY, "cpu": "", "memory": ""}).status_code == 302
    service = Service.objects.get(name="second")
    assert (service.cpu, service.memory) == (0.5, 512 * 2**20)


@pytest.mark.parametrize(
    ("change", "field", "status"),
    [
        ({"name": "iris"}, "name", 409),
        ({"name": "X"}, "name", 422),
        ({"replicas": "99"}, "replicas", 422),
        ({"cpu": "many"}, "cpu", 422),
        ({"memory": "1"}, "memory", 422),
        ({"image": ""}, "image", 422),
        ({"environment": "elsewhere"}, "environment", 422),
        ({"allowed_origins": "app.example.org/path"}, "allowed_origins", 422),
    ],
)
def test_every_fault_of_a_deployment_stands_at_its_field(change, field, status, browse, runnable, contributor):
    answer = browse(contributor).post("/g/demo/services/new", {**DEPLOY, **change})
    assert answer.status_code == status and fields_of(answer)[field]
    assert not Service.objects.filter(name="second").exists()


def test_an_image_of_another_kind_is_refused_at_its_field(browse, things, contributor):
    answer = browse(contributor).post("/g/demo/services/new", DEPLOY)
    assert answer.status_code == 422 and "cannot run" in fields_of(answer)["image"][0]


def test_updating_scaling_stopping_and_rolling_back(browse, runnable, contributor):
    client, service = browse(contributor), runnable.service
    form = {
        "image": "iris:1",
        "replicas": "2",
        "cpu": "0.5",
        "memory": "512Mi",
        "access": "public",
        "timeout": "60",
        "batching": "on",
        "description": "d",
    }
    answer = client.post("/g/demo/services/iris/settings", form)
    service.refresh_from_db()
    assert (service.replicas, service.access) == (2, "public") and "/operations/" in answer["Location"]
    again = client.post("/g/demo/services/iris/settings", form)
    assert again["Location"] == "/g/demo/services/iris/settings"
    client.post("/g/demo/services/iris/settings", {**form, "memory": "1Gi", "note": "more room"})
    assert Revision.objects.get(service=service, number=2).note == "more room"
    assert "/operations/" in client.post("/g/demo/services/iris/stop")["Location"]
    service.refresh_from_db()
    assert service.stopped
    assert client.get("/g/demo/services/iris/stop").status_code == 405
    client.post("/g/demo/services/iris/history/1/roll-back")
    assert Revision.objects.get(service=service, number=3).memory == 512 * 2**20


def test_deleting_a_service_wants_its_name_and_an_owner(browse, things, owner, contributor):
    assert browse(contributor).post("/g/demo/services/iris/delete", {"confirm": "iris"}).status_code == 403
    wrong = browse(owner).post("/g/demo/services/iris/delete", {"confirm": "something"})
    assert wrong.status_code == 422 and fields_of(wrong)["confirm"]
    assert "/operations/" in browse(owner).post("/g/demo/services/iris/delete", {"confirm": "iris"})["Location"]
    things.service.refresh_from_db()
    assert things.service.deleting


def test_a_key_is_regenerated_and_shown_once(browse, things, contributor, reader):
    assert browse(reader).post("/g/demo/services/iris/keys/primary/regenerate").status_code == 403
    client = browse(contributor)
    before = things.service.keys.get(slot="primary").hash
    client.post("/g/demo/services/iris/keys/primary/regenerate")
    assert things.service.keys.get(slot="primary").hash != before
    assert "mp_" in re.search(r'id="key-primary"[^>]*value="([^"]+)"', client.get("/g/demo/services/iris/keys").content.decode())[1]
    assert 'id="key-primary"' not in client.get("/g/demo/services/iris/keys").content.decode()


def test_a_new_key_lies_neither_in_the_session_nor_in_the_cookie_alone(browse, things, contributor):
    client = browse(contributor)
    client.post("/g/demo/services/iris/keys/primary/regenerate")
    [kept] = [value for name, value in client.session.items() if name.startswith("keys-")]
    [half] = [cookie for name, cookie in client.cookies.items() if name.startswith("keys-")]
    assert half["httponly"] and half["samesite"] == "Strict" and int(half["max-age"]) <= 3600
    for text in (kept, half.value):
        assert b"mp_" not in base64.b64decode(text) and "primary" not in text
    del client.cookies[half.key]
    assert 'id="key-primary"' not in client.get("/g/demo/services/iris/keys").content.decode()


def test_an_old_key_goes_on_for_the_time_it_was_given(browse, things, contributor):
    client, service = browse(contributor), things.service
    before = service.keys.get(slot="primary").hash
    client.post("/g/demo/services/iris/keys/primary/regenerate", {"grace_hours": "24"})
    old = service.keys.get(slot="primary-old")
    assert old.hash == before and timedelta(hours=23) < old.expires_at - timezone.now() <= timedelta(hours=24)
    assert "Stop it now" in client.get("/g/demo/services/iris/keys").content.decode()
    routed = {key.sha256: key.expires for key in routing.snapshot().services[0].keys}
    assert routed[old.hash] == int(old.expires_at.timestamp()) and len(routed) == 3
    client.post("/g/demo/services/iris/keys/primary/stop-old")
    assert sorted(service.keys.values_list("slot", flat=True)) == ["primary", "secondary"]
    assert client.post("/g/demo/services/iris/keys/primary/regenerate", {"grace_hours": "99"}).status_code == 422


def test_session_keys_are_for_those_who_may_score(browse, things, contributor, reader, stranger):
    assert browse(contributor).post("/g/demo/services/iris/session-key").json()["value"].startswith("mps_")
    refused = browse(reader).post("/g/demo/services/iris/session-key")
    assert refused.status_code == 403 and refused.json()["code"] == "NotAllowed"
    assert browse(stranger).post("/g/demo/services/iris/session-key").status_code == 404


# --- one step ---------------------------------------------------------------------------------------


def test_one_form_makes_everything(browse, things, contributor):
    form = {
        "name": "whole",
        "environment": "local",
        "model_files": [file("model.pkl", b"bytes")],
        "driver": DOUBLE,
        "replicas": "1",
        "cpu": "0.5",
        "memory": "512Mi",
        "access": "key",
        **RECIPE,
    }
    client = browse(contributor)
    refused = client.post("/g/demo/deploy", {**form, "driver": "def init(:"})
    assert refused.status_code == 422 and fields_of(refused)["driver"] and "model.pkl" in refused.content.decode()
    assert not ModelVersion.objects.filter(model__name="whole").exists() and not Service.objects.filter(name="whole").exists()
    said = re.search(r'name="model_set" value="([^"]+)"', refused.content.decode())[1]
    answer = client.post("/g/demo/deploy", {**form, "model_files": [], "model_set": said})
    operation = Operation.objects.get(kind="Image", state="NotStarted")
    assert answer["Location"] == f"/g/demo/deploy/{operation.pk}"
    text = client.get(answer["Location"]).content.decode()
    assert "Roll out service" in text and "To come" in text and 'id="key-primary"' in text
    assert Manifest.objects.get(name="whole").uses.get().version.name == "whole"


# --- operations -------------------------------------------------------------------------------------


def test_an_operation_is_cancelled_and_run_again(browse, things, contributor, reader):
    address = f"/g/demo/operations/{things.running.pk}"
    assert browse(reader).post(f"{address}/cancel").status_code == 403
    assert browse(contributor).post(f"{address}/cancel")["Location"] == address
    things.running.refresh_from_db()
    assert things.running.state == "Cancelled"
    late = browse(contributor).post(f"{address}/cancel")
    assert late.status_code == 409 and b"cannot become" in late.content
    again = browse(contributor).post(f"/g/demo/operations/{things.failed.pk}/rerun")
    assert "/operations/" in again["Location"] and str(things.failed.pk) not in again["Location"]
