"""What a replica says: JSON lines that know their request, plain text on a laptop; tracebacks for those who develop."""

from __future__ import annotations

import json

import pytest

from scoring import schema
from tests.scoring.test_server import problem

SCORE = """
import logging, sys, warnings
log = logging.getLogger("mine")

def init():
    logging.basicConfig(level=logging.CRITICAL)
    print("loading", "é", "\\ud800")

def run(body):
    print("first\\nsecond", end=" half ")
    print("done")
    log.info("scored %s", body)
    sys.stdout.write("")
    if body == "warn":
        warnings.warn("careful")
        try:
            1 / 0
        except ZeroDivisionError:
            log.exception("caught")
    if body == "fail":
        len(1)
    return body
"""
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def served(start, folder, bundle):
    return lambda score=SCORE, found=None, **environment: start(bundle(folder(score, found)), **environment)


def said(replica, request_id=None):
    lines = [json.loads(line) for line in replica.lines if line.startswith("{")]
    return [each for each in lines if request_id is None or each.get("requestId") == request_id]


def test_lines_know_their_request(served):
    replica = served()
    headers = {"X-Request-Id": "r-1", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "x-ms-client-request-id": "c-1"}
    status, answered, _ = replica.call("POST", "/score", b"warn", headers)
    assert (status, answered["x-request-id"], answered["x-ms-client-request-id"]) == (200, "r-1", "c-1")
    replica.wait_for("caught", 5)
    mine = said(replica, "r-1")
    assert [(each["level"], each["message"]) for each in mine[:3]] == [
        ("INFO", "first"),
        ("INFO", "second half done"),
        ("INFO", "scored warn"),
    ]
    assert mine[2]["logger"] == "mine" and {each["traceId"] for each in mine} == {TRACE} and mine[0]["clientRequestId"] == "c-1"
    assert [each["level"] for each in mine if "careful" in each["message"]] == ["WARNING"]
    caught = next(each for each in mine if each["message"] == "caught")
    assert caught["level"] == "ERROR" and "ZeroDivisionError" in caught["exc_info"]
    assert all(line.startswith("{") for line in replica.lines), replica.lines
    loading = next(each for each in said(replica) if each["message"].startswith("loading"))
    assert "requestId" not in loading and "é" in loading["message"] and loading["timestamp"].endswith("Z")


def test_a_failure_is_one_line_and_never_in_the_answer(served):
    replica = served()
    found = problem(replica.score("fail", X_Request_Id="r-2"), 500, "ScoringFailed")
    assert found["details"] == []
    replica.wait_for("run() failed", 5)
    failure = next(each for each in said(replica, "r-2") if each["level"] == "ERROR")
    assert failure["message"].startswith("run() failed for request r-2 in score.py line ")
    assert "TypeError: object of type 'int' has no len()" in failure["exc_info"]


def test_the_switch_for_development_shows_the_traceback(start, folder):
    replica = start(folder(SCORE), arguments=["--debug"])
    found = problem(replica.score("fail"), 500, "ScoringFailed")
    assert "TypeError: object of type 'int' has no len()" in found["details"][0]["message"]
    assert found["details"][0]["code"] == "Traceback"
    assert replica.wait_for("mine: scored fail", 5) == "INFO mine: scored fail"


def test_a_fault_of_the_file_is_never_the_callers(start, folder):
    """A TypeError of user code, with a schema too: the caller sent what was asked."""
    found = schema.Schema({"n": schema.Standard("int", 1)}).to_json()
    replica = start(folder("def init(): pass\ndef run(n): return n + 'x'\n", found))
    assert problem(replica.score({"n": 1}), 500, "ScoringFailed")["details"] == []


def test_a_line_of_several_requests_names_them(served):
    slow = "import time\ndef init(): pass\ndef run(df):\n    time.sleep(0.3)\n    print('together', len(df))\n    return df.a.tolist()\n"
    found = schema.Schema({"df": schema.Pandas([("a", "int64")], [{"a": 1}])}).to_json()
    replica = served(slow, found, MODELPORT_BATCHING="on")
    import threading

    callers = [
        threading.Thread(target=replica.score, args=({"df": [{"a": number}]},), kwargs={"X_Request_Id": f"r-{number}"})
        for number in range(6)
    ]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    named = [each for each in said(replica) if "requestIds" in each]
    assert named and all(each["message"].startswith("together") and len(each["requestIds"]) > 1 for each in named)


def test_what_cannot_be_loaded_is_said_in_one_line(start, folder, bundle):
    replica = start(bundle(folder("import nonsense_package\ndef init(): pass\ndef run(a): pass\n")), ready=False)
    assert replica.wait() == 3
    failure = said(replica)[-1]
    assert failure["level"] == "ERROR" and "nonsense_package" in failure["message"] and "ModuleNotFoundError" in failure["exc_info"]
