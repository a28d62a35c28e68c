"""Forms of people: members, groups, tokens, accounts, the first administrator, sign-in."""

from __future__ import annotations

import re

from portal.accounts import actions
from portal.accounts.models import Membership, ResourceGroup, Token, User


def fields_of(answer) -> dict[str, list[str]]:
    return answer.context["form"].errors


def test_members_come_change_and_go(browse, group, owner, contributor, stranger):
    client = browse(owner)
    assert client.post("/g/demo/members/", {"person": "nobody", "role": "reader"}).status_code == 422
    client.post("/g/demo/members/", {"person": "stranger", "role": "reader"})
    assert Membership.objects.get(user=stranger).role == "reader"
    assert client.post("/g/demo/members/", {"person": "stranger", "role": "reader"}).status_code == 409
    client.post("/g/demo/members/stranger/role", {"role": "contributor"})
    assert Membership.objects.get(user=stranger).role == "contributor"
    assert browse(contributor).post("/g/demo/members/stranger/role", {"role": "owner"}).status_code == 403
    last = client.post("/g/demo/members/owner/remove")
    assert last.status_code == 409 and b"last Owner" in last.content
    client.post("/g/demo/members/stranger/remove")
    assert not Membership.objects.filter(user=stranger).exists()


def test_a_new_group_has_an_environment(browse, stranger):
    assert browse(stranger).post("/groups/new", {"name": "mine", "description": ""})["Location"] == "/g/mine/"
    assert ResourceGroup.objects.get(name="mine").environments.exists()
    assert browse(stranger).post("/groups/new", {"name": "mine"}).status_code == 422


def test_a_token_is_shown_once_and_revoked(browse, stranger):
    client = browse(stranger)
    assert client.post("/profile", {"name": "", "days": "30"}).status_code == 422
    client.post("/profile", {"name": "laptop", "days": "30"})
    assert "mpu_" not in str(dict(client.session)) and client.cookies["token-value"]["path"] == "/profile"
    value = re.search(r'value="(mpu_[^"]+)"', client.get("/profile").content.decode())[1]
    assert value not in client.get("/profile").content.decode() and not client.cookies["token-value"].value
    token = Token.objects.get()
    client.post(f"/profile/tokens/{token.key_id}/revoke")
    assert not Token.objects.exists()


def test_accounts_are_made_by_administrators(browse, stranger):
    admin = User.objects.create(username="root", is_superuser=True)
    form = {"username": "new", "email": "", "password": "a long pass phrase 7"}
    assert browse(stranger).get("/users").status_code == browse(stranger).post("/users", form).status_code == 404
    weak = browse(admin).post("/users", {**form, "password": "123"})
    assert (
        weak.status_code == 422 and fields_of(weak)["password"] and b"123" not in re.findall(rb"<input[^>]*password[^>]*>", weak.content)[0]
    )
    browse(admin).post("/users", form)
    assert User.objects.get(username="new").check_password("a long pass phrase 7")


def test_the_one_time_link_makes_the_first_administrator(browse, db):
    link = actions.make_setup_link()
    form = {"username": "ada", "email": "", "password": "a long pass phrase 7", "again": "a long pass phrase 7"}
    client = browse(None)
    assert client.post(link, {**form, "again": "another"}).status_code == 422
    assert client.get("/setup/mpi_wrong/").status_code == 404
    assert client.post(link, form)["Location"] == "/"
    assert client.get("/").status_code == 200
    assert User.objects.get(username="ada").is_superuser
    assert browse(None).get(link).status_code == 404 and browse(None).post(link, form).status_code == 404


def test_sign_in_leads_on_and_says_the_same_for_every_wrong_try(browse, db):
    User.objects.create_user("ada", password="a long pass phrase 7")
    client = browse(None)
    wrong = client.post("/accounts/login/", {"login": "ada", "password": "no"}).content.decode()
    nobody = client.post("/accounts/login/", {"login": "nobody", "password": "no"}).content.decode()
    sentence = re.search(r'role="alert">(.*?)</div></div>', wrong, re.S)[1]
    assert sentence in nobody
    assert (
        client.post("/accounts/login/?next=/profile", {"login": "ada", "password": "a long pass phrase 7", "next": "/profile"})["Location"]
        == "/profile"
    )
    assert client.post("/accounts/logout/")["Location"] == "/accounts/login/"
