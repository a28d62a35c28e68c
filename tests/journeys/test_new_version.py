"""A better model on the same address, and everything that may go wrong with a service that runs, on each kind of portal.

The tests of this file go on from each other; the whole way is gone once for each portal.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import Counter

import httpx2 as httpx
import pytest

from tests.journeys.portal_process import PortalProcess, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

GROUP, PATH = "/groups/versions", "versions/iris"
REQUEST = {"input_df": [{"sepal length": 3.0, "sepal width": 3.6, "petal width": 1.3, "petal length": 0.25}]}
FIRST, SECOND = (200, "setosa"), (200, "Iris-setosa")
#: passes the build's probe, and ends when it is started as a replica, which is told the service's name
DIES = b"""
import os

def init():
    if os.environ.get("SERVICE_NAME"):
        print("the feature store is not reachable from here", flush=True)
        os._exit(7)

def run(input_df):
    return len(input_df)
"""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("docker", marks=pytest.mark.docker),
        pytest.param("team", marks=[pytest.mark.docker, pytest.mark.postgres, pytest.mark.redis]),
        "process",
    ],
)
def portal(request, portals) -> PortalProcess:
    return portals.get(request.param)


@pytest.fixture(scope="module")
def keys(portal, example) -> dict[str, str]:
    """The keys of a service on the first model, made in one step by REST."""
    portal.new_group("versions")
    files = {"modelFiles": ("model.pkl", example.model.read_bytes()), **example.recipe()}
    made = portal.ask("POST", f"{GROUP}/deploy/", 202, data={"name": "iris", "python": python()}, files=files)
    assert (made["models"], made["manifest"], made["image"]) == (["iris:1"], "iris:1", "iris:1")
    portal.finish(made, GROUP)
    assert portal.score(PATH, made["keys"]["primary"], REQUEST) == FIRST
    return made["keys"]


def python() -> str:
    """Processes run under the interpreters of this machine, and the one of the tests is sure to be there."""
    return ".".join(map(str, sys.version_info[:2]))


def service(portal: PortalProcess) -> dict:
    return portal.ask("GET", f"{GROUP}/services/iris/", 200)


class Calls:
    """One call after the other from two callers, one of them on one connection, until the block is left; at most `most` each."""

    def __init__(self, portal: PortalProcess, key: str, *, most: int = 1500):
        self.portal, self.key, self.most = portal, key, most
        self.answers: Counter[str] = Counter()
        self.reconnected: list[str] = []
        self.done = threading.Event()
        self.threads = [threading.Thread(target=self._call, args=(kept,)) for kept in (True, False)]

    def _call(self, kept: bool) -> None:
        with httpx.Client() as client:
            for _ in range(self.most):
                if self.done.is_set():
                    return
                answer = self.portal.score(PATH, self.key, REQUEST, client if kept else None)
                if answer[0] == 0:
                    # A reload may end a connection just when a call comes. A client connects again; it is counted and bounded.
                    self.reconnected.append(f"{'kept' if kept else 'new'} connection: {answer[1]}")
                    answer = self.portal.score(PATH, self.key, REQUEST)
                self.answers[json.dumps(answer)] += 1
                time.sleep(0.02)

    def __enter__(self) -> Calls:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exc) -> None:
        self.done.set()
        for thread in self.threads:
            thread.join()

    def count(self, answer: tuple[int, object]) -> int:
        return self.answers[json.dumps(answer)]


def test_a_second_version_is_built_on_the_same_packages(portal, keys, example, measured):
    model = {"files": ("model.pkl", example.better.read_bytes())}
    assert portal.ask("POST", f"{GROUP}/models/", 201, data={"name": "iris"}, files=model)["ref"] == "iris:2"
    recipe = {"name": "iris", "models": "iris:2", "python": python()}
    assert portal.ask("POST", f"{GROUP}/manifests/", 201, data=recipe, files=example.recipe())["ref"] == "iris:2"
    (built,) = portal.finish(portal.ask("POST", f"{GROUP}/images/", 202, json={"manifest": "iris:2"}), GROUP)
    steps = {step["name"]: step["state"] for step in built["steps"]}
    assert steps["resolve"] == steps["environment"] == "Skipped", built["steps"]
    assert set(steps.values()) == {"Skipped", "Succeeded"} and built["image"] == "iris:2"
    seconds = {step["name"]: round(step["seconds"], 2) for step in built["steps"]}
    image = portal.ask("GET", f"{GROUP}/images/iris:2/", 200)
    measured(f"{portal.name}: image of a new version alone {image['buildSeconds']} s, of it {seconds}")


def test_it_rolls_onto_the_same_address_without_a_failed_call(portal, keys, measured):
    before = service(portal)
    with Calls(portal, keys["primary"]) as calls:
        until(lambda: calls.count(FIRST) >= 10, 30, "the first calls")
        portal.finish(portal.ask("PATCH", f"{GROUP}/services/iris/", 202, json={"image": "iris:2"}), GROUP)
        until(lambda: calls.count(SECOND) >= 10, 30, "answers of the new model")
    measured(f"{portal.name}: {calls.answers.total()} calls during a rollout: {dict(calls.answers)}, {len(calls.reconnected)} reconnected")
    assert len(calls.reconnected) <= 2, calls.reconnected
    assert set(calls.answers) == {json.dumps(FIRST), json.dumps(SECOND)}, calls.answers
    after = service(portal)
    assert (before["scoringUri"], before["image"], after["image"]) == (after["scoringUri"], "iris:1", "iris:2")
    assert portal.score(PATH, keys["secondary"], REQUEST) == SECOND
    history = portal.ask("GET", f"{GROUP}/services/iris/revisions/", 200)["value"]
    assert [(row["number"], row["state"]) for row in history] == [(2, "Serving"), (1, "Retired")]


def kill_a_replica(portal: PortalProcess) -> str:
    """By hand, behind the portal's back; the name of the one that is no more."""
    (replica,) = portal.ask("GET", f"{GROUP}/services/iris/replicas/", 200)
    if (portal.data / "replicas").exists():
        (folder,) = (portal.data / "replicas").glob(f"*/{replica['name']}")
        os.kill(json.loads((folder / "pid.json").read_text())["child"], signal.SIGKILL)
    else:
        import docker

        engine = docker.from_env()
        engine.containers.get(replica["name"]).kill()
        engine.close()
    return replica["name"]


