"""What nobody sends by accident: the server answers 4xx, stays up and stays small."""

from __future__ import annotations

import json
import os
import time

import pytest

from tests.scoring.conftest import IRIS_BODY


def memory(replica) -> int:
    with open(f"/proc/{replica.process.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(autouse=True)
def still_there(iris):
    yield
    assert iris.process.poll() is None
    assert iris.score(IRIS_BODY)[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"input_df":' * 20_000,
        b'{"input_df": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"input_df": [{"sepal length": ' + b"9" * 100_000 + b"}]}",
        b'{"input_df": [{"sepal length": ' + b"9" * 4000 + b"}]}",
        b'{"input_df": [{"sepal length": 1e999999}]}',
        b'{"input_df": [{"sepal length": -1e400, "sepal width": 1, "petal width": 1, "petal length": 1}]}',
        b'{"input_df": [{"\\ud800": 1}]}',
        b'{"\\udfff": 1}',
        b'"\\ud800"',
        b'{"input_df": "\\u0000"}',
        b'{"input_df": [{"sepal length": 1, "sepal length": "x"}]}',
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b'{"a":' + b'"' + b"x" * 200_000 + b'"}',
        json.dumps({f"k{index}": 1 for index in range(10_000)}).encode(),
        json.dumps({"input_df": [{f"k{index}": 1 for index in range(10_000)}]}).encode(),
        json.dumps({"input_df": [{}] * 50_000}).encode(),
        json.dumps(json.dumps(json.dumps(IRIS_BODY))).encode(),
        b'{"__class__": 1, "input_df": [{"__proto__": 1}]}',
    ],
)
def test_bodies(iris, body):
    began = time.monotonic()
    status, _, answer = iris.score(body, Content_Type="application/json")
    assert status == 400, answer[:300]
    found = json.loads(answer)
    assert 1 <= len(found["details"]) <= 20
    assert len(answer) < 20_000
    assert time.monotonic() - began < 5


def test_the_last_of_a_doubled_key_counts(iris):
    assert iris.score(b'{"input_df": 3, "input_df": %b}' % json.dumps(IRIS_BODY["input_df"]).encode())[0] == 200


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"GET /\r\n" + b"x" * 100, 408),
        (b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello", 400),
        (b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\nhello", 400),
        (b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999999\r\n\r\nhello", 400),
        (b"POST /score HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n", 400),
        (b"POST /score HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\nbad header: 1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 200 + b"connection: close\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nhost: x\r\na: " + b"b" * 100_000, 431),
        (b"GET /" + b"x" * 100_000, 431),
        (b"GET * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 404),
        (b"CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n", 404),
        (b"GET http://other/livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", 200),
        (b"GET / HTTP/1.0\r\n\r\n", 200),
    ],
)
def test_wires(iris, wire, status):
    answer = iris.raw(wire)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]
    if status not in (200,):
        document = json.loads(answer.split(b"\r\n\r\n", 1)[1])
        assert document["statusCode"] == status
        assert document["requestId"].encode() in answer.split(b"\r\n\r\n", 1)[0]


def test_slow_heads_and_bodies_are_cut_off(iris):
    for wire in (b"POST /score HT", b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{", b"POST /score HTTP/1.1\r\nhost"):
        with iris.connect() as sock:
            sock.sendall(wire)
            began, out = time.monotonic(), b""
            while True:
                part = sock.recv(4096)
                if not part:
                    break
                out += part
            assert out.startswith(b"HTTP/1.1 408"), wire
            assert 0.5 < time.monotonic() - began < 6


def test_a_peer_that_never_reads_costs_little(iris):
    ask = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n"
    before = memory(iris)
    with iris.connect(timeout=1) as sock:
        try:
            for _ in range(3000):
                sock.sendall(ask * 20)
        except OSError:
            pass
        assert memory(iris) - before < 64 * 1024 * 1024
        assert iris.call("GET", "/livez")[0] == 200


def test_many_half_requests_and_hang_ups(iris):
    before = memory(iris)
    for wire in (b"POST /score HTTP/1.1\r\ncontent-length: 299999\r\n\r\n" + b"x" * 200_000, b"POST /sc", b"\r\n" * 50):
        for _ in range(30):
            with iris.connect() as sock:
                sock.sendall(wire)
    assert memory(iris) - before < 32 * 1024 * 1024


def test_repeated_hostile_bodies_do_not_grow_memory(iris):
    bodies = [b"[" * 100_000, b'{"input_df": "' + b"x" * 250_000 + b'"}', json.dumps({"input_df": [{}] * 50_000}).encode()]
    for body in bodies * 5:
        iris.score(body, Content_Type="application/json")
    before = memory(iris)
    for body in bodies * 15:
        assert iris.score(body, Content_Type="application/json")[0] == 400
    assert memory(iris) - before < 16 * 1024 * 1024
