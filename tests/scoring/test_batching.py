"""Requests that are put together are answered as if each had been alone; files for which that is not so are found out."""

from __future__ import annotations

import concurrent.futures
import json
import re
import sys
import threading

import numpy
import pandas
import pytest

from scoring import driver, schema, sharing, shims, verdict
from tests.scoring.conftest import IRIS_BODY
from tests.scoring.test_launch import probe
from tests.scoring.test_server import problem, until

TABLE = {
    "input": {
        "df": {
            "type": 3,
            "internal": {"columns": [{"name": "x", "dtype": "float64"}, {"name": "k", "dtype": "int64"}, {"name": "t", "dtype": "text"}]},
            "swagger": {"example": [{"x": 1.5, "k": 3, "t": "a"}, {"x": -2.0, "k": 5, "t": "b"}]},
        }
    }
}
ARRAY = {"input": {"m": {"type": 1, "internal": {"dtype": "float64", "shape": [1, 2]}, "swagger": {"example": [[1.0, 2.5]]}}}}
TWO = {"input": {**TABLE["input"], **ARRAY["input"]}}
TEXT = {"input": {"s": {"type": 0, "internal": {"data_type": "str"}, "swagger": {"example": "x"}}}}
HEAD = "import numpy, pandas, random, json, time\nfrom azureml.datacollector import ModelDataCollector\ncount = 0\n"
HEAD += "def init():\n    global dc\n    dc = ModelDataCollector('m')\n"


@pytest.mark.parametrize(
    ("schema_document", "body", "expected"),
    [
        (TABLE, "return df.x * 2", "rows"),
        (TABLE, "return df.assign(y=df.x + df.k)", "rows"),
        (TABLE, "return [[each, len(str(each))] for each in df.k]", "rows"),
        (TABLE, "if (df.t == 'b').any() and len(df) == 1: raise KeyError('b')\n    return df.x", "rows"),
        (TABLE, "dc.collect(df); out = df.x.to_numpy() + 1; dc.collect(out); return out", "rows"),
        (ARRAY, "return (m @ numpy.array([[0.1], [0.7]])).ravel()", "rows"),
        (TWO, "return df.x.to_numpy() + m[:, 0]", "rows"),
        # rows that know of each other
        (TABLE, "return df.x - df.x.mean()", "not-rows"),
        (TABLE, "return df.x.rank()", "not-rows"),
        (TABLE, "return df.x.diff().fillna(0)", "not-rows"),
        (TABLE, "return sorted(df.x)", "not-rows"),
        (TABLE, "return df.drop_duplicates().x", "not-rows"),
        (TABLE, "return [len(df)] * len(df)", "not-rows"),
        (TABLE, "if len(df) > 1: raise ValueError\n    return df.x", "not-rows"),
        (TABLE, "return df.x.sum()", "not-rows"),
        (TABLE, "return {'result': list(df.x)}", "not-rows"),
        (TABLE, "return json.dumps(list(df.x))", "not-rows"),
        (TABLE, "return df.x.tolist()[:1]", "not-rows"),
        (TABLE, "dc.collect(df.describe()); return df.x", "not-rows"),
        (TABLE, "dc.collect(df, user_correlation_id='mine'); return df.x", "not-rows"),
        # what does not repeat
        (TABLE, "return [random.random() for _ in df.x]", "not-repeatable"),
        (TABLE, "return df.x + numpy.random.rand(len(df)) * 0.01", "not-repeatable"),
        (TABLE, "global count; count += 1; return [count] * len(df)", "not-repeatable"),
        # what cannot be tried, or cannot be put together at all
        (TABLE, "time.sleep(0.3); return df.x", "unknown"),
        (TABLE, "if list(df.iloc[0]) != [1.5, 3, 'a']: raise ValueError\n    return df.x", "unknown"),
        (TEXT, "return s", "unsupported"),
        ({"input": {**TABLE["input"], **TEXT["input"]}}, "return df.x", "unsupported"),
    ],
)
def test_the_verdict(folder, schema_document, body, expected, monkeypatch):
    shims.install()
    arguments = ", ".join(schema_document["input"])
    place = folder(f"{HEAD}def run({arguments}):\n    {body}\n")
    loaded = driver.Driver(place, "score.py", schema.Schema.from_json(schema_document))
    try:
        loaded.load()
        loaded.init()
        found = verdict.find(loaded, 1.5)
    finally:
        sys.modules.pop("score", None)
    assert (found["verdict"], bool(found["reason"])) == (expected, True), found


def test_no_sample_and_request_headers(folder):
    bare = json.loads(json.dumps(TABLE).replace('"swagger"', '"other"'))
    for source, document, expected in (("df", bare, "unknown"), ("df, request_headers", TABLE, "unsupported")):
        loaded = driver.Driver(folder(f"def init(): pass\ndef run({source}): return df.x\n"), "score.py", schema.Schema.from_json(document))
        loaded.load()
        assert verdict.find(loaded)["verdict"] == expected
        sys.modules.pop("score", None)


