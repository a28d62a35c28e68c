"""Signing in with a second factor: set up on the profile, asked for after the password, spare codes, taken away by an administrator."""

from __future__ import annotations

import re
import time
from types import SimpleNamespace

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core.management import CommandError, call_command
from django.test import Client

from portal.accounts import actions
from portal.accounts.models import Event, Membership, User
from portal.accounts.second_factors import passkeys_work, remove_second_factor
from portal.errors import Conflict, NotAllowed

PASSWORD = "a long pass phrase 7"


@pytest.fixture(autouse=True)
def clock_of_codes(monkeypatch) -> None:
    """Codes are of one moment: a test that a half minute ends in would show a code that is two steps old."""
    now = time.time()
    monkeypatch.setattr(totp, "time", SimpleNamespace(time=lambda: now))


def code_of(secret: str, *, steps: int = 0) -> str:
    return totp.format_hotp_value(totp.hotp_value(secret, int(totp.time.time()) // 30 + steps))


def wrong_code(secret: str) -> str:
    near = {code_of(secret, steps=step) for step in (-2, -1, 0, 1, 2)}
    return next(code for code in ("123456", "654321", "111111", "222222", "333333", "444444") if code not in near)


@pytest.fixture
def ada(db) -> User:
    return User.objects.create_user("ada", password=PASSWORD)


def with_password(name: str = "ada") -> tuple[Client, str]:
    """A browser after the password was typed, and where it was sent."""
    client = Client()
    return client, client.post("/accounts/login/", {"login": name, "password": PASSWORD})["Location"]


def prove(client: Client) -> None:
    answer = client.post("/accounts/reauthenticate/?next=/profile", {"password": PASSWORD})
    assert answer["Location"] == "/profile"


def set_up(client: Client) -> str:
    """The whole way as a person goes it; the secret."""
    prove(client)
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    secret = re.search(r'id="totp-secret">([A-Z2-7]+)<', page)[1]
    assert 'src="data:image/svg+xml;base64,' in page
    answer = client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret, steps=-1)})
    assert answer["Location"] == "/accounts/2fa/recovery-codes/", "the spare codes are shown next"
    return secret


def recovery_codes(client: Client) -> list[str]:
    page = client.get("/accounts/2fa/recovery-codes/").content.decode()
    return re.search(r'id="recovery-codes">([\d\s]+)<', page)[1].split()


@pytest.fixture
def protected(ada) -> str:
    """Ada has a second factor; its secret."""
    return set_up(with_password()[0])


def test_it_is_set_up_on_the_profile_and_a_wrong_code_is_refused(ada):
    client, _ = with_password()
    page = client.get("/profile").content.decode()
    assert "/accounts/2fa/totp/activate/" in page and "Recovery codes" not in page
    assert client.get("/accounts/2fa/totp/activate/")["Location"].startswith("/accounts/reauthenticate/")
    prove(client)
    client.get("/accounts/2fa/totp/activate/")
    secret = client.session[totp.SECRET_SESSION_KEY]
    refused = client.post("/accounts/2fa/totp/activate/", {"code": wrong_code(secret)})
    assert refused.status_code == 200 and b"Incorrect code." in refused.content and not Authenticator.objects.exists()
    set_up(client)
    page = client.get("/profile").content.decode()
    assert "/accounts/2fa/totp/deactivate/" in page and "10 of 10 are unused" in page
    assert list(Event.objects.order_by("id").values_list("tag", "actor__username")) == [("factor.added", "ada"), ("codes.made", "ada")]


def test_signing_in_asks_for_the_code(protected):
    client, asked = with_password()
    assert asked == "/accounts/2fa/authenticate/"
    assert client.get("/profile")["Location"].startswith("/accounts/login/"), "the password alone lets nobody in"
    page = client.get(asked)
    assert b"One more step" in page.content and b'inputmode="numeric"' in page.content
    refused = client.post(asked, {"code": wrong_code(protected)})
    assert b"Incorrect code." in refused.content and client.get("/profile").status_code == 302
    assert client.post(asked, {"code": code_of(protected)})["Location"] == "/"
    assert client.get("/profile").status_code == 200


def test_a_code_is_taken_once(protected, monkeypatch):
    first, asked = with_password()
    second, _ = with_password()
    code = code_of(protected, steps=1)
    assert first.post(asked, {"code": code}).status_code == 302
    # allauth itself would have forgotten it by now, though it is still good.
    monkeypatch.setattr(totp.TOTP, "_mark_code_used", lambda self, code: True)
    assert b"Incorrect code." in second.post(asked, {"code": f"{code[:3]} {code[3:]}"}).content


def test_a_recovery_code_works_once(protected, ada):
    client, asked = with_password()
    client.post(asked, {"code": code_of(protected)})
    prove(client)
    codes = recovery_codes(client)
    assert len(codes) == len(set(codes)) == 10
    saved = client.get("/accounts/2fa/recovery-codes/download/")
    assert saved["Content-Disposition"].startswith("attachment") and saved.content.decode().split() == codes
    for works in (True, False):
        again, asked = with_password()
        assert (again.post(asked, {"code": codes[3]}).status_code == 302) is works
    assert "9 of 10 are unused" in client.get("/profile").content.decode()
    client.post("/accounts/2fa/recovery-codes/generate/")
    assert not set(recovery_codes(client)) & set(codes)


def test_tries_are_counted(protected, settings):
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "2/5m/key"}
    client, asked = with_password()
    for _ in range(2):
        assert b"Incorrect code." in client.post(asked, {"code": wrong_code(protected)}).content
    refused = client.post(asked, {"code": code_of(protected)})
    assert refused.status_code == 200 and b"Too many failed login attempts" in refused.content


