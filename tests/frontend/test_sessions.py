"""Where somebody is signed in: on the profile, ended from there, and forgotten when they ended otherwise."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deployments import reconcile
from portal.accounts import actions
from portal.accounts.models import Event, User
from portal.accounts.sessions import device_of, sessions_of

PASSWORD = "a long pass phrase 7"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"


@pytest.fixture
def ada(db) -> User:
    return User.objects.create_user("ada", password=PASSWORD)


@pytest.fixture
def sign_in(ada):
    """sign_in(agent, address): a browser that went through the page to sign in on."""

    def make(agent: str = FIREFOX, address: str = "127.0.0.1", user=ada, **headers) -> Client:
        client = Client(headers={"User-Agent": agent, **headers}, REMOTE_ADDR=address)
        answer = client.post("/accounts/login/", {"login": user.username, "password": PASSWORD})
        assert answer.status_code == 302 and answer["Location"] == "/", answer
        return client

    return make


def signed_in(client: Client) -> bool:
    return client.get("/profile").status_code == 200


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Windows"),
        (IPHONE, "Safari on iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0", "Edge on macOS"),
        ("Mozilla/5.0 (Linux; Android 10; K) Chrome/142.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        ("python-requests/2.32", "Unknown device"),
        ("", "Unknown device"),
    ],
)
def test_a_browser_has_a_name(agent, words):
    assert device_of(agent) == words


def test_the_profile_tells_this_device_and_the_others(sign_in):
    sign_in(IPHONE, "203.0.113.9")
    text = sign_in().get("/profile").content.decode()
    assert "Firefox on Windows" in text and "Safari on iPhone" in text and "203.0.113.9" in text
    assert text.count(">this device<") == 1 and text.index("Firefox on Windows") < text.index("Safari on iPhone")
    assert text.count("/profile/sessions/") == 2, "one other, and all others"


def test_one_session_is_ended_and_the_other_goes_on(sign_in, ada):
    phone, desk = sign_in(IPHONE, "203.0.113.9"), sign_in()
    row = UserSession.objects.get(ip="203.0.113.9")
    assert desk.post(f"/profile/sessions/{row.pk}/end")["Location"] == "/profile#sessions"
    assert not signed_in(phone) and signed_in(desk)
    event = Event.objects.get(tag="session.ended")
    assert event.actor == ada and event.data == {"device": "Safari on iPhone", "address": "203.0.113.9"}
    assert desk.post(f"/profile/sessions/{row.pk}/end").status_code == 404


def test_the_log_has_one_language(sign_in):
    sign_in(IPHONE)
    desk = sign_in()
    row = UserSession.objects.exclude(session_key=desk.session.session_key).get()
    desk.post(f"/profile/sessions/{row.pk}/end", headers={"Accept-Language": "zh-hant"})
    assert Event.objects.get(tag="session.ended").data["device"] == "Safari on iPhone"


def test_all_others_are_ended(sign_in):
    others, desk = [sign_in(IPHONE), sign_in()], sign_in()
    assert "Signed out in 2 other places." in desk.post("/profile/sessions/end-others", follow=True).content.decode()
    assert not any(map(signed_in, others)) and signed_in(desk)
    assert UserSession.objects.count() == Session.objects.filter(session_key__in=UserSession.objects.values("session_key")).count() == 1


def test_nobody_ends_a_session_of_somebody_else(sign_in, stranger, browse):
    desk = sign_in()
    row = UserSession.objects.get()
    other = browse(stranger)
    assert other.post(f"/profile/sessions/{row.pk}/end").status_code == 404
    other.post("/profile/sessions/end-others")
    assert signed_in(desk) and FIREFOX not in other.get("/profile").content.decode()
    assert browse(None).post(f"/profile/sessions/{row.pk}/end").status_code == 302 and signed_in(desk)


def test_a_new_password_keeps_this_session_and_ends_the_others(sign_in, ada):
    phone, desk = sign_in(IPHONE), sign_in()
    new = {"oldpassword": PASSWORD, "password1": "another long phrase 8", "password2": "another long phrase 8"}
    assert desk.post("/accounts/password/change/", new).status_code == 302
    assert signed_in(desk) and not signed_in(phone)
    ada.refresh_from_db()
    assert [one.device for one in sessions_of(ada, None)] == ["Firefox on Windows"]


def test_a_password_set_from_the_command_line_empties_the_list(sign_in, ada):
    sign_in()
    ada.set_password("another long phrase 8")
    ada.save()
    assert sessions_of(ada, None) == []


def test_ended_sessions_vanish_and_are_swept(sign_in, ada):
    sign_in(IPHONE).post("/accounts/logout/")
    expired, desk = sign_in(), sign_in()
    Session.objects.filter(session_key=expired.session.session_key).update(expire_date=timezone.now() - timedelta(minutes=1))
    assert len(sessions_of(ada, desk.session.session_key)) == 1
    reconcile.housekeeping()
    assert [row.session_key for row in UserSession.objects.all()] == [desk.session.session_key]


@pytest.mark.parametrize(("proxies", "address"), [(0, "10.0.0.1"), (1, "203.0.113.9"), (2, "198.51.100.7")])
def test_the_address_is_the_one_that_limits_count(sign_in, settings, proxies, address):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    sign_in(address="10.0.0.1", **{"X-Forwarded-For": "198.51.100.7, 203.0.113.9"})
    assert UserSession.objects.get().ip == address


def test_proxies_that_were_promised_and_are_missing_refuse_no_page(browse, stranger, settings):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 3
    assert browse(stranger, headers={"X-Forwarded-For": "203.0.113.9"}).get("/profile").status_code == 200
    assert not UserSession.objects.exists()


def test_a_visit_is_written_once_a_minute(browse, stranger):
    client = browse(stranger)
    client.get("/profile")
    long_ago = timezone.now() - timedelta(hours=1)
    UserSession.objects.update(last_seen_at=long_ago)
    with CaptureQueriesContext(connection) as asked:
        client.get("/profile")
    assert not [query for query in asked if query["sql"].startswith(("INSERT", "UPDATE"))]
    assert UserSession.objects.get().last_seen_at == long_ago
    caches["seen"].clear()
    with CaptureQueriesContext(connection) as asked:
        client.get("/profile")
    assert len([query for query in asked if "usersessions" in query["sql"] and query["sql"].startswith("INSERT")]) == 1
    assert timezone.now() - UserSession.objects.get().last_seen_at < timedelta(minutes=1)


def test_a_token_is_no_session(browse, stranger):
    _, value = actions.issue_token(user=stranger, name="script")
    for client in (browse(None), browse(stranger)):
        assert client.get("/api/v1/groups/", headers={"Authorization": f"Bearer {value}"}).status_code == 200
    assert not UserSession.objects.exists()


def test_a_made_up_cookie_is_nobody(browse, settings, db):
    client = browse(None)
    client.cookies[settings.SESSION_COOKIE_NAME] = "made\\303\\244-up" * 40
    assert client.get("/help").status_code == 200 and not UserSession.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_under_asgi_too(stranger):
    client = AsyncClient()

    async def visit():
        await client.aforce_login(stranger)
        return await client.get("/profile")

    assert asyncio.run(visit()).status_code == 200
    assert UserSession.objects.get().user == stranger
