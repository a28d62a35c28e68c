"""Notifications as mail: what was chosen, once, in one's language; and what happens without a mail server or while it is away."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes, policy
from smtplib import SMTPRecipientsRefused

import pytest
from aiosmtpd.controller import Controller
from django.core import mail
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.utils import timezone

from deployments import mailing, tasks
from deployments.actions.notifications import choose_mails
from deployments.models import Operation
from portal import env
from portal.accounts.actions import add_member, change_role
from registry.actions.aliases import move_alias
from registry.models import ModelVersion
from tests import factories
from tests.live_portal import free_port

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_once(settings, monkeypatch):
    settings.SENDS_MAIL = True
    monkeypatch.setattr(mailing, "SETTLED", timedelta(0))
    cache.clear()


@pytest.fixture
def person(contributor):
    contributor.email = "who@example.org"
    contributor.save()
    return contributor


def failed(group, by, label="iris:3") -> Operation:
    error = {"code": "BuildFailed", "message": "No package at https://me:hunter2@index.example.org"}
    return factories.make_operation(group, state="Failed", created_by=by, ended_at=timezone.now(), label=label, error=error)


def tick() -> list:
    """What the clock and the worker do; who was told."""
    return [pk for pk in mailing.due() if mailing.mail(pk)]


def test_what_was_chosen_comes_once_with_a_link_and_without_the_error(group, owner, person):
    assert tick() == []
    failed(group, person, "before")
    choose_mails(user=person, kinds=["operation.failed", "membership"])
    first, _second = failed(group, person), failed(group, person, "roses:1")
    factories.make_operation(group, kind="Service", label="iris", state="Waiting", heartbeat_at=timezone.now())
    assert tick() == [person.pk] and tick() == []
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["who@example.org"], "Modelport: 2 notifications")
    assert f"Build image: iris:3 failed.\nhttp://127.0.0.1:8080/g/demo/operations/{first.pk}" in sent.body
    assert "roses:1" in sent.body and "before" not in sent.body and "waits" not in sent.body
    assert "index.example.org" not in sent.body and "/profile" in sent.body

    choose_mails(user=person, language="zh-hant")
    add_member(user=owner, group=group, person=factories.make_user(username="third").username, role="reader")
    failed(group, person, "tulips:1")
    assert tick() == [person.pk]
    assert "失敗" in mail.outbox[1].subject and "tulips:1" in mail.outbox[1].subject

    choose_mails(user=person, kinds=[])
    failed(group, person)
    assert tick() == [] and len(mail.outbox) == 2


def test_everybody_who_has_news_is_found_without_asking_for_each(group, owner, person, reader, django_assert_max_num_queries):
    """As `news` tells them one by one; and a minute without news costs the same for one person and for forty."""
    crowd = [factories.make_user("contributor", group, f"crowd-{number}", email=f"{number}@example.org") for number in range(40)]
    everybody = [owner, person, reader, *crowd]
    for user in everybody:
        user.email = f"{user.username}@example.org"
        user.save()
        choose_mails(user=user, kinds=list(mailing.KINDS))
    while tick():
        pass
    with django_assert_max_num_queries(4):
        assert mailing.due() == []
    service = factories.make_service(group, created_by=crowd[0])
    now = timezone.now
    happened = [
        lambda: failed(group, crowd[1]),
        lambda: factories.make_operation(group, kind="Service", state="Succeeded", created_by=owner, service=service, ended_at=now()),
        lambda: factories.make_operation(group, kind="Service", state="Waiting", service=service, heartbeat_at=now()),
        lambda: move_alias(user=owner, version=ModelVersion.objects.get(), name="live"),
        lambda: change_role(user=owner, membership=group.memberships.get(user=reader), role="contributor"),
    ]
    for happen in happened:
        happen()
        until = now()
        expected = {user.pk for user in everybody if mailing.news(type(user).objects.get(pk=user.pk), until)}
        assert expected and set(tick()) == expected and tick() == []


def test_a_name_cannot_add_a_header(group, person):
    choose_mails(user=person, kinds=["operation.failed"])
    failed(group, person, "iris\nBcc: all@example.org")
    assert tick() == [person.pk]
    assert "\n" not in mail.outbox[0].subject and mail.outbox[0].recipients() == ["who@example.org"]


def test_while_the_server_is_away_nothing_is_lost_and_it_is_left_alone(group, person, monkeypatch, settings):
    choose_mails(user=person, kinds=["operation.failed"])
    failed(group, person)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert mailing.due() == [person.pk] and mailing.due() == [], "one message in the queue, however often the clock ticks"
    with pytest.raises(ConnectionRefusedError):
        mailing.mail(person.pk)
    with pytest.raises(OSError, match="a moment ago"):
        mailing.mail(person.pk)
    assert tasks.mail_person.autoretry_for == (OSError,) and tasks.mail_person.max_retries
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    cache.delete("mail-down")
    tasks.mail_person.apply(args=[person.pk], throw=True)
    assert len(mail.outbox) == 1 and mailing.due() == []


@pytest.mark.parametrize("value", ["2026-01-01T00:00:00", "2026-13-45T00:00:00Z", ["x"], {"kinds": ["operation.failed"], "language": []}])
@pytest.mark.parametrize("name", [mailing.CHOICE, mailing.MAILED, "notifications.seen"])
def test_what_one_person_wrote_into_their_preferences_keeps_no_mail_from_others(name, value, group, person, owner, client_for):
    owner.email = "first@example.org"
    owner.save()
    for each in (owner, person):
        choose_mails(user=each, kinds=["operation.failed"])
    assert client_for(owner).put(f"/api/v1/preferences/{name}/", {"value": value}, format="json").status_code == 200
    failed(group, person)
    assert person.pk in tick() and client_for(owner).get("/api/v1/notifications/").status_code == 200


class Kept:
    """A mail server's mailbox."""

    def __init__(self):
        self.found = []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            return "550 There is no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.found.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"


