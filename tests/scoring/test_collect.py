"""Collecting is bounded, is joined by request id, leaves the caller's objects alone and never fails a request."""

from __future__ import annotations

import http.client
import json

import pandas
import pytest

from scoring import collect
from tests.scoring.conftest import IRIS_BODY


@pytest.fixture
def spool(monkeypatch):
    fresh = collect.Spool(limit=4000)
    monkeypatch.setattr(collect, "spool", fresh)
    monkeypatch.setattr(collect, "_rules", None)
    monkeypatch.setattr(collect, "_models", ())
    monkeypatch.setenv("AML_MODEL_DC_STORAGE_ENABLED", "true")
    return fresh


def test_the_frame_is_not_changed_and_can_be_collected_twice(spool):
    frame = pandas.DataFrame({"a": [1.0, float("nan")]})
    before = frame.copy()
    collector = collect.ModelDataCollector("model.pkl", identifier="inputs")
    collector.collect(frame, user_correlation_id="mine")
    collector.collect(frame)
    pandas.testing.assert_frame_equal(frame, before)
    batches = json.loads(spool.pull(0))["batches"]
    assert [each["sequence"] for each in batches] == [1, 2]
    assert batches[0]["columns"] == ["a"] and batches[0]["rows"] == [[1.0], [None]]
    assert batches[0]["correlationId"] == "mine" and batches[0]["identifier"] == "inputs"


def test_lists_and_arrays(spool):
    import numpy

    collector = collect.ModelDataCollector("m", feature_names=["x", "y"])
    collector.collect(numpy.array([1, 2]))
    collector.collect([[1, 2], [3, 4]])
    collector.collect("nonsense")
    collector.collect(object())
    batches = json.loads(spool.pull(0))["batches"]
    assert [each["rows"] for each in batches] == [[[1, 2]], [[1, 2], [3, 4]]]
    assert batches[0]["columns"] == ["x", "y"]


def test_the_ring_is_bounded_and_counts_what_it_lost(spool):
    collector = collect.ModelDataCollector("m")
    for index in range(200):
        collector.collect([index, "x" * 100])
    assert spool.size <= spool.limit
    found = json.loads(spool.pull(0))
    assert found["dropped"] == 200 - len(found["batches"])
    assert found["batches"][-1]["sequence"] == 200
    collector.collect(["x" * 100_000])
    assert json.loads(spool.pull(200))["dropped"] == found["dropped"] + 1


def test_pulling_acknowledges(spool):
    collector = collect.ModelDataCollector("m")
    for index in range(5):
        collector.collect([index])
    first = json.loads(spool.pull(0, most=1))
    assert len(first["batches"]) == 1 and first["more"] and first["next"] == 1
    assert [each["sequence"] for each in json.loads(spool.pull(1))["batches"]] == [2, 3, 4, 5]
    assert json.loads(spool.pull(5))["batches"] == []
    assert spool.size == 0


def test_a_number_of_another_spool_acknowledges_nothing(spool):
    collect.ModelDataCollector("m").collect([1])
    found = json.loads(collect.answer("after=7&spool=another"))
    assert found["spool"] == spool.id and [each["sequence"] for each in found["batches"]] == [1]
    assert json.loads(collect.answer(f"after=1&spool={spool.id}"))["batches"] == []
    with pytest.raises(ValueError):
        collect.answer("after=-1")


def test_losses_are_told_by_stream(spool):
    for index in range(60):
        collect.ModelDataCollector("m", "inputs", model_version="3").collect([index, "x" * 100])
    found = json.loads(spool.pull(0))
    assert found["lost"] == [{"model": "m", "modelVersion": "3", "identifier": "inputs", "rows": found["dropped"]}]


def test_rules_are_applied_before_a_row_is_kept_or_printed(spool, monkeypatch, capsys):
    import os

    fields = {"E-Mail": "mask", "person": "hash", "iban": "drop"}
    monkeypatch.setenv("MODELPORT_COLLECT_RULES", json.dumps({"key": "k", "fields": fields}))
    monkeypatch.setenv("AML_MODEL_DC_DEBUG", "true")
    collect.configure([])
    assert "MODELPORT_COLLECT_RULES" not in os.environ
    given = [
        {"e-mail": "ada@example.org", "person": "ada", "iban": "DE00", "deep": {"IBAN": "DE00", "list": [{"e-mail": "ada@example.org"}]}},
        {"e-mail": None, "person": "ada", "iban": None, "deep": 1},
    ]
    collect.ModelDataCollector("m").collect(given)
    batch = json.loads(spool.pull(0))["batches"][0]
    assert batch["columns"] == ["e-mail", "person", "deep"]
    masked, hashed, deep = batch["rows"][0]
    assert masked == "***" and len(hashed) == 32 and deep == {"list": [{"e-mail": "***"}]}
    assert batch["rows"][1] == [None, hashed, 1], "what is missing stays missing; equal values have equal hashes"
    kept = json.dumps(batch) + capsys.readouterr().out
    assert "ada@example.org" not in kept and "DE00" not in kept and given[0]["iban"] == "DE00"