def test_a_killed_replica_comes_back_by_itself(portal, keys, measured):
    begun, gone = time.monotonic(), kill_a_replica(portal)
    until(lambda: portal.score(PATH, keys["primary"], REQUEST)[0] == 503, 20, "the loss")
    until(lambda: portal.score(PATH, keys["primary"], REQUEST) == SECOND, 60, "the return of the replica")
    measured(f"{portal.name}: a killed replica's service answered again after {time.monotonic() - begun:.1f} s")
    shown = until(lambda: (now := service(portal))["state"] == "Running" and now, 30, "the state Running")
    assert (shown["readyReplicas"], shown["image"]) == (1, "iris:2")
    (replica,) = portal.ask("GET", f"{GROUP}/services/iris/replicas/", 200)
    assert replica["name"] != gone


def kill(portal: PortalProcess, words: str, number: int = signal.SIGKILL) -> int:
    found = portal.family(words)
    for process in found:
        process.send_signal(number)
    return len(found)


def test_calls_go_on_while_the_web_process_is_killed(portal, keys):
    with Calls(portal, keys["primary"], most=500) as calls:
        assert kill(portal, "granian") >= 2
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{portal.url}/healthz", timeout=5)
        until(lambda: httpx.get(f"{portal.url}/healthz", timeout=5).status_code == 200, 60, "the return of the web process")
    assert set(calls.answers) == {json.dumps(SECOND)} and calls.count(SECOND) >= 20, calls.answers


def test_the_gateway_alone_comes_back_with_what_was_applied_last(portal, keys):
    """Nobody could tell it: web, workers and clock stand still meanwhile."""
    others = ("granian", "celery --app portal")
    for words in others:
        assert kill(portal, words, signal.SIGSTOP)
    try:
        assert kill(portal, "haproxy") >= 1
        until(lambda: portal.score(PATH, keys["primary"], REQUEST) == SECOND, 30, "the return of the gateway")
        assert portal.score(PATH, None, REQUEST)[0] == 401
    finally:
        for words in others:
            kill(portal, words, signal.SIGCONT)