def test_a_real_server_gets_it_and_an_administrator_tries_it_by_both_doors(group, person, settings, client_for):
    box = Kept()
    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.hostname, server.port
        choose_mails(user=person, kinds=["operation.failed"], language="zh-hant")
        failed(group, person, "鳶尾花:1")
        assert tick() == [person.pk]
        to, message = box.found[0]
        assert (
            to == ["who@example.org"] and message["From"] == settings.DEFAULT_FROM_EMAIL and message["Auto-Submitted"] == "auto-generated"
        )
        assert "鳶尾花:1" in message["Subject"] and message.get_content_type() == "text/plain" and "/operations/" in message.get_content()

        gone = factories.make_user("contributor", group, "gone", email="nobody@example.org")
        choose_mails(user=gone, kinds=["operation.failed"])
        failed(group, gone)
        with pytest.raises(SMTPRecipientsRefused):
            mailing.mail(gone.pk)
        assert not cache.get("mail-down"), "one bad address keeps no mail from others"

        root = factories.make_user(username="root", email="root@example.org", is_superuser=True)
        address = "/api/v1/system/test-mail/"
        assert client_for(person).post(address).status_code == 403
        assert client_for(root).post(address).json() == {"sentTo": "root@example.org"}
        client = Client()
        client.force_login(root)
        page = client.post("/system/test-mail", follow=True).content.decode()
        assert "A mail was sent to root@example.org." in page and [to for to, _ in box.found[1:]] == [["root@example.org"]] * 2
    finally:
        server.stop()
    answer = client_for(root).post(address)
    assert answer.status_code == 503 and "did not answer: ConnectionRefusedError" in answer.json()["message"]
    settings.SENDS_MAIL = False
    assert client_for(root).post(address).json()["code"] == "NoMail" and mailing.due() == []


def test_switches_are_chosen_by_both_doors(person, client_for, settings):
    rest, address = client_for(person), "/api/v1/notifications/mail/"
    assert rest.get(address).json() == {"sendsMail": True, "address": "who@example.org", "kinds": [], "language": "en"}
    assert rest.put(address, {"kinds": ["alias.moved"]}).json()["kinds"] == ["alias.moved"]
    assert rest.put(address, {"kinds": ["weather"]}).json()["details"][0]["field"] == "kinds"
    browser = Client()
    browser.force_login(person)
    page = browser.get("/profile").content.decode()
    assert 'value="alias.moved" checked' in page and 'value="membership" checked' not in page
    assert browser.post("/profile/mails", {"kinds": ["membership", "operation.done"], "language": "zh-hant"}).status_code == 302
    assert rest.get(address).json()["kinds"] == ["operation.done", "membership"] and rest.get(address).json()["language"] == "zh-hant"
    settings.SENDS_MAIL = False
    assert "has not set up mail" in browser.get("/profile").content.decode() and rest.get(address).json()["sendsMail"] is False


def test_an_address_of_no_mail_server_is_refused_without_its_password(monkeypatch):
    for value in ("ftp://me:hunter2@mail.example.org", "smtp://", "smtp://me:hunter2@mail.example.org:port"):
        monkeypatch.setenv("MODELPORT_EMAIL_URL", value)
        with pytest.raises(ImproperlyConfigured, match="EMAIL_URL") as refused:
            env.mail("EMAIL_URL")
        assert "hunter2" not in str(refused.value)
    monkeypatch.setenv("MODELPORT_EMAIL_URL", "smtp+tls://me:p%40ss@mail.example.org:587")
    found = env.mail("EMAIL_URL")
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"], found["EMAIL_HOST_PASSWORD"], found["EMAIL_USE_TLS"]) == (
        *("mail.example.org", 587, "p@ss"),
        True,
    )
