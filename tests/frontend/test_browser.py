"""The pages in Chromium: accessible in both themes, no sideways scroll at 320 px, usable without script and by keyboard."""

from __future__ import annotations

import os
import re

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import expect, sync_playwright

from deployments.models import Replica, Service
from deployments.steplog import stamped
from registry.actions.uploads import open_upload_set
from registry.storage import store_bytes
from tests import factories
from tests.real_parts import chromium

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
CHROMIUM = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
#: not pages, or somebody else's markup in our frame
NOT_PAGES = {"service_openapi", "service_swagger", "operation_log", "running"}
OWN = {"profile": "/profile", "help": "/help", "notifications": "/notifications", "new_group": "/groups/new", "missing": "/g/nothing/"}


@pytest.fixture(scope="module")
def browser():
    """Ended with this file: while Playwright's synchronous side runs, no other test could run an event loop of its own."""
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM)
        yield started
        started.close()


@pytest.fixture
def visit(browser, live_server, client, owner, addresses):
    """visit(**options): a page signed in as the group's Owner, and every address."""
    contexts = []

    def open_page(**options):
        client.force_login(owner)
        context = browser.new_context(base_url=live_server.url, **options)
        context.set_default_timeout(30_000)
        context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": client.cookies[settings.SESSION_COOKIE_NAME].value, "url": live_server.url}]
        )
        # The test server answers WSGI, where a stream would hold a thread; live logs are looked at on a whole portal.
        context.route("**/stream?*", lambda route: route.abort())
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def pages(addresses) -> dict[str, str]:
    # What services collect is not for Readers, so its pages are not among those that every member sees.
    day = f"/g/demo/services/iris/collected/{timezone.now().date()}"
    more = {"collected_day": day, "delete_collected": f"{day}/delete"}
    Service.objects.update(open_page=True)
    more |= {"open_service": "/s/demo/iris/", "open_docs": "/s/demo/iris/docs"}
    return {**{name: address for name, address in addresses.items() if name not in NOT_PAGES}, **more, **OWN}


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390)])
def test_every_page_is_accessible_quiet_and_fits(theme, width, visit, pages):
    """Axe finds nothing serious, no script fails, and nothing scrolls sideways, at 320 px neither."""
    from axe_playwright_python.sync_playwright import Axe

    page, found = visit(color_scheme=theme, viewport={"width": width, "height": 844}), []
    here = ""
    page.on("pageerror", lambda error: found.append(f"{here}: {error}"))
    page.on("console", lambda said: found.append(f"{here}: {said.text}") if said.type == "error" and not expected(here, said) else None)
    # Swagger UI's own markup is not ours; what is around it is.
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
    for here, address in pages.items():
        page.goto(address)
        assert page.locator("html").get_attribute("data-bs-theme") == theme
        answer = Axe().run(page, context={"exclude": [["#swagger"]]}, options=options)
        for violation in answer.response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                found += [
                    f"{here}: {violation['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}" for node in violation["nodes"]
                ]
        if width < 1000:
            page.set_viewport_size({"width": 320, "height": 640})
            if (wide := page.evaluate("document.documentElement.scrollWidth")) > 320:
                found.append(f"{here}: {wide} px wide at 320 px")
            page.set_viewport_size({"width": width, "height": 844})
    assert not found, "\n".join(found)


def expected(here: str, said) -> bool:
    """The one page that is not there, and the streams that these tests switch off."""
    return here == "missing" or "/stream?" in (said.location or {}).get("url", "")


def test_lists_details_and_forms_work_without_script(visit, pages):
    page = visit(java_script_enabled=False)
    page.goto(pages["models"])
    page.get_by_role("link", name="iris:1").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("iris:1")
    page.locator("summary", has_text="More").click()
    page.get_by_role("link", name="Edit description and tags").first.click()
    page.get_by_label("Description").fill("Written without script.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Written without script.")).to_be_visible()
    page.goto(pages["services"])
    page.get_by_label("Name").first.fill("nothing-like-it")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("Nothing matches this filter")).to_be_visible()
    page.goto(pages["new_model"])
    page.locator("input[name=files]").set_input_files({"name": "plain.bin", "mimeType": "application/octet-stream", "buffer": b"bytes"})
    page.get_by_label("Name").fill("plain")
    page.get_by_role("button", name="Register model").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("plain:1")
    page.locator("summary[aria-label='Theme and language']").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.goto(pages["operation"])
    expect(page.locator(".log li").first).to_have_text("first line")


