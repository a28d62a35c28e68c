"""The contact sheet of docs/screens.md: `make screenshots`. Not a test of the suite, for its name is not one.

With MODELPORT_SCREENS=<folder> every page of the crowd is taken there as well: at 1280 px in both themes, as a phone shows it, and in Chinese.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from django.conf import settings
from PIL import Image

from deployments import system
from portal.accounts.permissions import Role
from tests import factories
from tests.frontend import crowd
from tests.frontend.test_browser import browser, visit

__all__ = ["browser", "visit"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(1200)]

DESK, PHONE = {"width": 1120, "height": 720}, {"width": 390, "height": 760}
#: name -> (what stands below the picture, page, theme, size)
SCREENS = {
    "home": ("A group's home: what runs, what needs attention, what happened", "home", "light", DESK),
    "models": ("A list: quick search, filters, saved views, columns, export", "models", "light", DESK),
    "model": ("A model: its card, versions, aliases, what stands on it", "model_name", "light", DESK),
    "deploy": ("One step: from a model file to a URL", "deploy", "light", DESK),
    "manifest": ("A manifest: models, scoring file, dependencies, schema, review", "new_manifest", "light", DESK),
    "build": ("A build: its steps, the usual time, the live log", "operation", "dark", DESK),
    "failed-build": ("A failed build: the cause, the line, and the change that is proposed", "failed_operation", "light", DESK),
    "service": ("A service: how it is called, its state, its replicas", "service", "light", DESK),
    "try": ("Try it: a form from the schema, and the answer", "service_try", "light", DESK),
    "metrics": ("Metrics of a service, a revision, a key", "service_metrics", "dark", DESK),
    "logs": ("The replicas' logs, merged", "service_logs", "light", DESK),
    "history": ("Every revision, and the way back", "service_history", "light", DESK),
    "audit": ("Who did what, and when", "audit", "dark", DESK),
    "phone-services": ("Services on a phone", "services", "light", PHONE),
    "phone-service": ("A service on a phone", "service", "dark", PHONE),
}
MOST_BYTES, COLOURS = 60 * 1024, 96
LOOKS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
    "chinese": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}, "locale": "zh-TW"},
}


@pytest.fixture
def owner(group):
    return factories.make_user(Role.OWNER, group, username="ada", is_superuser=True)


@pytest.fixture
def addresses(group, owner) -> dict[str, str]:
    return {name: f"/g/{group.name}/{address}" for name, address in crowd.fill(group, owner).items()}


@pytest.fixture(autouse=True)
def disk(monkeypatch):
    """Pictures do not tell how full the disk is on which they were taken."""
    part = system.Part("storage", "Storage", system.OK, "171.3 of 252.0 GiB free", "")
    monkeypatch.setattr(system, "storage", lambda: part)


def shown(page, address: str) -> None:
    page.goto(address)
    page.wait_for_load_state("networkidle") if "/operations/" not in address else page.wait_for_load_state()
    page.evaluate("document.fonts.ready")


def test_contact_sheet(visit, addresses):
    folder = Path(settings.ROOT) / "docs" / "screens"
    folder.mkdir(exist_ok=True)
    for picture in folder.glob("*.png"):
        picture.unlink()
    rows = ["# Screens", "", "Taken by `make screenshots` from a group as it is after a year of work.", ""]
    for name, (words, page, theme, size) in SCREENS.items():
        opened = visit(color_scheme=theme, viewport=size)
        shown(opened, addresses[page])
        taken = Image.open(io.BytesIO(opened.screenshot()))
        path = folder / f"{name}.png"
        taken.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
        assert path.stat().st_size <= MOST_BYTES, f"{path.name} has {path.stat().st_size} bytes"
        opened.context.close()
        rows += [f"**{words}**", "", f"![{words}](screens/{name}.png)", ""]
    (folder.parent / "screens.md").write_text("\n".join(rows))


@pytest.mark.skipif("MODELPORT_SCREENS" not in os.environ, reason="MODELPORT_SCREENS names the folder for a picture of every page.")
def test_every_page(visit, addresses):
    folder = Path(os.environ["MODELPORT_SCREENS"])
    folder.mkdir(parents=True, exist_ok=True)
    own = {
        "profile": "/profile",
        "users": "/users",
        "system": "/system",
        "help": "/help",
        "missing": "/g/nothing/",
        "groups": "/groups/new",
        "open_service": "/s/demo/churn-api/",
        "open_docs": "/s/demo/churn-api/docs",
    }
    wanted = os.environ.get("MODELPORT_SCREENS_OF", "").split()
    for look, options in LOOKS.items():
        opened = visit(**options)
        for name, address in {**addresses, **own}.items():
            if wanted and name not in wanted:
                continue
            shown(opened, address)
            opened.screenshot(path=folder / f"{name}-{look}.png", full_page=True)
