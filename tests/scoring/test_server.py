"""The contract over HTTP, on a real server."""

from __future__ import annotations

import concurrent.futures
import json
import signal
import time

import pytest

from tests.scoring.conftest import IRIS_BODY

SLOW = """
import json, os, time

class Odd(Exception):
    def __str__(self):
        raise ValueError("no text either")

def init():
    pass

def run(body):
    wanted = json.loads(body)
    if wanted.get("raise"):
        raise TypeError("the secret detail")
    if wanted.get("exit"):
        raise SystemExit(1)
    if wanted.get("object"):
        return object()
    if wanted.get("odd"):
        raise Odd
    time.sleep(wanted.get("sleep", 0))
    return {"pid": os.getpid(), "secret": os.environ.get("MODELPORT_SECRET"), **wanted}
"""


@pytest.fixture(scope="module")
def slow_folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("slow")
    (place / "score.py").write_text(SLOW)
    return place


@pytest.fixture(scope="module")
def plain(start, slow_folder):
    return start(slow_folder, MODELPORT_TIMEOUT_SECONDS="1", MODELPORT_QUEUE_LIMIT="2")


def problem(answer, status, code):
    got, headers, body = answer
    document = json.loads(body)
    assert (got, document["code"], document["statusCode"]) == (status, code, status), document
    assert document["requestId"] == headers["x-request-id"]
    assert set(document) == {"code", "message", "statusCode", "requestId", "details"}
    return document


def test_the_original_example_answers(iris):
    status, headers, body = iris.score(IRIS_BODY)
    assert (status, headers["content-type"], json.loads(body)) == (200, "application/json", ["Iris-setosa"])
    iris.wait_for("scored 1", 5)


def test_the_small_routes(iris):
    assert iris.call("GET", "/")[::2] == (200, b"Healthy")
    ready = json.loads(iris.call("GET", "/readyz")[2])
    assert ready["status"] == "ready" and ready["service"] == "demo/iris"
    assert iris.call("GET", "/livez")[0] == 200
    assert json.loads(iris.call("GET", "/swagger.json")[2])["swagger"] == "2.0"
    assert json.loads(iris.call("GET", "/openapi.json")[2])["openapi"] == "3.1.0"
    assert b'modelport_requests_total{status="200"}' in iris.call("GET", "/metrics")[2]
    status, headers, body = iris.call("HEAD", "/livez")
    assert (status, body) == (200, b"") and int(headers["content-length"]) > 0


def test_paths_and_methods(iris):
    for path in ("/nothing", "/score/", "//score", "/score%00", "/../score", "/collected"):
        problem(iris.call("GET", path), 404, "NotFound")
    assert iris.call("HEAD", "/nothing")[0] == 404
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"):
        status, headers, _ = iris.call(method, "/score")
        assert (status, headers["allow"]) == (405, "POST")
    assert problem(iris.call("POST", "/readyz", {}), 405, "MethodNotAllowed")
    assert iris.score(IRIS_BODY)[0] == 200


def test_bad_input_has_pointers(iris):
    row = IRIS_BODY["input_df"][0]
    found = problem(iris.score({"input_df": [row, {**row, "petal width": "x"}]}), 400, "BadInput")
    assert found["details"] == [
        {"code": "WrongType", "message": 'expected a number, got the text "x"', "pointer": "/input_df/1/petal width"}
    ]


@pytest.mark.parametrize(
    "body", ["", " ", "{", "[]", "3", '"x"', "null", "{}", '{"input_df": []}', '{"input_df": NaN}', '{"input_df": Infinity}']
)
def test_bodies_that_do_not_fit(iris, body):
    assert problem(iris.score(body, Content_Type="application/json"), 400, "BadInput")["details"]


def test_content_types(iris):
    body = json.dumps(IRIS_BODY)
    for good in ("application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.api+json"):
        assert iris.score(body, Content_Type=good)[0] == 200
    assert iris.call("POST", "/score", body.encode())[0] == 200  # none at all
    by_curl = "application/x-www-form-urlencoded"  # of `curl -d` without a header
    assert iris.score(body, Content_Type=by_curl)[0] == 200
    problem(iris.score("a=1&b=2", Content_Type=by_curl), 400, "BadInput")
    for bad in ("text/plain", "image/png", "multipart/form-data; boundary=x"):
        problem(iris.score(body, Content_Type=bad), 415, "UnsupportedMediaType")
    problem(iris.score(b"\x1f\x8b", Content_Type="application/json", Content_Encoding="gzip"), 415, "UnsupportedMediaType")


