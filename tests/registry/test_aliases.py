"""Aliases: words that point at a version, are moved, and are taken wherever a version is said."""

from __future__ import annotations

import pytest

from portal.accounts.models import Event
from registry.models import Alias
from tests import factories

pytestmark = pytest.mark.django_db
ALIAS = "/api/v1/groups/demo/models/names/iris/aliases/champion"


@pytest.fixture
def versions(group, owner):
    return [factories.make_model_version(group, user=owner, files={"model.pkl": data}) for data in (b"one", b"two")]


def put(client, version: str):
    return client.put(ALIAS, {"version": version}, format="json")


def test_an_alias_is_made_moved_and_taken_wherever_a_version_is(client_for, contributor, versions):
    client = client_for(contributor)
    assert put(client, "iris:1").json()["ref"] == "iris@champion"
    assert client.get("/api/v1/groups/demo/models/iris@champion/").json()["version"] == 1
    assert put(client, str(versions[1].pk)).json()["version"] == "iris:2"
    found = client.get("/api/v1/groups/demo/models/iris@champion/").json()
    assert (found["version"], found["aliases"]) == (2, ["champion"])
    assert [one["alias"] for one in client.get(ALIAS.removesuffix("champion")).json()] == ["champion"]
    driver = {"path": "score.py", "content": "def init(): pass\ndef run(data): return data\n"}
    made = client.post("/api/v1/groups/demo/manifests/", {"name": "iris", "models": ["iris@champion"], "driver": driver}, format="json")
    assert made.status_code == 201 and made.json()["models"] == ["iris:2"]  # resolved once: moving it later changes nothing here
    put(client, "iris:1")
    assert client.get("/api/v1/groups/demo/manifests/iris:1/").json()["models"] == ["iris:2"]
    told = Event.objects.filter(tag="alias.moved").order_by("pk").values_list("data__before", "data__after")
    assert list(told) == [(None, "iris:1"), ("iris:1", "iris:2"), ("iris:2", "iris:1")]


def test_it_is_moved_only_from_where_it_is_expected(client_for, contributor, versions):
    client = client_for(contributor)

    def move(version, expected):
        answer = client.put(ALIAS, {"version": version, "expected": expected}, format="json")
        return answer.status_code, answer.json()

    assert move("iris:1", "iris:2")[0] == 412 and not Alias.objects.exists()  # it was removed, as far as this person knows
    assert move("iris:1", "")[0] == 200 and move("iris:2", "iris:1")[0] == 200
    status, said = move("iris:1", "iris:1")
    assert (status, said["details"][0]["message"]) == (412, "iris:2") and contributor.username in said["message"]
    assert move("iris:1", str(versions[1].pk))[0] == 200 and move("iris:2", None)[0] == 200  # None asks nothing


def test_a_version_that_an_alias_points_at_stays(client_for, contributor, versions):
    client = client_for(contributor)
    put(client, "iris:1")
    refused = client.delete("/api/v1/groups/demo/models/iris:1/")
    assert (refused.status_code, refused.json()["code"]) == (409, "InUse") and "iris@champion" in refused.json()["message"]
    assert client.delete(ALIAS).status_code == 204 and client.delete(ALIAS).status_code == 404
    assert client.delete("/api/v1/groups/demo/models/iris:1/").status_code == 204
    assert client.get("/api/v1/groups/demo/models/iris@champion/").status_code == 404


def test_what_is_refused(client_for, contributor, reader, stranger, group, versions):
    factories.make_model_version(group, name="other")
    client = client_for(contributor)
    assert put(client, "other:1").status_code == 404  # an alias points at versions of its own model
    assert put(client, "nothing").status_code == 404
    wrong = client.put(ALIAS.replace("champion", "NOT OK"), {"version": "iris:1"}, format="json")
    assert wrong.status_code == 400 and wrong.json()["details"][0]["field"] == "alias"
    assert put(client_for(reader), "iris:1").status_code == 403
    assert put(client_for(stranger), "iris:1").status_code == 404
    assert client_for(stranger).get(ALIAS.removesuffix("champion")).status_code == 404
    assert not Alias.objects.exists()
