"""Without script too, what was typed survives a session that has ended: for the same person, in the same form, once."""

from __future__ import annotations

import re
import time
from urllib.parse import unquote

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from frontend import typed
from registry.actions.models import change_model_version

pytestmark = pytest.mark.django_db
PASSWORD = "a long pass phrase 7"
EDIT, CARD = "/g/demo/models/iris:1/edit", "/g/demo/models/iris:1/card"


class Browser:
    """What a browser without script does: it sends every field of the form that it shows, and follows where it is led."""

    def __init__(self, user):
        user.set_password(PASSWORD)
        user.save()
        self.client, self.user = Client(enforce_csrf_checks=True), user
        self.client.force_login(user)

    def open(self, address: str) -> None:
        self.show(self.client.get(address, follow=True))

    def show(self, answer) -> None:
        self.answer, self.text = answer, answer.content.decode()
        hidden = re.findall(r'<input type="hidden" name="([^"]+)"(?: id="[^"]*")? value="([^"]*)"', self.text.replace("&quot;", '"'))
        seen = re.findall(r'name="(seen)" value="([^"]+)"', self.text)
        self.hidden = {name: value.replace("&quot;", '"') for name, value in [*hidden, *seen]}

    def send(self, address: str, **fields) -> None:
        self.show(self.client.post(address, {**self.hidden, **fields}, follow=True))

    def sign_in(self, user=None) -> None:
        self.send("/accounts/login/", login=(user or self.user).username, password=PASSWORD)


@pytest.fixture
def browser(contributor, things):
    return Browser(contributor)


def ended(browser) -> None:
    Session.objects.all().delete()
    browser.client.cookies.pop("modelport", None)


def test_it_is_there_after_signing_in_and_was_not_sent(browser, things, owner):
    browser.open(EDIT)
    ended(browser)
    change_model_version(user=owner, version=things.version, tags=["theirs"])
    browser.send(EDIT, description="Typed for an hour.\nTwo <lines>.", tags="late, night", password="hunter2")
    assert browser.answer.redirect_chain == [(f"/accounts/login/?next={EDIT.replace(':', '%3A')}", 302)]
    assert "Sign in again within half an hour" in browser.text
    (kept,) = [row.get_decoded()[typed.KEPT] for row in Session.objects.all()]
    assert "hunter2" not in str(kept) and browser.hidden["csrfmiddlewaretoken"] not in str(kept)
    browser.sign_in()
    assert unquote(browser.answer.redirect_chain[-1][0]) == EDIT and "Nothing was sent yet" in browser.text
    assert "Typed for an hour.\nTwo &lt;lines&gt;.</textarea>" in browser.text and 'value="late, night"' in browser.text
    things.version.refresh_from_db()
    assert things.version.description == "Names flowers.", "nothing is sent without the person"

    # Sent by hand, it meets what somebody else did meanwhile, as it would have then.
    fields = {"description": "Typed for an hour.", "tags": "late, night"}
    browser.send(EDIT, **fields)
    assert browser.answer.status_code == 409 and "Meanwhile it became: theirs" in browser.text
    browser.send(EDIT, **fields)
    things.version.refresh_from_db()
    assert things.version.description == "Typed for an hour."
    browser.open(EDIT)
    assert "Nothing was sent yet" not in browser.text, "it comes back once"


def test_nobody_else_gets_it_nor_another_form(browser, reader, owner):
    reader.set_password(PASSWORD)
    reader.save()
    browser.open(CARD)
    ended(browser)
    browser.send(CARD, card="My own words.")
    browser.sign_in(reader)
    assert "My own words." not in browser.text
    assert all(typed.KEPT not in row.get_decoded() for row in Session.objects.all())

    browser.open("/accounts/logout/")
    second = Browser(owner)
    second.open(CARD)
    ended(second)
    second.send(CARD, card="My own words.")
    second.sign_in()
    assert "My own words." in second.text
    second.open(CARD)
    ended(second)
    second.send(CARD, card="Once more.")
    second.hidden["next"] = EDIT
    second.sign_in()
    assert "Once more." not in second.text
    second.open(CARD)
    assert "Once more." in second.text


@pytest.mark.parametrize("how", ["forged", "old", "late", "large"])
def test_what_is_not_of_one_of_our_forms_too_old_or_too_large_is_not_kept(how, browser, monkeypatch):
    browser.open(CARD)
    ended(browser)
    if how == "forged":
        browser.hidden[typed.BY] = f"{browser.user.pk}:forged"
    if how == "old":
        with monkeypatch.context() as then:
            then.setattr(typed.time, "time", lambda long_ago=time.time() - typed.OLDEST.total_seconds() - 60: long_ago)
            browser.hidden[typed.BY] = typed.mark(browser.user)
    browser.send(CARD, card="x" * typed.MOST if how == "large" else "My own words.")
    if how == "late":
        now = time.time()
        monkeypatch.setattr(typed.time, "time", lambda: now + typed.LONGEST + 1)
    else:
        assert "Sign in again within" not in browser.text
    browser.sign_in()
    assert "Nothing was sent yet" not in browser.text and all(typed.KEPT not in row.get_decoded() for row in Session.objects.all())


def test_who_cannot_prove_that_the_form_is_theirs_is_refused_before_anything_is_kept(browser):
    browser.open(CARD)
    ended(browser)
    browser.hidden.pop("csrfmiddlewaretoken")
    browser.send(CARD, card="My own words.")
    assert browser.answer.status_code == 403 and not Session.objects.exists()
