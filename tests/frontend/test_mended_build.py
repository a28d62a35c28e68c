"""A build that fails for a misspelled package is mended by the change that its page proposes: pages in Chromium, a real build."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from deployments import work
from deployments.actions.images import create_image
from deployments.models import Operation
from tests import factories
from tests.frontend.test_browser import browser, visit

__all__ = ["browser", "visit"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]


def numbers(page) -> list[int]:
    return page.locator(".log li").evaluate_all("lines => lines.map((line) => Number(line.dataset.n))")


def test_a_failed_build_is_fixed_by_the_proposed_change(visit, things, group, owner):
    text = b"# small and pure\nsortedcontainerrs\n"
    manifest = factories.make_manifest(group, name="double", models=[], user=owner, dependencies=("requirements.txt", text, None))
    operation = create_image(user=owner, group=group, manifest=manifest, environment=things.environment)
    work.run(operation.pk)

    page = visit()
    page.goto(f"/g/demo/operations/{operation.pk}")
    expect(page.get_by_text("There is no package called `sortedcontainerrs`").first).to_be_visible()
    expect(page).to_have_title(re.compile("^Failed: double:1"))
    expect(page.locator(".excerpt-line.this")).to_contain_text("sortedcontainerrs")
    expect(page.locator(".diff .minus")).to_have_text(re.compile("- sortedcontainerrs"))
    expect(page.locator(".diff .plus")).to_have_text(re.compile("[+] sortedcontainers"))
    page.get_by_role("button", name="Apply and build again").click()
    expect(page.locator("main").get_by_role("heading", level=1)).to_contain_text("double:2")
    expect(page.get_by_text("Manifest double:2 has the change")).to_be_visible()

    work.run(Operation.objects.get(label="double:2").pk)
    # The page, which was loaded while it waited, has followed by itself.
    expect(page.get_by_text("The image double:2 is ready.")).to_be_visible(timeout=30_000)
    expect(page).to_have_title(re.compile("^Succeeded: double:2"))
    page.reload()
    found = numbers(page)
    assert found == list(range(1, len(found) + 1)) and len(found) > 10
    page.get_by_label("Search in the log").fill("SortedContainers")
    page.keyboard.press("Enter")
    expect(page.locator(".log .hit")).to_contain_text("sortedcontainers")