def test_files_are_chosen_and_sent_by_script_with_their_folders(visit, pages, tmp_path):
    folder = tmp_path / "net" / "deep"
    folder.mkdir(parents=True)
    (folder / "b.bin").write_bytes(b"b" * 5000)
    (folder.parent / "a.bin").write_bytes(b"a")
    page = visit()
    page.goto(pages["new_model"])
    page.locator("input[data-kind=folder]").set_input_files(str(folder.parent))
    expect(page.get_by_text("2 files, 4.9 KiB")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("net")
    page.get_by_role("button", name="Remove net/a.bin").click()
    expect(page.get_by_text("1 file,")).to_be_visible()


def test_forgotten_uploads_do_not_push_the_form_away(visit, pages, group, owner):
    for number in range(4):
        found = open_upload_set(user=owner, group=group)
        found.files.create(path=f"{number}.bin", asset=store_bytes(str(number).encode()))
    page = visit()
    page.goto(pages["new_model"])
    shown = page.locator(".returning:visible")
    expect(shown).to_have_count(2)
    expect(shown.first).to_contain_text("3.bin (1 B) has arrived and is not registered yet. Removed in 24 hours when it is not used.")
    page.get_by_text("Other uploads that were not registered (2)").click()
    expect(shown).to_have_count(4)
    shown.last.get_by_role("button", name="Discard").click()
    expect(shown).to_have_count(3)


def test_the_keyboard_reaches_the_content_and_leaves_menus(visit, pages):
    page = visit()
    page.goto(pages["home"])
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    menu = page.locator("summary[aria-label='Theme and language']")
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Light")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Light")).to_be_hidden()
    expect(menu).to_be_focused()


def test_a_rows_menu_needs_no_script(visit, pages):
    page = visit(java_script_enabled=False)
    page.goto(pages["services"])
    opener, stop = page.get_by_role("button", name="What can be done with iris"), page.get_by_role("button", name="Stop")
    opener.focus()
    page.keyboard.press("Enter")
    expect(stop).to_be_visible()
    page.keyboard.press("Escape")
    expect(stop).to_be_hidden()
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    stop.click()
    expect(page).to_have_url(re.compile("/operations/"))


def test_several_rows_are_chosen_and_deleted(visit, pages, group, owner):
    for name in ("apple", "birch", "cedar"):
        factories.make_model_version(group, name=name, files={"a": name.encode()}, user=owner)
    address = "/g/demo/models/?sort=name"
    page = visit(viewport={"width": 1280, "height": 800})
    page.goto(address)
    bar, boxes = page.locator("#several"), page.locator(".pick")
    expect(bar).to_be_hidden()
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(bar).to_contain_text("1 row chosen")
    boxes.nth(2).click(modifiers=["Shift"])
    expect(bar).to_contain_text("3 rows chosen")
    page.locator(".pick-all").check()
    expect(bar).to_contain_text("4 rows chosen")
    bar.get_by_role("button", name="Delete").click()
    page.get_by_role("heading", name="Delete 3 model versions?").wait_for()
    expect(page.locator(".several-refused")).to_contain_text("iris:1")
    page.go_back()
    page.locator("#filters input[type=search]").press_sequentially("birch")
    expect(boxes).to_have_count(1)
    boxes.focus()
    page.keyboard.press("Space")
    expect(bar).to_contain_text("1 row chosen")

    plain = visit(java_script_enabled=False, viewport={"width": 390, "height": 844})
    plain.goto(address)
    plain.get_by_label("Choose birch:1").check()
    plain.locator("#several").get_by_role("button", name="Delete").click()
    plain.get_by_role("button", name="Delete").click()
    expect(plain.get_by_role("status").first).to_contain_text("Delete: done for 1 row.")
    expect(plain.get_by_label("Choose birch:1")).to_have_count(0)


