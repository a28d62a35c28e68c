"""Kept requests: one's own and shared ones, through REST."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from tests import factories

pytestmark = pytest.mark.django_db
BASE = "/api/v1/groups/demo/services/iris/examples/"


@pytest.fixture
def service(group):
    return factories.make_service(group, name="iris")


def door(user) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client


def names(user) -> list[str]:
    return [example["name"] for example in door(user).get(BASE).json()]


def test_examples_are_seen_by_their_maker_and_shared_ones_by_the_group(service, owner, contributor, reader, stranger):
    assert door(contributor).post(BASE, {"name": "mine", "body": '{"a": 1}'}).status_code == 201
    assert door(contributor).post(BASE, {"name": "ours", "body": "[1]", "shared": True}).status_code == 201
    assert names(contributor) == ["mine", "ours"]
    assert names(owner) == names(reader) == ["ours"]
    assert door(stranger).get(BASE).status_code == 404


def test_the_same_name_replaces_ones_own(service, contributor, owner):
    for body in ("1", "2"):
        door(contributor).post(BASE, {"name": "one", "body": body, "shared": True})
    door(owner).post(BASE, {"name": "one", "body": "3"})
    assert [example["body"] for example in door(owner).get(BASE).json()] == ["2", "3"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": " ", "body": "1"}, "name"),
        ({"name": "a\nb", "body": "1"}, "name"),
        ({"name": "x", "body": "{"}, "body"),
        ({"name": "x", "body": '"' + "x" * 2**18 + '"'}, "body"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_field(service, contributor, fields, field):
    answer = door(contributor).post(BASE, fields)
    assert answer.status_code == 400 and answer.json()["details"][0]["field"] == field


def test_who_may_delete(service, owner, contributor, reader):
    kept = [door(contributor).post(BASE, {"name": name, "body": "1", "shared": name != "mine"}).json()["id"] for name in ("mine", "a", "b")]
    assert door(reader).post(BASE, {"name": "x", "body": "1"}).status_code == 403
    assert door(reader).delete(f"{BASE}{kept[1]}/").status_code == 403
    assert door(owner).delete(f"{BASE}{kept[0]}/").status_code == 404
    assert door(owner).delete(f"{BASE}{kept[1]}/").status_code == 204
    assert door(contributor).delete(f"{BASE}{kept[0]}/").status_code == 204
    assert names(contributor) == ["b"]