@pytest.mark.parametrize("data", [[1, 2, 3], (1, 2, 3), numpy.array([1, 2, 3]), pandas.Series([1, 2, 3], index=[5, 5, 9])])
def test_results_are_cut(data):
    assert [list(each) for each in sharing.cut(data, [2, 1])] == [[1, 2], [3]]
    assert sharing.cut(data, [2, 2]) is None


def test_frames_are_cut_and_other_things_are_not():
    first, second = sharing.cut(pandas.DataFrame({"a": [1, 2, 3]}), [1, 2])
    assert (len(first), list(second.a)) == (1, [2, 3])
    for data in ({"a": 1}, "ab", {1, 2}, 3, numpy.array(3), None, range(2)):
        assert sharing.cut(data, [1, 1]) is None


def test_requests_are_put_together_and_left_as_they_were():
    kinds = schema.Schema.from_json(TWO)
    one, two = {"df": [[1.0], [2], ["a"]], "m": [[1.0, 2.0]]}, {"df": [[3.0, 4.0], [5, 6], ["b", "c"]], "m": [[1.0, 2.0], [3.0, 4.0]]}
    assert [sharing.rows_of(kinds, each) for each in (one, two)] == [1, 2]
    assert sharing.rows_of(kinds, {**one, "m": two["m"]}) is None
    merged = sharing.merge(kinds, [one, two])
    assert merged == {"df": [[1.0, 3.0, 4.0], [2, 5, 6], ["a", "b", "c"]], "m": [[1.0, 2.0], [1.0, 2.0], [3.0, 4.0]]}
    assert one == {"df": [[1.0], [2], ["a"]], "m": [[1.0, 2.0]]}


# On a live server. The first request of each round keeps run() busy while the others arrive.

LIVE = (
    HEAD
    + """
def run(df):
    global count
    count += 1
    if df.k.iloc[0] == -1:
        time.sleep(0.6)
    {body}
"""
)


def numbers(replica):
    text = replica.call("GET", "/metrics")[2].decode()
    return {name: float(value) for name, value in re.findall(r"^modelport_(batch\w+) (\S+)$", text, re.M)}


def burst(replica, bodies, **headers):
    """Answers in the order of `bodies`, which all arrive while run() is busy with a request before them."""
    with concurrent.futures.ThreadPoolExecutor(len(bodies) + 1) as pool:
        gate = pool.submit(replica.score, {"df": [{"x": 0, "k": -1, "t": "gate"}]})
        until(lambda: busy(replica))
        asked = [pool.submit(replica.score, body, X_Request_Id=f"r-{index}", **headers) for index, body in enumerate(bodies)]
        answers = [each.result() for each in asked]
        assert gate.result()[0] == 200
    for index, (_, found, _) in enumerate(answers):
        assert found["x-request-id"] == f"r-{index}"
    return answers


def busy(replica):
    return b"modelport_running 1" in replica.call("GET", "/metrics")[2]


def rows(*xs):
    return {"df": [{"x": x, "k": int(x), "t": "a"} for x in xs]}


def test_waiting_requests_go_into_one_call(start, folder):
    replica = start(folder(LIVE.format(body="return df.assign(n=len(df))[['x', 'n']]"), TABLE), MODELPORT_BATCHING="on")
    bodies = [rows(1, 2), rows(3), {"df": [{"x": "no"}]}, rows(4, 5, 6)]
    answers = burst(replica, bodies)
    assert [status for status, _, _ in answers] == [200, 200, 400, 200]
    assert [[row["x"] for row in json.loads(answers[index][2])] for index in (0, 1, 3)] == [[1, 2], [3], [4, 5, 6]]
    assert max(row["n"] for row in json.loads(answers[0][2])) > 2  # other people's rows were there, which is what this test is of
    found = numbers(replica)
    assert found["batching"] == 1 and found["batches_total"] >= 1 and found["batched_requests_total"] >= 2
    assert json.loads(replica.call("GET", "/readyz")[2])["batching"] is True


def test_one_bad_row_fails_nobody_else(start, folder):
    body = "if (df.x == 13).any(): raise ValueError('unlucky')\n    return df.x"
    replica = start(folder(LIVE.format(body=body), TABLE), MODELPORT_BATCHING="on")
    for _ in range(2):
        answers = burst(replica, [rows(1), rows(13), rows(2, 3), rows(13, 4), rows(5)])
        assert [status for status, _, _ in answers] == [200, 500, 200, 500, 200]
        assert [json.loads(answers[index][2]) for index in (0, 2, 4)] == [[1], [2, 3], [5]]
        problem(answers[1], 500, "ScoringFailed")
    assert numbers(replica)["batches_taken_apart_total"] >= 1
    replica.wait_for("run() failed for request r-1 ", 5)
    assert not any("for request r-0 " in line for line in replica.lines)