def test_request_ids(iris):
    assert iris.score(IRIS_BODY, X_Request_Id="abc-1")[1]["x-request-id"] == "abc-1"
    for bad in ("x" * 101, "caf\u00e9", "a\tb"):
        assert len(iris.score(IRIS_BODY, X_Request_Id=bad)[1]["x-request-id"]) == 32


def test_a_fault_of_user_code_is_ours_to_hide(plain):
    answer = plain.score({"raise": True}, X_Request_Id="find-me")
    found = problem(answer, 500, "ScoringFailed")
    assert b"secret detail" not in answer[2] and b"Traceback" not in answer[2]
    plain.wait_for("find-me in score.py line 14", 5)
    plain.wait_for("TypeError: the secret detail", 5)
    assert not any("driver.py" in line for line in plain.lines)
    assert found["requestId"] == "find-me"
    problem(plain.score({"object": True}), 500, "ResultNotJson")
    problem(plain.score({"exit": True}), 500, "ScoringFailed")
    problem(plain.score({"odd": True}), 500, "ScoringFailed")
    assert plain.score({})[0] == 200


def test_no_schema_means_the_body_as_text(plain):
    assert plain.score(b'{"a": "\xc3\xa9"}', Content_Type="text/plain")[0] == 200
    problem(plain.score(b"\xff"), 400, "BadInput")


def test_time_limit_and_queue_limit(plain):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        began = time.monotonic()
        answers = list(pool.map(lambda _: plain.score({"sleep": 1.5}), range(8)))
        took = time.monotonic() - began
    statuses = sorted(status for status, _, _ in answers)
    assert set(statuses) == {503, 504}
    assert 3 <= statuses.count(503) <= 6  # one runs, two wait
    assert took < 9  # eight calls of 1.5 s one after the other would take 12
    for status, headers, body in answers:
        assert json.loads(body)["code"] == ("Busy" if status == 503 else "Timeout")
        assert status == 504 or headers["retry-after"] == "1"
    until(lambda: plain.score({})[0] == 200, 5)  # what nobody waits for any more is not run


def until(act, seconds=10):
    deadline = time.monotonic() + seconds
    while not act():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_stuck_code_takes_the_replica_out(plain):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(plain.score, {"sleep": 4})
        until(lambda: json.loads(plain.call("GET", "/readyz")[2])["status"] == "stuck", 4)
        assert plain.call("GET", "/readyz")[0] == 503
        assert plain.call("GET", "/livez")[0] == 200
        assert answer.result()[0] == 504
    until(lambda: plain.call("GET", "/readyz")[0] == 200)


def test_keep_alive_and_pipelining(iris):
    body = json.dumps(IRIS_BODY).encode()
    good = b"POST /score HTTP/1.1\r\nhost: x\r\nx-request-id: %d\r\ncontent-length: %d\r\n\r\n" + body
    ids = [1, 2, 3]
    wire = good % (1, len(body)) + b"GET /nothing HTTP/1.1\r\nhost: x\r\nx-request-id: 2\r\n\r\n"
    last = good.replace(b"host: x", b"host: x\r\nconnection: close") % (3, len(body))
    answer = iris.raw(wire + last)
    found = [int(part.split(b"\r\n")[0]) for part in answer.split(b"x-request-id: ")[1:]]
    assert found == ids
    assert answer.count(b"HTTP/1.1 200 OK") == 2 and answer.count(b"HTTP/1.1 404 Not Found") == 1


def test_staying_connected_is_told_to_who_asks(iris):
    """A client of HTTP/1.0 that is not told waits until the server hangs up."""
    with iris.connect() as sock:
        sock.sendall(b"GET /livez HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n")
        assert b"\r\nconnection: keep-alive\r\n" in sock.recv(1000)
    assert b"keep-alive" not in iris.raw(b"GET /livez HTTP/1.0\r\n\r\n")


def test_chunked_bodies_byte_by_byte(iris):
    body = json.dumps(IRIS_BODY).encode()
    wire = b"".join(b"1\r\n%c\r\n" % each for each in body) + b"0\r\n\r\n"
    answer = iris.raw(b"POST /score HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n" + wire)
    assert answer.endswith(b'["Iris-setosa"]')


