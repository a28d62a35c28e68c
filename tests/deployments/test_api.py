"""REST of deployments: work answers 202, ids people can say, one error shape, and nothing for strangers."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from deployments.models import Environment, Operation, Service
from registry.models import Image, Manifest, ModelVersion
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "/api/v1/groups/demo"


@pytest.fixture
def rest(client_for, owner, environment):
    return client_for(owner)


@pytest.fixture
def manifest(group, owner, environment):
    return factories.make_manifest(group, user=owner)


def test_from_a_manifest_to_a_running_service_and_away_again(rest, manifest, perform):
    asked = rest.post(f"{BASE}/images/", {"manifest": "iris:1"}, format="json")
    assert asked.status_code == 202
    location = asked["Operation-Location"]
    assert location.endswith(f"{BASE}/operations/{asked.json()['id']}/")
    perform(Operation.objects.get(pk=asked.json()["id"]))
    shown = rest.get(location).json()
    assert shown["state"] == "Succeeded" and shown["image"] == "iris:1" and shown["resourceLocation"].endswith("/images/iris:1/")
    assert "was done" in b"".join(rest.get(f"{BASE}/operations/{shown['id']}/steps/1/log/")).decode()

    asked = rest.post(
        f"{BASE}/services/", {"name": "iris", "image": "iris:1", "memory": "256Mi", "cpu": "250m", "replicas": 2}, format="json"
    )
    assert asked.status_code == 202 and set(asked.json()["keys"]) == {"primary", "secondary"}
    perform(Operation.objects.get(pk=asked.json()["id"]))
    service = rest.get(f"{BASE}/services/iris/").json()
    assert (service["state"], service["image"], service["memory"], service["cpu"], service["readyReplicas"]) == (
        "Running",
        "iris:1",
        "256Mi",
        0.25,
        2,
    )
    assert service["scoringUri"].endswith("/demo/iris/score")
    assert [row["name"] for row in rest.get(f"{BASE}/services/?model=iris:1").json()["value"]] == ["iris"]
    assert rest.get(f"{BASE}/services/?image=iris:9").json()["value"] == []
    keys = rest.get(f"{BASE}/services/iris/keys/")
    assert {key["slot"] for key in keys.json()} == {"primary", "secondary"} and asked.json()["keys"]["primary"] not in keys.content.decode()

    value = rest.post(f"{BASE}/services/iris/keys/primary/regenerate/").json()["value"]
    assert value.startswith("mp_") and value != asked.json()["keys"]["primary"]
    assert rest.patch(f"{BASE}/services/iris/", {"description": "new words"}, format="json").status_code == 200
    assert rest.patch(f"{BASE}/services/iris/", {"replicas": 1}, format="json").status_code == 202
    document = rest.get(f"{BASE}/services/iris/openapi.json").json()
    assert document["openapi"].startswith("3.1") and "/score" in document["paths"]
    assert rest.get(f"{BASE}/services/iris/swagger.json").json()["swagger"] == "2.0"
    assert rest.delete(f"{BASE}/services/iris/").status_code == 202


def test_one_step_makes_everything_and_names_it(rest, perform):
    form = {
        "name": "flowers",
        "modelFiles": [SimpleUploadedFile("model.pkl", b"a model")],
        "driver": SimpleUploadedFile("score.py", factories.DOUBLE),
        "dependencies": SimpleUploadedFile("requirements.txt", b"packaging\n"),
    }
    answer = rest.post(f"{BASE}/deploy/", form, format="multipart")
    assert answer.status_code == 202, answer.content
    made = answer.json()
    assert (made["models"], made["manifest"], made["image"]) == (["flowers:1"], "flowers:1", "flowers:1") and set(made["keys"]) == {
        "primary",
        "secondary",
    }
    build = perform(Operation.objects.get(pk=made["id"]))
    follower = rest.get(f"{BASE}/operations/{build.pk}/").json()["next"]
    perform(Operation.objects.get(pk=follower))
    assert rest.get(f"{BASE}/services/flowers/").json()["state"] == "Running"
    # Again with another model: the same service, the same keys, the next versions.
    form |= {
        "modelFiles": [SimpleUploadedFile("model.pkl", b"a better model")],
        "driver": SimpleUploadedFile("score.py", factories.DOUBLE),
        "dependencies": "",
    }
    form.pop("dependencies")
    again = rest.post(f"{BASE}/deploy/", {**form, "replicas": "2", "memory": "1Gi"}, format="multipart").json()
    assert again["models"] == ["flowers:2"] and again["keys"] == {}
    service = Service.objects.get()
    assert service.replicas == 1, "nothing changes before the image is there"
    build = perform(Operation.objects.get(pk=again["id"]))
    perform(build.followed_by)
    service.refresh_from_db()
    assert (service.replicas, service.memory, service.revisions.count()) == (2, 2**30, 2)


def test_one_step_can_stop_after_the_image(rest, perform):
    form = {"name": "flowers", "driver": SimpleUploadedFile("score.py", factories.DOUBLE), "imageOnly": "true"}
    made = rest.post(f"{BASE}/deploy/", form, format="multipart").json()
    assert perform(Operation.objects.get(pk=made["id"])).state == "Succeeded"
    assert made["keys"] == {} and not Service.objects.exists() and Image.objects.get().is_built


def test_one_step_tells_the_faults_of_all_parts_at_once(rest):
    form = {
        "name": "Bad Name",
        "modelFiles": [SimpleUploadedFile("model.pkl", b"a model")],
        "driver": SimpleUploadedFile("score.py", b"def run(x): return x"),
        "dependencies": SimpleUploadedFile("requirements.txt", b"--index-url http://elsewhere\n"),
    }
    details = rest.post(f"{BASE}/deploy/", form, format="multipart").json()["details"]
    assert {detail["field"] for detail in details} == {"name", "driver", "dependencies"}
    assert len([detail for detail in details if detail["field"] == "name"]) == 1


def test_one_step_is_all_or_nothing(rest):
    form = {
        "name": "flowers",
        "modelFiles": [SimpleUploadedFile("model.pkl", b"a model")],
        "driver": SimpleUploadedFile("score.py", b"def run(x): return x"),
        "replicas": "999",
    }
    answer = rest.post(f"{BASE}/deploy/", form, format="multipart")
    assert answer.status_code == 400 and {detail["field"] for detail in answer.json()["details"]} == {"driver", "replicas"}
    assert not (
        ModelVersion.objects.exists()
        or Manifest.objects.exists()
        or Image.objects.exists()
        or Service.objects.exists()
        or Operation.objects.exists()
    )


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("images/", {"manifest": "iris:99"}, 404, "manifest"),
        ("images/", {"manifest": "no such form"}, 404, "manifest"),
        ("images/", {}, 400, "manifest"),
        ("images/", {"manifest": "iris:1", "environment": "nowhere"}, 404, "environment"),
        ("images/", {"manifest": "iris:1", "name": "Bad Name"}, 400, "name"),
        ("services/", {"name": "iris", "image": "iris:99"}, 404, "image"),
        ("services/", {"name": "iris", "image": "built:1", "memory": "lots"}, 400, "memory"),
        ("services/", {"name": "iris", "image": "built:1", "replicas": 0}, 400, "replicas"),
        ("services/", {"name": "iris", "image": "built:1", "replicas": 500}, 400, "replicas"),
        ("services/", {"name": "iris", "image": "folder:1"}, 400, "image"),
        ("environments/", {"name": "x", "target": "docker"}, 400, "name"),
        ("environments/", {"name": "moon", "target": "moon"}, 400, "target"),
    ],
)
def test_bad_input_has_one_shape_names_the_field_and_leaves_nothing(rest, group, manifest, path, body, status, field):
    factories.make_image(group, name="built", manifest=manifest)
    factories.make_image(group, name="folder", manifest=manifest, format="directory")
    answer = rest.post(f"{BASE}/{path}", body, format="json")
    error = answer.json()
    assert answer.status_code == status, error
    assert set(error) == {"code", "message", "statusCode", "requestId", "details"} and error["statusCode"] == status
    assert field in {detail["field"] for detail in error["details"]}, error
    assert error["requestId"] == answer["X-Request-Id"]
    assert not Operation.objects.exists() and not Service.objects.exists() and Environment.objects.count() == 1


def test_roles_at_the_door(client_for, contributor, reader, stranger, group, environment, manifest):
    body = {"manifest": "iris:1"}
    assert client_for(None).post(f"{BASE}/images/", body, format="json").status_code == 401
    assert client_for(stranger).post(f"{BASE}/images/", body, format="json").status_code == 404
    refused = client_for(reader).post(f"{BASE}/images/", body, format="json")
    assert refused.status_code == 403 and "Reader" in refused.json()["message"] and "owner" in refused.json()["message"]
    assert client_for(contributor).post(f"{BASE}/images/", body, format="json").status_code == 202
    service = factories.make_service(group, name="kept", environment=environment)
    assert client_for(contributor).delete(f"{BASE}/services/{service.name}/").status_code == 403
    assert client_for(contributor).post(f"{BASE}/environments/", {"name": "more", "target": "fake"}, format="json").status_code == 403


def test_nothing_of_another_group_is_seen_or_borrowed(client_for, make_user, group, environment, manifest):
    other = factories.make_group("other")
    neighbour = client_for(make_user("owner", other))
    factories.make_environment(other, name="fake", target="fake")
    operation = factories.make_operation(group)
    for path in ("environments/", "images/", "services/", "operations/", "deploy/"):
        assert neighbour.get(f"{BASE}/{path}").status_code in (404, 405)
    assert neighbour.get(f"/api/v1/groups/other/operations/{operation.pk}/").status_code == 404
    borrowed = neighbour.post("/api/v1/groups/other/images/", {"manifest": str(manifest.pk)}, format="json")
    assert borrowed.status_code == 404


def test_lists_cost_a_fixed_number_of_queries(rest, group, environment, manifest, django_assert_max_num_queries):
    image = factories.make_image(group, name="many", manifest=manifest)
    for number in range(8):
        factories.make_service(group, name=f"service-{number}", image=image, environment=environment)
        factories.make_operation(group)
        cured = {"message": "There is no package scikit-lern.", "cure": {"package": "scikit-lern", "to": "scikit-learn"}}
        factories.make_operation(group, state="Failed", manifest=manifest, error=cured)
    for path in ("services/", "operations/", "environments/"):
        with django_assert_max_num_queries(10):
            assert len(rest.get(f"{BASE}/{path}").json()["value"]) >= 1


def test_pages_follow_each_other(rest, group, environment):
    for number in range(5):
        factories.make_operation(group, label=f"number {number}")
    first = rest.get(f"{BASE}/operations/?count=2").json()
    assert len(first["value"]) == 2
    second = rest.get(first["nextLink"]).json()
    third = rest.get(second["nextLink"]).json()
    labels = [row["label"] for page in (first, second, third) for row in page["value"]]
    assert sorted(labels) == [f"number {number}" for number in range(5)] and third["nextLink"] is None
    assert rest.get(f"{BASE}/operations/?count=0").status_code == 400
    assert rest.get(f"{BASE}/operations/?$skipToken=x").status_code == 400


@pytest.mark.parametrize("asked", ["0", "-1", "many", "9" * 5000, "١"])
def test_a_number_in_the_query_is_a_number(rest, group, environment, asked):
    factories.make_service(group, name="iris", environment=environment)
    answer = rest.get(f"{BASE}/services/iris/metrics/", {"revision": asked})
    assert answer.status_code == 400 and answer.json()["details"][0]["field"] == "revision"
    assert rest.get(f"{BASE}/services/iris/metrics/", {"revision": "24"}).status_code == 200