def test_rules_hold_for_rows_that_are_too_wide_for_columns(spool, monkeypatch):
    monkeypatch.setattr(spool, "limit", 10**6)
    monkeypatch.setenv("MODELPORT_COLLECT_RULES", json.dumps({"key": "", "fields": {"c7": "mask"}}))
    collect.ModelDataCollector("m").collect([{f"c{index}": "secret" if index == 7 else index for index in range(2500)}])
    batch = json.loads(spool.pull(0))["batches"][0]
    assert batch["columns"] == ["values"] and batch["rows"][0][0][6:9] == [6, "***", 8]


def test_a_collector_is_known_by_the_name_of_the_model_in_the_image(spool):
    collect.configure([{"name": "iris", "version": 3, "id": "x", "path": "model.pkl"}])
    for said in ("model.pkl", "iris", "other"):
        collect.ModelDataCollector(said, identifier="inputs").collect([1])
    found = json.loads(spool.pull(0))["batches"]
    assert [(each["model"], each["modelVersion"]) for each in found] == [("iris", "3"), ("iris", "3"), ("other", "-")]


def test_the_successors_collectors_belong_together(spool):
    frame = pandas.DataFrame({"a": [1, 2]})
    inputs = collect.ModelDataCollector("m", designation="inputs")
    predictions = collect.ModelDataCollector("m", designation="predictions", feature_names=["p"])
    correlations = inputs.collect(frame, "mine")
    for data in (frame, [[1], [2]]):
        more = predictions.add_correlations(data, correlations)
        predictions.collect(more)
    assert list(frame.columns) == ["a"]
    context = collect.Collector(name="model_inputs").collect(frame)
    collect.Collector(name="model_outputs").collect(frame, context)
    wrong: list = []
    refused = collect.Collector(name="x", on_error=wrong.append).collect([1])
    assert not refused.is_success() and isinstance(wrong[0], TypeError)
    found = json.loads(spool.pull(0))["batches"]
    assert [(each["identifier"], each["correlationId"]) for each in found[:3]] == [("inputs", "mine")] + [("predictions", "mine")] * 2
    assert all(each["rows"] == [[1], [2]] for each in found)
    assert found[4]["correlationId"] == found[3]["requestId"] == context.get_id()


def test_off_is_said_once_and_does_nothing(monkeypatch, capsys):
    monkeypatch.delenv("AML_MODEL_DC_STORAGE_ENABLED", raising=False)
    monkeypatch.setattr(collect.ModelDataCollector, "_notice_given", False)
    for _ in range(2):
        collect.ModelDataCollector("m").collect([1])
    assert capsys.readouterr().out.count("Data collection is off") == 1


def test_debug_prints_csv(monkeypatch, capsys):
    monkeypatch.setenv("AML_MODEL_DC_DEBUG", "true")
    collect.ModelDataCollector("m", feature_names=["a"]).collect([[1], [2]], "me")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "$Timestamp,$CorrelationId,$RequestId,a"
    assert lines[1].endswith(f"me,{collect.NO_REQUEST},1")


def test_a_collected_request_over_http(start, iris_folder):
    replica = start(iris_folder, AML_MODEL_DC_STORAGE_ENABLED="true", MODELPORT_SECRET="quiet")
    secret = {"X-Modelport-Secret": "quiet"}
    status, _, _ = replica.call("POST", "/score", IRIS_BODY, {**secret, "X-Request-Id": "call-1"})
    assert status == 200
    assert replica.call("GET", "/collected", headers=secret)[0] == 404  # what came through the gateway
    assert replica.call("GET", "/collected?after=x", headers={**secret, "X-Modelport-Pull": "1"})[0] == 400
    found = json.loads(replica.call("GET", "/collected?after=0", headers={**secret, "X-Modelport-Pull": "1"})[2])
    assert [(each["identifier"], each["requestId"]) for each in found["batches"]] == [("inputs", "call-1"), ("prediction", "call-1")]
    assert found["batches"][1]["rows"] == [["Iris-setosa"]]
    known = f"after={found['next']}&spool={found['spool']}"
    again = json.loads(replica.call("GET", f"/collected?{known}", headers={**secret, "X-Modelport-Pull": "1"})[2])
    assert again["batches"] == []


def test_a_replica_that_is_told_to_end_waits_for_who_takes_its_rows(iris_folder, start):
    replica = start(iris_folder, AML_MODEL_DC_STORAGE_ENABLED="true")
    puller = http.client.HTTPConnection("127.0.0.1", replica.port, timeout=10)

    def pull(after: int) -> dict:
        puller.request("GET", f"/collected?after={after}", headers={"X-Modelport-Pull": "1"})
        return json.loads(puller.getresponse().read())

    assert pull(0)["batches"] == []
    assert replica.score(IRIS_BODY)[0] == 200
    replica.signal()
    replica.wait_for("Stopping")
    found = pull(0)
    assert [each["sequence"] for each in found["batches"]] == [1, 2]
    assert replica.process.poll() is None, "it waits until they are acknowledged"
    pull(found["next"])
    assert replica.wait() == 0 and not any("lost" in line for line in replica.lines)


def test_rows_that_nobody_takes_are_told(iris_folder, start):
    replica = start(iris_folder, AML_MODEL_DC_STORAGE_ENABLED="true")
    assert replica.score(IRIS_BODY)[0] == 200
    replica.signal()
    assert replica.wait() == 0 and any("2 collected rows are lost" in line for line in replica.lines)
