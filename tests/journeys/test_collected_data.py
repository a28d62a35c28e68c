"""What score.py collects arrives once, masked, on the page and in a file, also when the replica that collected it is told to end or is killed."""

from __future__ import annotations

import io
import threading

import docker
import pytest

from tests.journeys.portal_process import until

PORTAL = "docker"
pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(900)]

GROUP, PATH, SERVICE = "/groups/keeping", "keeping/people", "/groups/keeping/services/people"
SCORE = b"""
import json
import time

from azureml.datacollector import ModelDataCollector


def init():
    global inputs, prediction
    inputs = ModelDataCollector("people", identifier="inputs", feature_names=["email", "age"])
    prediction = ModelDataCollector("people", identifier="prediction", feature_names=["score"])


def run(data):
    row = json.loads(data)
    time.sleep(row.get("seconds", 0))
    inputs.collect([[row["email"], row["age"]]])
    prediction.collect([[row["age"] / 100]])
    return row["age"] / 100
"""


@pytest.fixture(scope="module")
def key(portal) -> str:
    """A service that collects; its first rule comes with its second revision."""
    portal.new_group("keeping")
    words = {"name": "people", "collectModelData": "true"}
    made = portal.ask("POST", f"{GROUP}/deploy/", 202, data=words, files={"driver": ("score.py", SCORE)})
    portal.finish(made, GROUP)
    change(portal, collectRules=[{"field": "Email", "action": "mask"}], collectDays=7)
    return made["keys"]["primary"]


def change(portal, **words) -> None:
    portal.finish(portal.ask("PATCH", f"{SERVICE}/", 202, json=words), GROUP)


def call(portal, key: str, age: int, seconds: float = 0) -> bool:
    return portal.score(PATH, key, {"email": "ada@example.org", "age": age, "seconds": seconds})[0] == 200


def rows(portal, identifier: str = "inputs") -> int:
    found = portal.ask("GET", f"{SERVICE}/collected/?identifier={identifier}", 200)["value"]
    assert not sum(day["dropped"] for day in found)
    return sum(day["rows"] for day in found)


def ages(portal) -> list[int]:
    import pyarrow.parquet as parquet

    answer = portal.rest.get(f"{SERVICE}/collected/download/?as=parquet&identifier=inputs")
    assert answer.status_code == 200 and b"ada@example.org" not in answer.content
    table = parquet.read_table(io.BytesIO(answer.content)).to_pylist()
    assert {row["email"] for row in table} == {"***"}
    return sorted(row["age"] for row in table)


def test_rows_appear_on_the_page_and_in_a_file(portal, key):
    assert all(call(portal, key, age) for age in range(5))
    until(lambda: rows(portal) == rows(portal, "prediction") == 5, 30, "the rows")
    assert ages(portal) == [0, 1, 2, 3, 4]
    (day,) = {day["day"] for day in portal.ask("GET", f"{SERVICE}/collected/", 200)["value"]}
    preview = portal.ask("GET", f"{SERVICE}/collected/{day}/", 200)
    assert [line["cells"] for line in preview["rows"]] == [[["***", age], [age / 100]] for age in range(5)], "side by side, by request"
    page = portal.browser.get(f"/g/keeping/services/people/collected/{day}")
    assert page.status_code == 200 and page.text.count("***") == 5 and "0.04" in page.text and "ada@" not in page.text
    assert "stored for 7 days" in portal.browser.get("/g/keeping/services/people/collected").text


def test_a_replica_that_is_replaced_hands_over_its_last_rows(portal, key):
    """Two callers keep one call running and one waiting while the old replica is told to end: both are collected after that."""
    stop, answered, lock = threading.Event(), [], threading.Lock()

    def calling(begin: int) -> None:
        age = begin
        while not stop.is_set():
            if call(portal, key, age, 3):
                with lock:
                    answered.append(age)
            age += 1

    callers = [threading.Thread(target=calling, args=(begin,)) for begin in (100, 200)]
    for caller in callers:
        caller.start()
    try:
        change(portal, memory="300Mi")
    finally:
        stop.set()
        for caller in callers:
            caller.join(60)
    assert len(answered) >= 4
    until(lambda: rows(portal) == 5 + len(answered), 30, "a row for each answered call")
    assert ages(portal) == [0, 1, 2, 3, 4, *sorted(answered)]


def test_a_replica_that_is_killed_takes_nothing_along_that_was_fetched(portal, key):
    before = rows(portal)
    assert call(portal, key, 300)
    until(lambda: rows(portal) == before + 1, 30, "the row")
    client = docker.from_env()
    try:
        (container,) = client.containers.list(filters={"label": "modelport.service=" + PATH})
        container.kill()
    finally:
        client.close()
    until(lambda: call(portal, key, 301), 90, "the service to be back")
    until(lambda: rows(portal) == before + 2, 30, "the row of the new replica")
    assert ages(portal)[-2:] == [300, 301]
