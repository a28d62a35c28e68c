"""Personal tokens: shown once, kept as a hash, refused when wrong, old, revoked or their person's account is closed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from rest_framework.test import APIClient

from portal import keys
from portal.accounts import actions
from portal.accounts.authentication import user_of_token
from portal.accounts.models import Token
from portal.errors import NotFound
from tests import factories

pytestmark = pytest.mark.django_db
URL = "/api/v1/groups/"


def with_token(value: str) -> APIClient:
    return APIClient(headers={"Authorization": f"Bearer {value}"})


@pytest.fixture
def issued(owner):
    return actions.issue_token(user=owner, name="laptop")


def test_a_token_signs_in_and_only_its_hash_is_kept(group, owner, issued):
    token, value = issued
    answer = with_token(value).get(URL)
    assert answer.status_code == 200 and [row["name"] for row in answer.json()["value"]] == ["demo"]
    assert value not in str(list(Token.objects.values())) and token.hash == keys.digest(value)
    assert Token.objects.get().last_used_at is not None


def changed(value: str) -> str:
    return value[:-1] + ("A" if value[-1] != "A" else "B")


@pytest.mark.parametrize(
    "make",
    [changed, lambda v: v + "x", lambda v: v[:-1], lambda v: v.replace("mpu_", "mp_"), lambda v: "", lambda v: "mpu_", lambda v: v.upper()],
)
def test_a_wrong_token_is_401(issued, make):
    answer = APIClient(headers={"Authorization": f"Bearer {make(issued[1])}"}).get(URL)
    assert answer.status_code == 401 and answer.json()["code"] == "Unauthenticated" and answer["WWW-Authenticate"].startswith("Bearer")


def test_a_token_that_is_over(issued, owner):
    _, value = issued
    Token.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert user_of_token(value) is None
    Token.objects.update(expires_at=None)
    assert user_of_token(value) == owner
    owner.is_active = False
    owner.save()
    assert user_of_token(value) is None


def test_a_token_is_never_read_from_the_address(issued):
    assert APIClient().get(f"{URL}?token={issued[1]}&access_token={issued[1]}").status_code == 401


def test_revoking(issued, owner):
    token, value = issued
    with pytest.raises(NotFound):
        actions.revoke_token(user=factories.make_user(), token=token)
    actions.revoke_token(user=owner, token=token)
    assert with_token(value).get(URL).status_code == 401


def test_the_value_is_in_one_answer_only(client_for, owner):
    client = client_for(owner)
    made = client.post("/api/v1/tokens/", {"name": "ci", "days": 1}, format="json").json()
    assert made["value"].startswith("mpu_") and made["lastFour"] == made["value"][-4:]
    listed = client.get("/api/v1/tokens/")
    assert [row["name"] for row in listed.json()["value"]] == ["ci"] and made["value"] not in listed.content.decode()
    assert client_for(factories.make_user()).delete(f"/api/v1/tokens/{made['keyId']}/").status_code == 404
    assert client.delete(f"/api/v1/tokens/{made['keyId']}/").status_code == 204


@pytest.mark.parametrize(("name", "days", "field"), [("", 1, "name"), ("x", 0, "days"), ("x", 4000, "days")])
def test_bad_tokens(owner, name, days, field):
    with pytest.raises(ValidationError) as refused:
        actions.issue_token(user=owner, name=name, days=days)
    assert list(refused.value.message_dict) == [field] and not Token.objects.exists()


def test_keys_have_their_shape_and_never_repeat():
    made = [keys.make(keys.SERVICE) for _ in range(200)]
    assert len({key.value for key in made}) == len({key.key_id for key in made}) == 200
    for key in made:
        assert len(key.value) == len("mp_") + 12 + 1 + 43 and keys.key_id_of(key.value, keys.SERVICE) == key.key_id
        assert keys.key_id_of(key.value, keys.PERSON) is None and len(key.hash) == 64
