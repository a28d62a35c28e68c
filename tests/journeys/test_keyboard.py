"""From the sign-in page to a scored request with keys alone; what has the focus is always seen, and nothing loses it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.portal_process import PASSWORD

PORTAL = "process"
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]
#: what is wrong with the element that has the focus; empty when nothing is
FOCUS = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return "nothing has the focus";
  const name = `${at.tagName} ${at.id || at.textContent.trim().slice(0, 40)}`;
  const ringed = (one) => {
    const style = getComputedStyle(one);
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
  };
  const box = at.getBoundingClientRect();
  // A hidden input shows its ring on what stands for it: its label, or the editor around it.
  const small = box.width < 2 || box.height < 2;
  const places = [at, at.closest("label"), at.closest(".cm-editor"), at.closest(".palette-field")].filter(Boolean);
  if (!places.some(ringed)) return `${name}: no ring`;
  if (small) return "";
  const inside = (value, most) => Math.min(Math.max(value, 1), most - 1);
  if (box.bottom < 1 || box.top > innerHeight - 1 || box.right < 1 || box.left > innerWidth - 1) return `${name}: outside of the window`;
  const top = document.elementFromPoint(inside((box.left + box.right) / 2, innerWidth), inside((box.top + box.bottom) / 2, innerHeight));
  if (top && !at.contains(top) && !top.contains(at)) return `${name}: covered by ${top.tagName} ${top.className}`;
  return "";
}"""


class Keys:
    """Presses keys; after each Tab it is looked at where the focus is."""

    def __init__(self, page: Page):
        self.page = page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def tab_to(self, wanted: Locator, most: int = 60) -> None:
        expect(wanted).to_be_visible()
        for _ in range(most):
            if wanted.evaluate("element => element === document.activeElement"):
                return
            self.press("Tab")
            fault = self.page.evaluate(FOCUS)
            assert not fault, f"{fault}, on the way to {wanted}"
        raise AssertionError(f"{most} times Tab did not lead to {wanted}")


def test_from_the_sign_in_page_to_a_scored_request_with_keys_alone(browser, portal):
    assert portal.browser, "the administrator is made, if another test has not"
    context = browser.new_context(base_url=portal.url, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(30_000)
    page, faults = context.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    keys, heading = Keys(page), page.locator("main").get_by_role("heading", level=1)

    page.goto("/g/demo/")
    expect(heading).to_have_text("Sign in")
    keys.tab_to(page.locator("input[name=login]"))
    page.keyboard.type("ada")
    keys.tab_to(page.locator("input[name=password]"))
    page.keyboard.type(PASSWORD)
    keys.press("Enter")
    expect(heading).to_have_text("demo")
    page.wait_for_load_state()

    # The skip link is the first stop, the lists have letters, and a row is opened with Enter.
    keys.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    keys.press("g", "s")
    expect(heading).to_contain_text("Services")
    page.wait_for_load_state()
    service = page.locator("main table").get_by_role("link", name="iris", exact=True)
    for _ in range(20):
        keys.press("j")
        assert not page.evaluate(FOCUS)
        if service.evaluate("element => element === document.activeElement"):
            break
    keys.press("Enter")
    expect(heading).to_have_text("iris")
    page.wait_for_load_state()

    # The menu of what else can be done opens, is walked through and is left again, and the focus is where it was.
    more = page.locator("summary", has_text="More")
    keys.tab_to(more)
    keys.press("Enter")
    keys.tab_to(page.locator(".more").get_by_role("link", name="Delete this service"))
    keys.press("Escape")
    expect(more).to_be_focused()
    keys.press("Control+k")
    page.keyboard.type("try")
    keys.press("Escape")
    expect(more).to_be_focused()
    keys.tab_to(page.get_by_role("navigation", name="iris").get_by_role("link", name="Try it"))
    keys.press("Enter")
    expect(heading).to_contain_text("Try it")
    page.wait_for_load_state()

    field = page.get_by_label(re.compile("sepal length, row 1"))
    keys.tab_to(field, most=80)
    keys.press("Control+a")
    page.keyboard.type("6.4")
    send = page.get_by_role("button", name="Send")
    keys.tab_to(send, most=80)
    keys.press("Space")
    expect(page.get_by_role("status").filter(has_text="200 OK")).to_be_visible()
    expect(send).to_be_focused()
    expect(page.locator("[data-try=shown]")).not_to_be_empty()
    keys.tab_to(page.get_by_role("button", name="Raw", exact=True))
    keys.press("Enter")
    expect(page.locator("[data-try=shown]")).to_contain_text(re.compile("setosa|versicolor|virginica"))
    assert faults == []
    context.close()
