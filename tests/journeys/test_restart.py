"""A first start with its example, and a second one that finds everything again, on a machine without an engine."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.journeys.portal_process import PortalProcess, until

PORTAL = "process"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CLASSES = {"setosa", "versicolor", "virginica"}


def paste(line: str) -> list[str]:
    """What a person does with the last line of the console."""
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def last_line(portal: PortalProcess) -> str:
    """The call stands alone on the last line that the start has printed; what dies and comes back later is said below it."""
    found = portal.wait_for(r"This call works when pasted:\n\n(curl .*)\n")
    return found[1]


def everything(portal: PortalProcess) -> dict[str, list[str]]:
    """What REST shows of all groups, without what moves by itself."""
    found = {}
    for group in portal.ask("GET", "/groups/", 200)["value"]:
        for noun in ("models", "manifests", "images", "services", "environments", "operations"):
            rows = portal.ask("GET", f"/groups/{group['name']}/{noun}/?count=200", 200)["value"]
            moving = {"checkedAt", "checks", "reachable", "lastUsedAt", "seconds"}
            found[f"{group['name']}/{noun}"] = [json.dumps({key: row[key] for key in sorted(row) if key not in moving}) for row in rows]
    return found


def test_the_last_line_of_a_first_start_returns_iris_classes(portal):
    line = last_line(portal)
    assert portal.gateway in line
    answer = paste(line)
    assert answer and set(answer) <= CLASSES
    assert "Swagger " in portal.console and f"{portal.url}/g/demo/services/iris/docs" in portal.console


def test_the_first_administrator_owns_the_example(portal):
    assert portal.ask("GET", "/groups/demo/services/iris/", 200)["state"] == "Running"
    members = portal.ask("GET", "/groups/demo/members/", 200)["value"]
    assert ("ada", "owner") in [(member["username"], member["role"]) for member in members]


def test_a_second_start_has_everything_still_there(portal, measured):
    line, before = last_line(portal), everything(portal)
    assert before["demo/services"] and before["demo/models"]
    portal.stop()
    assert portal.process.returncode == 0 and "Stopped." in portal.console
    assert portal.strays() == []
    seconds = portal.start()
    measured(f"{portal.name}: a second start took {seconds:.1f} s until its last line")
    assert last_line(portal) == line
    assert set(paste(line)) <= CLASSES
    assert "First administrator" not in portal.console and "training" not in portal.console
    assert everything(portal) == before
    assert portal.browser.get("/g/demo/").status_code == 200, "the session is still good"
    until(lambda: totals(portal)["calls"] >= 4, 60, "the calls of both starts, and those that were pasted, are counted")
    assert totals(portal)["errorPercent"] == 0, "a start does not call what is not there yet"


def totals(portal: PortalProcess) -> dict:
    return portal.ask("GET", "/groups/demo/services/iris/metrics/?range=1h", 200)["totals"]