def test_a_replica_that_dies_at_start_leaves_the_old_revision_serving(portal, keys, example):
    recipe = example.recipe() | {"driver": ("score.py", DIES)}
    portal.ask("POST", f"{GROUP}/manifests/", 201, data={"name": "dies", "models": "iris:2", "python": python()}, files=recipe)
    portal.finish(portal.ask("POST", f"{GROUP}/images/", 202, json={"manifest": "dies:1"}), GROUP)
    with Calls(portal, keys["primary"]) as calls:
        update = portal.ask("PATCH", f"{GROUP}/services/iris/", 202, json={"image": "dies:1"})
        (failed,) = portal.finish(update, GROUP, state="Failed")
    assert set(calls.answers) == {json.dumps(SECOND)}, calls.answers
    assert failed["error"]["fault"] == "yours" and "while it was starting" in failed["error"]["message"]
    assert any("the feature store is not reachable" in line for line in failed["error"]["lines"])
    shown = portal.browser.get(f"/g/versions/operations/{failed['id']}").text
    assert "the feature store is not reachable" in shown and "What served before goes on serving" in shown
    now = service(portal)
    assert (now["state"], now["image"]) == ("Running", "iris:2") and "Revision 3 failed" in now["stateDetail"]


def test_it_follows_an_alias_to_a_new_version_and_back(portal, keys, example, measured):
    """Forth with an image that has to be built, back with the one that is there."""
    model = {"files": ("model.pkl", example.model.read_bytes())}
    assert portal.ask("POST", f"{GROUP}/models/", 201, data={"name": "iris"}, files=model)["ref"] == "iris:3"
    alias, followed = f"{GROUP}/models/names/iris/aliases/live", f"{GROUP}/services/iris/following/"
    portal.ask("PUT", alias, 200, json={"version": "iris:2"})
    assert portal.ask("PUT", followed, 200, json={"alias": "iris@live"})["state"] == "InStep"
    for version, answer in (("iris:3", FIRST), ("iris:2", SECOND)):
        begun = time.monotonic()
        moved = portal.ask("PUT", alias, 200, json={"version": version})
        assert moved["followers"] == [{"service": "iris", "paused": False}]
        until(lambda answer=answer: portal.score(PATH, keys["secondary"], REQUEST) == answer, 120, f"the answer of {version}")
        measured(f"{portal.name}: the service answered as {version} {time.monotonic() - begun:.1f} s after the alias was moved")
        until(lambda: portal.ask("GET", followed, 200)["state"] == "InStep", 60, "the service to be in step")
    assert portal.ask("GET", f"{GROUP}/services/iris/revisions/", 200)["value"][0]["note"] == "iris@live points at iris:2"
    portal.ask("DELETE", followed, 204)


def test_stopped_and_started_again(portal, keys):
    portal.finish(portal.ask("POST", f"{GROUP}/services/iris/stop/", 202), GROUP)
    status, said = portal.score(PATH, keys["primary"], REQUEST)
    assert (status, said["code"], said["statusCode"]) == (503, "stopped", 503)
    assert service(portal)["state"] == "Stopped"
    portal.finish(portal.ask("POST", f"{GROUP}/services/iris/start/", 202), GROUP)
    assert portal.score(PATH, keys["primary"], REQUEST) == SECOND


def test_a_regenerated_key_stops_at_once_and_the_other_goes_on(portal, keys, measured):
    new = portal.ask("POST", f"{GROUP}/services/iris/keys/primary/regenerate/", 200)["value"]
    begun = time.monotonic()
    until(lambda: portal.score(PATH, keys["primary"], REQUEST)[0] == 401, 5, "the end of the old key")
    measured(f"{portal.name}: a regenerated key's old value was refused after {time.monotonic() - begun:.2f} s")
    assert portal.score(PATH, keys["secondary"], REQUEST) == SECOND
    assert portal.score(PATH, new, REQUEST) == SECOND


def test_what_is_deleted_does_not_exist(portal, keys):
    portal.finish(portal.ask("DELETE", f"{GROUP}/services/iris/", 202), GROUP)
    assert portal.score(PATH, keys["secondary"], REQUEST)[0] == 404
    assert portal.ask("GET", f"{GROUP}/services/iris/", 404)["code"] == "NotFound"