def test_a_result_of_another_length_ends_it(start, folder):
    replica = start(folder(LIVE.format(body="return df.x.tolist() + ([9] if len(df) > 3 else [])"), TABLE), MODELPORT_BATCHING="on")
    answers = burst(replica, [rows(each) for each in range(8)])
    assert [json.loads(body) for _, _, body in answers] == [[each] for each in range(8)]
    replica.wait_for("Requests are not put together any more: run() did not return one result for each row.", 5)
    assert numbers(replica)["batching"] == 0


def test_collected_rows_stay_with_their_request(start, folder):
    place = folder(LIVE.format(body="dc.collect(df[['x']]); out = df.x.to_numpy() * 2; dc.collect(out); return out"), TABLE)
    replica = start(place, MODELPORT_BATCHING="on", AML_MODEL_DC_STORAGE_ENABLED="true")
    burst(replica, [rows(1, 2), rows(3), rows(4)])
    assert numbers(replica)["batches_total"] >= 1
    found = json.loads(replica.call("GET", "/collected?after=0", headers={"X-Modelport-Pull": "1"})[2])["batches"]
    by_request = {name: [each["rows"] for each in found if each["requestId"] == name] for name in ("r-0", "r-1", "r-2")}
    assert by_request == {"r-0": [[[1.0], [2.0]], [[2.0, 4.0]]], "r-1": [[[3.0]], [[6.0]]], "r-2": [[[4.0]], [[8.0]]]}


@pytest.mark.parametrize(
    ("body", "together"),
    [
        ("return df.x * 3", True),
        ("return (df.x - df.x.mean()).tolist()", False),
        ("return [count] * len(df)", False),
        ("return [random.random() for _ in df.x]", False),
    ],
)
def test_from_the_probe_to_the_service(bundle, folder, start, body, together):
    """A bundle carries the probe's verdict and the person's wish; rows are put together only where both say so."""
    launcher = bundle(folder(LIVE.format(body=body), TABLE))
    _, found = probe(launcher)
    assert found["ok"] and (found["details"]["batching"]["verdict"] == "rows") is together
    place = launcher.parent / "bundle.json"
    document = json.loads(place.read_text())
    place.write_text(json.dumps({**document, "batching": {**found["details"]["batching"], "enabled": True}}))
    replica = start(launcher)
    answers = [json.loads(each[2]) for each in burst(replica, [rows(each, each + 1) for each in range(6)])]
    counts = numbers(replica)
    assert (counts["batches_total"] > 0) is together
    if together:
        assert answers == [[each * 3, each * 3 + 3] for each in range(6)]
    elif "mean" in body:
        assert answers == [[-0.5, 0.5]] * 6
    elif "count" in body:
        assert sorted(answers) == [[each, each] for each in range(2, 8)]  # one call each
    else:
        assert all(len(each) == 2 for each in answers)


@pytest.mark.parametrize(
    ("batching", "setting", "expected"),
    [
        ({"verdict": "rows", "enabled": True}, "", 1),
        ({"verdict": "rows", "enabled": True}, "off", 0),
        ({"verdict": "rows", "enabled": False}, "", 0),
        ({"verdict": "unknown", "enabled": True}, "", 0),
        (None, "", 0),
        (None, "on", 1),
    ],
)
def test_who_decides(bundle, folder, start, batching, setting, expected):
    launcher = bundle(folder("def init(): pass\ndef run(df): return df.x\n", TABLE))
    place = launcher.parent / "bundle.json"
    document = json.loads(place.read_text())
    place.write_text(json.dumps({**document, "batching": batching} if batching else document))
    assert numbers(start(launcher, MODELPORT_BATCHING=setting))["batching"] == expected


def test_what_cannot_be_put_together_says_so(start, folder):
    replica = start(folder("def init(): pass\ndef run(body): return body\n"), MODELPORT_BATCHING="on")
    replica.wait_for("Requests are not put together: run() takes the request as it came", 5)
    assert numbers(replica)["batching"] == 0
    assert start(folder("def init(): pass\ndef run(x): pass\n"), ready=False, MODELPORT_BATCHING="maybe").wait() == 3


def test_the_iris_example_under_load(start, iris_folder):
    """Many callers with their own flowers at once; everybody gets what a caller alone gets."""
    replica = start(iris_folder, MODELPORT_BATCHING="on", MODELPORT_QUEUE_LIMIT="200")
    base = IRIS_BODY["input_df"][0]
    flowers = [{"input_df": [{**base, "petal length": 0.2 * each}] * (1 + each % 3)} for each in range(30)]
    alone = [json.loads(replica.score(each)[2]) for each in flowers]
    assert len({each[0] for each in alone}) > 1
    wrong, lock = [], threading.Lock()

    def ask(index):
        for round_ in range(6):
            which = (index * 7 + round_) % len(flowers)
            status, _, body = replica.score(flowers[which])
            if status != 200 or json.loads(body) != alone[which]:
                with lock:
                    wrong.append((which, status, body))

    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        list(pool.map(ask, range(24)))
    assert not wrong
    assert numbers(replica)["batched_requests_total"] > 20
