"""What the pages load: only what is built from the lock file, and every icon that is asked for."""

from __future__ import annotations

import json
import re
from pathlib import Path

from deployments.models import Operation, OperationStep, Replica, Revision
from frontend.context import THEMES
from frontend.navigation import MENU
from frontend.words import EVENTS, LOOKS
from portal.accounts.events import EventTag

FRONTEND = Path(__file__).resolve().parents[2] / "frontend"
ICONS = set(json.loads((FRONTEND / "assets" / "icons.json").read_text()))


def sources() -> str:
    inside = (path for folder in ("templates", "views") for path in (FRONTEND / folder).rglob("*.*"))
    return "".join(path.read_text() for path in (*inside, *FRONTEND.glob("*.py")) if path.suffix in {".html", ".py"})


def test_every_icon_in_use_is_in_the_sprite_and_none_besides():
    text = sources()
    used = set(re.findall(r'{% icon "([a-z0-9-]+)"', text)) | set(re.findall(r'icon"?[=:] ?"([a-z0-9-]+)"', text))
    used |= set(re.findall(r'\bicon\("([a-z0-9-]+)"', text)) | set(re.findall(r'Verb\(_\("[^"]*"\), "([a-z0-9-]+)"', text))
    used |= {item.icon for item in MENU} | {look.icon for look in LOOKS.values()} | {icon for _, icon in THEMES.values()} | {"point"}
    assert used - ICONS == set()
    assert ICONS - used == set()


def test_nothing_is_loaded_from_elsewhere():
    text = sources() + "".join(path.read_text() for path in (FRONTEND / "static" / "frontend").glob("*.*"))
    assert not re.findall(r'(?:src|href)="(?:https?:)?//[^"]+"|url\(["\']?(?:https?:)?//|@import', text)


def test_versions_are_exact_and_the_lock_names_no_registry():
    package = json.loads((FRONTEND / "assets" / "package.json").read_text())
    for name, version in {**package["dependencies"], **package["devDependencies"]}.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
    lock = json.loads((FRONTEND / "assets" / "package-lock.json").read_text())
    assert not [name for name, entry in lock["packages"].items() if "resolved" in entry]


def test_every_state_and_every_event_has_words():
    states = {state for model in (Operation, OperationStep, Revision, Replica) for state in model.State.values}
    states |= {f"service:{word}" for word in ("Running", "Starting", "Updating", "Degraded", "Stopped", "Failed", "Deleting")}
    assert states - set(LOOKS) == set()
    people = {EventTag.TOKEN_ISSUED, EventTag.TOKEN_REVOKED, EventTag.USER_CREATED, EventTag.SESSION_ENDED}
    people |= {EventTag.FACTOR_ADDED, EventTag.FACTOR_REMOVED, EventTag.CODES_MADE}
    assert set(EventTag) - people - set(EVENTS) == set()
