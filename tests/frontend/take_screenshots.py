"""The contact sheet of docs/screens.md: `make screenshots`. Not a test of the suite, for its name is not one."""

from __future__ import annotations

import pytest
from django.conf import settings

from tests.frontend.test_browser import browser, visit

__all__ = ["browser", "visit"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

#: name -> (what stands below the picture, page, dark)
SCREENS = {
    "home": ("A group's home: what runs, what needs attention, what is next", "home", False),
    "models": ("A list: quick search, filters, saved views, columns, export", "models", False),
    "new-manifest": ("A manifest: models, scoring file, schema, dependencies, review", "new_manifest", False),
    "failed-build": ("A failed build: the cause, the line, and the change that is proposed", "failed_operation", False),
    "build": ("A build: steps, usual times, the live log", "operation", True),
    "service": ("A service: how it is called, its state, its replicas", "service", False),
    "metrics": ("Metrics", "service_metrics", True),
    "keys": ("Keys", "service_keys", False),
    "audit": ("The audit log", "audit", True),
}
MOST_BYTES = 60 * 1024


def test_take(visit, addresses, things):
    things.failed.error["cure"] = {"package": "scikit-lern", "to": "scikit-learn"}
    things.failed.save()
    folder = settings.ROOT / "docs" / "screens"
    folder.mkdir(exist_ok=True)
    rows = ["# Screens", "", "Taken by `make screenshots`.", ""]
    for name, (words, page, dark) in SCREENS.items():
        shown = visit(color_scheme="dark" if dark else "light", viewport={"width": 1000, "height": 640})
        shown.goto(addresses[page])
        shown.wait_for_timeout(500)
        shown.screenshot(path=folder / f"{name}.png")
        assert (folder / f"{name}.png").stat().st_size <= MOST_BYTES, f"{name}.png is larger than it may be"
        shown.context.close()
        rows += [f"**{words}**", "", f"![{words}](screens/{name}.png)", ""]
    (folder.parent / "screens.md").write_text("\n".join(rows))