def test_a_session_key_is_put_into_the_calls_to_paste(visit, pages):
    page = visit()
    page.goto(pages["service"])
    page.get_by_role("button", name="Put a key of mine in").click()
    expect(page.locator("#snippet-curl")).to_contain_text(re.compile(r"Bearer mps_\w+"))
    key = re.search(r"mps_[\w-]+", page.locator("#snippet-curl").text_content())[0]
    for language in ("curl", "python", "javascript", "powershell"):
        text = page.locator(f"#snippet-{language}").text_content()
        assert text.count(key) == 1 and "MODELPORT_KEY" not in text, language
        assert key in page.locator(f".snippet:has(#snippet-{language}) button").get_attribute("data-copy")


def test_the_menu_of_a_small_screen_opens_and_closes(visit, pages):
    page = visit(viewport={"width": 390, "height": 844})
    page.goto(pages["home"])
    expect(page.locator("#rail")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    page.locator("#rail").get_by_role("link", name="Services").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Services")


def test_a_page_that_moves_follows_by_itself(visit, pages):
    page = visit()
    page.goto(pages["service"])
    expect(page.locator(".replicas .state")).to_have_text("Ready")
    page.locator(".replicas a").focus()
    Replica.objects.update(state="crashed", detail="MemoryError in init().")
    expect(page.locator(".replicas .state")).to_have_text("Crash-looping")
    expect(page.get_by_text("MemoryError in init().").first).to_be_visible()
    expect(page.locator(".replicas a")).to_be_focused()
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    expect(page.locator("#signed-out")).to_contain_text("You are signed out. Sign in")
    expect(page.locator("#signed-out a")).to_have_attribute("href", re.compile(r"/accounts/login/\?next=%2Fg%2Fdemo%2Fservices%2Firis%2F$"))
    expect(page.locator(".replicas .state")).to_have_text("Crash-looping")


def test_the_palette_is_worked_by_keyboard(visit, pages):
    page = visit()
    page.goto(pages["models"])
    page.keyboard.press("/")
    field = page.get_by_role("combobox", name="Search")
    expect(field).to_be_focused()
    field.fill("iris")
    first = page.locator("#palette-hits [role=option]").first
    expect(first).to_contain_text("iris:1")
    expect(first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(first).to_have_attribute("aria-selected", "false")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("main").get_by_role("heading", level=1)).to_contain_text("iris:1")
    page.wait_for_load_state()  # the heading stands before the script that listens
    page.keyboard.press("Control+k")
    expect(page.locator("#palette-hits").get_by_role("group", name="Pages")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()
    for key in "gs":
        page.keyboard.press(key)
    expect(page.locator("main").get_by_role("heading", level=1)).to_contain_text("Services")
    page.wait_for_load_state()
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="iris", exact=True).first).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_be_visible()


def test_lines_of_a_long_log_are_found_and_addressed(visit, things):
    things.log.write_bytes(b"".join(stamped(f"line {number} of many", timezone.now()) for number in range(1, 20_001)))
    things.running.cancel()
    page = visit()
    page.goto(f"/g/demo/operations/{things.running.pk}#L7000-L7002")
    expect(page.locator(".log .picked")).to_have_count(3)
    expect(page.locator("#L7000")).to_have_text("line 7000 of many")
    page.get_by_label("Search in the log").fill("line 15555 of")
    page.keyboard.press("Enter")
    expect(page.locator(".log .hit")).to_have_text("line 15555 of many")
    first = page.locator(".log li").first
    for _ in range(7):
        before = first.get_attribute("id")
        page.locator("[data-earlier]").first.click()
        expect(first).not_to_have_attribute("id", before)
    expect(page.locator(".log li"), "what lies far from the place is taken out of the page").to_have_count(5000)
