"""Every page with a year's rows, the longest names and texts without a place to break: nothing scrolls sideways."""

from __future__ import annotations

import pytest

from tests.frontend import crowd
from tests.frontend.test_browser import browser, visit

__all__ = ["browser", "visit"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
#: the page's width, and what sticks out of the window without a box of its own that scrolls
WIDTH = """() => {
  const wide = document.documentElement.scrollWidth;
  if (wide <= innerWidth) return "";
  const scrolls = (one) => one && one !== document.body && (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(one).overflowX) || scrolls(one.parentElement));
  const out = [...document.querySelectorAll("body *")].filter((one) => !one.closest("details:not([open])") && one.getBoundingClientRect().right > innerWidth + 1 && !scrolls(one.parentElement));
  return `${wide} px: ${out.slice(0, 4).map((one) => one.outerHTML.slice(0, 120)).join(" | ")}`;
}"""


@pytest.fixture
def addresses(group, owner) -> dict[str, str]:
    return {name: f"/g/{group.name}/{address}" for name, address in crowd.fill(group, owner).items()}


def test_nothing_scrolls_sideways(visit, addresses):
    page, found = visit(viewport={"width": 320, "height": 640}), []
    for name, address in {**addresses, "profile": "/profile", "missing": f"/g/nothing/{crowd.LONG}"}.items():
        page.goto(address)
        for width in (320, 768, 1280):
            page.set_viewport_size({"width": width, "height": 640})
            if said := page.evaluate(WIDTH):
                found.append(f"{name} at {width}: {said}")
        page.set_viewport_size({"width": 320, "height": 640})
    assert not found, "\n".join(found)


def test_a_table_that_goes_on_to_the_right_says_so(visit, group, addresses):
    page = visit(viewport={"width": 1024, "height": 640})
    page.goto(f"/g/{group.name}/services")
    box = page.locator(".table-responsive[data-more]").first
    box.wait_for()
    box.evaluate("(one) => { one.scrollLeft = one.scrollWidth }")
    page.locator(".table-responsive:not([data-more])").first.wait_for()
