"""Collecting is bounded, is joined by request id, leaves the caller's objects alone and never fails a request."""

from __future__ import annotations

import json

import pandas
import pytest

from scoring import collect
from tests.scoring.conftest import IRIS_BODY


@pytest.fixture
def spool(monkeypatch):
    fresh = collect.Spool(limit=4000)
    monkeypatch.setattr(collect, "spool", fresh)
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
    again = json.loads(replica.call("GET", f"/collected?after={found['next']}", headers={**secret, "X-Modelport-Pull": "1"})[2])
    assert again["batches"] == []