def test_who_took_over_a_browser_must_prove_who_they_are(protected, browse, ada):
    for path in ("totp/deactivate/", "recovery-codes/", "recovery-codes/generate/", "recovery-codes/download/"):
        client = browse(ada)
        answer = client.get(f"/accounts/2fa/{path}")
        assert answer.status_code == 302 and "reauthenticate" in answer["Location"], path
        assert b"Is it you?" in client.get(answer["Location"]).content
    client = browse(ada)
    client.post("/accounts/2fa/totp/deactivate/")
    assert Authenticator.objects.count() == 2
    assert client.post("/accounts/reauthenticate/?next=/accounts/2fa/totp/deactivate/", {"password": "wrong"}).status_code == 200
    assert Authenticator.objects.count() == 2
    # What was asked before the password is done after it.
    client.post("/accounts/reauthenticate/?next=/accounts/2fa/totp/deactivate/", {"password": PASSWORD})
    assert not Authenticator.objects.exists()
    assert Event.objects.filter(tag="factor.removed", actor=ada, data={"factors": ["totp"]}).count() == 1
    assert with_password()[1] == "/"


def test_tokens_are_not_asked(protected, ada, client_for):
    _, value = actions.issue_token(user=ada, name="script")
    assert client_for(None).get("/api/v1/groups/", headers={"Authorization": f"Bearer {value}"}).status_code == 200


def test_allauths_own_lists_lead_to_the_profile(browse, ada):
    for path in ("sessions/", "2fa/"):
        assert browse(ada).get(f"/accounts/{path}")["Location"] == "/profile"


def test_an_administrator_takes_a_lost_one_away(protected, ada, browse, stranger):
    admin = User.objects.create_user("root", password=PASSWORD, is_superuser=True)
    client, _ = with_password("root")
    page = client.get("/users").content.decode()
    assert page.count("/second-factor") == 1 and "/users/ada/second-factor" in page
    assert (
        browse(stranger).get("/users/ada/second-factor").status_code == browse(stranger).post("/users/ada/second-factor").status_code == 404
    )
    assert "login" in browse(None).post("/users/ada/second-factor")["Location"]
    assert client.get("/users/ada/second-factor")["Location"].startswith("/accounts/reauthenticate/")
    prove(client)
    assert b"Remove the second factor of ada?" in client.get("/users/ada/second-factor").content
    assert client.get("/users/stranger/second-factor").status_code == 404, "there is none"
    assert client.post("/users/ada/second-factor")["Location"] == "/users"
    assert with_password()[1] == "/" and not Authenticator.objects.exists()
    event = Event.objects.get(tag="factor.removed")
    assert event.actor == admin and event.subject_label == "ada" and event.data["by_administrator"] is True


def test_ones_own_is_taken_away_on_the_profile_alone(protected, ada):
    ada.is_superuser = True
    ada.save()
    with pytest.raises(Conflict, match="on your profile"):
        remove_second_factor(user=ada, person=ada)
    with pytest.raises(NotAllowed):
        remove_second_factor(user=User.objects.create(username="eve"), person=ada)
    assert Authenticator.objects.count() == 2


def test_from_the_command_line(protected, ada):
    User.objects.create(username="eve")
    for name, words in (("nobody", "Nobody here"), ("eve", "no second factor")):
        with pytest.raises(CommandError, match=words):
            call_command("remove_second_factor", name)
    call_command("remove_second_factor", "ada")
    assert with_password()[1] == "/"
    assert Event.objects.get(tag="factor.removed").actor_label == User.SYSTEM


def test_owners_see_who_has_one_and_others_do_not(protected, ada, group, owner, reader, browse):
    for person in (ada, *(User.objects.create(username=f"member-{number}") for number in range(5))):
        Membership.objects.create(group=group, user=person, role="reader")
    page = browse(owner).get("/g/demo/members/").content.decode()
    rows = [row for row in page.split("<tr>") if 'data-label="Two-factor"' in row]
    assert [">yes<" in row for row in rows] == ["<strong>ada<" in row for row in rows] and len(rows) == 8
    assert "Two-factor" not in browse(reader).get("/g/demo/members/").content.decode()


@pytest.mark.parametrize(
    ("host", "secure", "works"),
    [
        ("modelport.example.org", True, True),
        ("modelport.example.org", False, False),
        ("localhost:8080", False, True),
        ("127.0.0.1:8080", False, False),
        ("[::1]:8080", True, False),
    ],
)
def test_passkeys_are_offered_where_browsers_make_them(host, secure, works, rf, ada):
    assert passkeys_work(rf.get("/", headers={"Host": host}, secure=secure)) is works
    client = Client(headers={"Host": host})
    client.force_login(ada)
    assert ("/accounts/2fa/webauthn/add/" in client.get("/profile", secure=secure).content.decode()) is works
    assert ("passkey_login" in Client(headers={"Host": host}).get("/accounts/login/", secure=secure).content.decode()) is works


def test_a_made_up_passkey_lets_nobody_in(protected, ada):
    client = Client()
    options = client.get("/accounts/2fa/webauthn/login/", headers={"Accept": "application/json"}).json()
    assert options["request_options"]["publicKey"]["challenge"]
    for credential in ("", "{}", "nothing", '{"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {"userHandle": "MQ"}}'):
        assert client.post("/accounts/2fa/webauthn/login/", {"credential": credential})["Location"] == "/accounts/login/"
    assert client.get("/profile").status_code == 302
