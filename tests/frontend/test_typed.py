"""Nothing typed is lost: a session that ended meanwhile, the Back button, two presses of one button."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from playwright.sync_api import expect

from deployments.models import Environment
from tests.frontend.test_browser import browser, visit

__all__ = ["browser", "visit"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
PASSWORD = "a long pass phrase 7"


def test_what_was_typed_is_there_after_signing_in_again(visit, addresses, owner, things):
    owner.set_password(PASSWORD)
    owner.save()
    page = visit()
    page.goto(addresses["edit_model"])
    page.get_by_label("Description").fill("Typed for an hour.\nTwo lines.")
    page.get_by_label("Tags").fill("late, night")
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.locator("input[name=login]").fill(owner.username)
    page.locator("input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_label("Description")).to_have_value("Typed for an hour.\nTwo lines.")
    expect(page.get_by_text("What you had typed is here again.")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("iris:1")
    things.version.refresh_from_db()
    assert things.version.description.splitlines() == ["Typed for an hour.", "Two lines."]
    assert sorted(tag.word for tag in things.version.tags.all()) == ["late", "night"]
    # Once it is saved, the form begins with what is there.
    page.goto(addresses["edit_model"])
    expect(page.get_by_label("Tags")).to_have_value("late, night")


def test_a_code_editor_gets_its_text_back(visit, addresses, owner):
    owner.set_password(PASSWORD)
    owner.save()
    page = visit()
    page.goto(addresses["copy_manifest"])
    editor = page.get_by_role("textbox", name=re.compile("score.py"))
    editor.fill("def init():\n    pass\n\n\ndef run(data):\n    return 'mine'\n")
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    page.get_by_role("button", name="Create manifest", exact=True).click()
    page.locator("input[name=login]").fill(owner.username)
    page.locator("input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("textbox", name=re.compile("score.py"))).to_contain_text("return 'mine'")
    expect(page.locator("textarea[name=driver]")).to_have_value("def init():\n    pass\n\n\ndef run(data):\n    return 'mine'\n")


def test_back_finds_the_form_as_it_was_left_and_two_presses_are_one(visit, addresses):
    page = visit()
    page.goto(addresses["new_environment"])
    page.get_by_label("Name").fill("second")
    page.get_by_label("Description").fill("Kept for Back")
    page.get_by_role("button", name="Create environment").dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text("second")
    assert Environment.objects.filter(name="second").count() == 1
    page.go_back()
    expect(page.get_by_label("Description")).to_have_value("Kept for Back")
    button = page.get_by_role("button", name="Create environment")
    expect(button).to_be_enabled()
    page.get_by_label("Name").fill("third")
    button.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("third")
    assert Environment.objects.get(name="third").description == "Kept for Back"
    # An ordinary visit of the form begins anew.
    page.goto(addresses["new_environment"])
    expect(page.get_by_label("Description")).to_have_value("")