@pytest.mark.parametrize("hosts", [b"", b"host: x\r\nhost: y\r\n", b"host: x, y\r\n"], ids=["none", "two", "a list"])
def test_a_request_names_one_host(iris, hosts):
    """RFC 9112, 3.2. HTTP/1.0 knows no such header."""
    answer = iris.raw(b"GET /livez HTTP/1.1\r\nconnection: close\r\n" + hosts + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 400") and b"Send one Host header." in answer
    assert iris.raw(b"GET /livez HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_a_body_that_was_packed_on_its_way_is_refused(iris):
    head = b"POST /score HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n"
    assert iris.raw(head + b"1\r\nx\r\n0\r\n\r\n").startswith(b"HTTP/1.1 501 Not Implemented")


def test_expect_100_continue(iris):
    body = json.dumps(IRIS_BODY).encode()
    head = b"POST /score HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: %d\r\n"
    with iris.connect() as sock:
        sock.sendall(head % len(body) + b"\r\n")
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert sock.recv(1000).startswith(b"HTTP/1.1 200")
    answer = iris.raw(head % 10**9 + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 413") and b"100 Continue" not in answer
    assert iris.raw(head % len(body) + b"content-type: text/plain\r\n\r\n").startswith(b"HTTP/1.1 415")


def test_too_large(iris):
    problem(iris.score(b"x" * 300_001, Content_Type="application/json"), 413, "TooLarge")
    chunked = b"POST /score HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 8
    assert iris.raw(chunked).startswith(b"HTTP/1.1 413")
    rows = {"input_df": IRIS_BODY["input_df"] * 2500}
    assert len(json.dumps(rows)) < 300_000
    assert len(json.loads(iris.score(rows)[2])) == 2500


@pytest.mark.parametrize("environment", [{}, {"MODELPORT_GRACE_SECONDS": "1"}])
def test_sigterm_finishes_what_is_in_flight(start, slow_folder, environment):
    replica = start(slow_folder, **environment)
    long = 30 if environment else 1.0
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(lambda: replica.score({"sleep": long}))
        until(lambda: b"modelport_running 1" in replica.call("GET", "/metrics")[2])
        began = time.monotonic()
        replica.signal(signal.SIGTERM)
        if environment:  # past the grace time nobody waits
            with pytest.raises(Exception):  # noqa: B017
                answer.result()
        else:
            status, headers, body = answer.result()
            assert (status, json.loads(body)["sleep"], headers["connection"]) == (200, 1.0, "close")
            with pytest.raises(ConnectionError):
                replica.call("GET", "/livez")
        assert replica.wait() == 0
        assert time.monotonic() - began < 15


def test_sigterm_during_init(start, folder):
    replica = start(folder("import time\ndef init():\n    print('loading')\n    time.sleep(60)\ndef run(x): pass\n"), ready=False)
    replica.wait_for("loading")
    replica.signal()
    assert replica.wait(5) == 0


def test_answers_while_it_loads(start, folder, tmp_path):
    socket_path = tmp_path / "s.sock"
    replica = start(
        folder("import time\ndef init():\n    print('loading')\n    time.sleep(2)\ndef run(x): return x\n"), unix=socket_path, ready=False
    )
    replica.wait_for("loading")
    assert replica.call("GET", "/livez")[0] == 200
    assert json.loads(replica.call("GET", "/readyz")[2])["status"] == "starting"
    problem(replica.call("POST", "/score", b"x"), 503, "NotReady")
    replica.wait_for("Ready after")
    assert replica.call("POST", "/score", b"x")[::2] == (200, b'"x"')


def test_a_taken_port_is_said(iris, start, slow_folder):
    second = start(slow_folder, ready=False, arguments=["--port", str(iris.port)])
    assert second.wait() == 1
    assert any("Cannot listen on" in line and str(iris.port) in line for line in second.lines)


def test_an_asynchronous_generator_is_a_list(start, folder):
    replica = start(folder("def init(): pass\nasync def run(body):\n    for each in body:\n        yield each\n"))
    assert json.loads(replica.call("POST", "/score", "ab")[2]) == ["a", "b"]


def test_coroutines_and_no_arguments(start, folder):
    replica = start(
        folder("import asyncio\nasync def init(): pass\nasync def run():\n    await asyncio.sleep(0)\n    return {'ok': True}\n")
    )
    assert json.loads(replica.call("POST", "/score")[2]) == {"ok": True}
