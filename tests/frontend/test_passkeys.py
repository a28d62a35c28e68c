"""Passkeys in Chromium, with a virtual authenticator: made on the profile, used in place of the code and of the password; and how the pages look."""

from __future__ import annotations

import re

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings

from portal.accounts.models import Event, User
from tests.frontend.test_browser import browser
from tests.frontend.test_second_factor import PASSWORD, clock_of_codes, code_of  # noqa: F401  (a fixture)

__all__ = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def ada(db) -> User:
    return User.objects.create_user("ada", password=PASSWORD)


@pytest.fixture
def visit(browser, live_server):
    """visit(**options): a page in a browser of its own; whatever its scripts complain of fails the test."""
    contexts, complaints = [], []

    def open_page(**options):
        context = browser.new_context(base_url=live_server.url, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints


def with_authenticator(page):
    """A device that keeps passkeys and says yes to every question."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    kind = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": {**kind, "automaticPresenceSimulation": True}})
    return session, made["authenticatorId"]


def send(page, selector: str = "main form:not(#mfa_login) button[type=submit]") -> None:
    with page.expect_navigation():
        page.locator(selector).first.click()


def with_password(page) -> None:
    page.goto("/accounts/login/")
    page.fill("[name=login]", "ada")
    page.fill("[name=password]", PASSWORD)
    send(page)


def prove(page) -> None:
    page.fill("[name=password]", PASSWORD)
    send(page)


@pytest.mark.parametrize("alone", [True, False], ids=["without the password", "after the password"])
def test_a_passkey_is_made_and_signs_in(alone, visit, ada):
    page = visit()
    session, device = with_authenticator(page)
    with_password(page)
    page.goto("/accounts/2fa/webauthn/add/")
    prove(page)
    assert page.input_value("[name=name]") == "Chrome on Linux" and page.is_checked("[name=passwordless]")
    page.set_checked("[name=passwordless]", alone)
    send(page, "#mfa_webauthn_add")
    assert page.url.endswith("/accounts/2fa/recovery-codes/")
    assert len(session.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]) == 1
    page.goto("/profile")
    assert page.locator("#second-factor .chip").first.inner_text() == "on"
    assert (page.get_by_text("passkey, without password").count() == 1) is alone
    page.context.clear_cookies()
    if alone:
        page.goto("/accounts/login/")
        send(page, "#passkey_login")
    else:
        with_password(page)
        assert page.url.endswith("/accounts/2fa/authenticate/")
        send(page, "#mfa_webauthn_authenticate")
    page.goto("/profile")
    assert page.locator("h1").inner_text() == "Profile"
    page.goto(f"/accounts/2fa/webauthn/keys/{Authenticator.objects.get(type='webauthn').pk}/remove/")
    if not page.get_by_text("Remove the passkey").count():
        prove(page)
    send(page, "main .card form button[type=submit]")
    assert not Authenticator.objects.exists()
    assert list(Event.objects.order_by("id").values_list("tag", flat=True)) == ["factor.added", "codes.made", "factor.removed"]


def test_a_device_without_the_passkey_is_told(visit, ada):
    page = visit()
    page.goto("/accounts/login/")
    page.evaluate("() => { navigator.credentials.get = () => Promise.reject(new DOMException('no', 'NotAllowedError')); }")
    page.click("#passkey_login")
    page.get_by_text("The passkey was not used").wait_for()


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 320)])
def test_the_pages_are_accessible_and_fit(theme, width, visit, ada):
    from axe_playwright_python.sync_playwright import Axe

    page, found = visit(color_scheme=theme, viewport={"width": width, "height": 844}), []

    def look(name: str) -> None:
        answer = Axe().run(page, options=RULES)
        bad = [one for one in answer.response["violations"] if one["impact"] in ("serious", "critical")]
        found.extend(f"{name}: {one['id']} {one['nodes'][0]['html'][:160]}" for one in bad)
        wide = page.evaluate("document.documentElement.scrollWidth")
        found.extend([f"{name}: {wide} px wide"] if wide > width else [])
        assert page.locator("h1").count() == 1 and re.search(r"\S · Modelport$", page.title()), name

    page.goto("/accounts/login/")
    look("sign in")
    with_password(page)
    page.goto("/accounts/2fa/totp/activate/")
    look("proof")
    prove(page)
    look("app")
    secret = page.inner_text("#totp-secret")
    page.fill("[name=code]", code_of(secret, steps=-1))
    send(page)
    look("recovery codes")
    for name in ("recovery-codes/generate", "totp/deactivate", "webauthn/add", "reauthenticate"):
        page.goto(f"/accounts/2fa/{name}/")
        look(name)
    page.goto("/profile")
    look("profile")
    page.context.clear_cookies()
    with_password(page)
    look("code")
    page.fill("[name=code]", "no")
    send(page)
    look("wrong code")
    assert found == []


def test_the_app_needs_no_script(visit, ada):
    page = visit(java_script_enabled=False)
    with_password(page)
    page.goto("/accounts/2fa/totp/activate/")
    prove(page)
    secret = page.inner_text("#totp-secret")
    page.fill("[name=code]", code_of(secret, steps=-1))
    send(page)
    assert page.locator("#recovery-codes").inner_text().split()
    page.context.clear_cookies()
    with_password(page)
    page.fill("[name=code]", code_of(secret))
    send(page)
    assert settings.SESSION_COOKIE_NAME in {cookie["name"] for cookie in page.context.cookies()}
    page.goto("/profile")
    assert page.locator("h1").inner_text() == "Profile"
