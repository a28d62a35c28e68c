"""HTTP as it goes wrong: a small server that misbehaves, and the client that must not."""

from __future__ import annotations

import ast
import json
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy
import pandas
import psutil
import pytest

import modelport
from modelport import ClientError, Portal
from modelport import services as client_services
from modelport.transport import Transport
from tests.live_portal import live_portal

SOURCES = sorted(Path(modelport.__file__).parent.rglob("*.py"))


class Server:
    """Answers each request with the next of `answers`: (status, headers, body), or None, which hangs up."""

    def __init__(self):
        self.answers: list = []
        self.asked: list[tuple[str, str, dict]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.asked.append((self.command, self.path, dict(self.headers.items())))
                answer = server.answers.pop(0)
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, body = answer
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

            def log_message(self, *args): ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def slept(monkeypatch):
    """What the client would have waited, in seconds."""
    found: list[float] = []
    monkeypatch.setattr("time.sleep", found.append)
    return found


@pytest.fixture
def transport(server):
    transport = Transport(server.url, "mpu_token")
    yield transport
    transport.close()


BUSY = {"code": "NotReady", "message": "Not yet.", "statusCode": 503, "requestId": "r", "details": []}


def test_a_read_is_asked_again_while_the_portal_is_busy_or_away(server, transport, slept):
    server.answers = [(503, {"Retry-After": "2"}, BUSY), None, (502, {}, b"<html>"), (200, {}, {"fine": True})]
    assert transport.read("/x") == {"fine": True}
    assert len(server.asked) == 4 and slept[0] == 2.0 and len(slept) == 3


def test_a_read_is_given_up_in_the_end_with_the_portals_own_words(server, transport, slept):
    server.answers = [(503, {"Retry-After": "9999"}, BUSY)] * 9
    with pytest.raises(ClientError, match="Not yet") as refused:
        transport.read("/x")
    assert len(server.asked) == transport.attempts and max(slept) <= 10 and refused.value.as_dict() == BUSY


@pytest.mark.parametrize("answer", [None, (503, {}, BUSY), (500, {}, b"oops")])
def test_a_write_is_sent_once(server, transport, slept, answer):
    server.answers = [answer, (200, {}, {})]
    with pytest.raises(ClientError):
        transport.write("POST", "/x", {"a": 1})
    assert len(server.asked) == 1 and slept == []


def test_a_refused_read_is_not_asked_again(server, transport, slept):
    server.answers = [(404, {"X-Request-Id": "abc"}, b"<html>")]
    with pytest.raises(ClientError) as refused:
        transport.read("/x")
    assert (refused.value.code, refused.value.status, refused.value.request_id) == ("UnexpectedAnswer", 404, "abc") and slept == []


def test_a_redirect_is_said_and_the_token_does_not_follow_it(server, transport):
    server.answers = [(301, {"Location": "https://elsewhere.example/"}, b"")]
    with pytest.raises(ClientError, match=re.escape("301 to https://elsewhere.example/")):
        transport.read("/x")
    assert len(server.asked) == 1


def test_the_next_page_is_asked_at_the_address_we_know(server, transport):
    elsewhere = "http://evil.example/api/next?$skipToken=NQ%3D%3D"
    server.answers = [(200, {}, {"value": [{"n": 1}], "nextLink": elsewhere}), (200, {}, {"value": [{"n": 2}], "nextLink": None})]
    assert [row["n"] for row in transport.rows("/x", {"count": 1})] == [1, 2]
    assert [path for _, path, _ in server.asked] == ["/x?count=1", "/api/next?$skipToken=NQ%3D%3D"]


def test_the_persons_token_never_goes_to_a_service(server, transport):
    server.answers = [(200, {}, {"answer": 1})] * 2
    transport.score(f"{server.url}/demo/iris/score", b"{}", key="mp_key", timeout=5)
    transport.score(f"{server.url}/demo/iris/score", b"{}", key=None, timeout=5)
    assert server.asked[0][2]["Authorization"] == "Bearer mp_key" and "Authorization" not in server.asked[1][2]
    assert "mpu_token" not in json.dumps(server.asked)


def test_nothing_at_the_address_is_one_sentence(slept):
    transport = Transport("http://127.0.0.1:9", "mpu_token")
    with pytest.raises(ClientError, match=r"Nothing answers at 127\.0\.0\.1:9") as refused:
        transport.read("/x")
    assert (refused.value.code, refused.value.status) == ("Unreachable", 0)


def test_an_answer_that_takes_too_long_is_one_sentence(server):
    transport = Transport(server.url, "mpu_token", timeout=0.1)
    release = threading.Event()

    class Slow(list):
        def pop(self, index):
            release.wait(5)
            return None

    server.answers = Slow()
    with pytest.raises(ClientError, match="may have been done all the same") as refused:
        transport.write("POST", "/x")
    release.set()
    assert refused.value.code == "Timeout"


@pytest.mark.parametrize("url", ["", "models.example.org", "ftp://x", "http://", "http://user:word@x", "http://x/?a=1"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ClientError, match="not a portal's address"):
        Portal(url, "mpu_token")


@pytest.mark.parametrize("token", ["mpu_a\r\nX-Evil: 1", "mpu_a b", "mpu_ä"])
def test_a_token_that_is_none_is_refused(token):
    with pytest.raises(ClientError, match="not a token"):
        Portal("http://127.0.0.1", token)


@pytest.mark.slow
def test_a_large_file_is_streamed_and_memory_stays_flat(tmp_path):
    size, me = 200 * 2**20, psutil.Process()
    with (tmp_path / "large.bin").open("wb") as file:
        block = os.urandom(2**20)
        for _ in range(size // len(block)):
            file.write(block)
    (tmp_path / "data").mkdir()
    (tmp_path / "small.bin").write_bytes(b"small")
    with live_portal(tmp_path / "data") as running, Portal(running.url, running.tokens["someone"]) as portal:
        portal.models.register(tmp_path / "small.bin", "small").download(tmp_path / "warm")
        before, highest = me.memory_info().rss, 0
        over = threading.Event()

        def watch():
            nonlocal highest
            while not over.wait(0.02):
                highest = max(highest, me.memory_info().rss)

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            model = portal.models.register(tmp_path / "large.bin", "large")
            place = model.download(tmp_path / "back")
        finally:
            over.set()
            watching.join()
        assert model.size == size and place.stat().st_size == size
        assert 0 < highest - before < 40 * 2**20


def test_bodies_of_calls():
    frame = pandas.DataFrame({"a": [1, 2], "b": [0.5, 1.5]})
    sent = json.loads(client_services.encoded({"frame": frame, "array": numpy.arange(3), "number": numpy.float64(2)}))
    assert sent == {"frame": [{"a": 1, "b": 0.5}, {"a": 2, "b": 1.5}], "array": [0, 1, 2], "number": 2.0}
    assert client_services.encoded('{"as": "it is"}') == b'{"as": "it is"}'
    for wrong in ({"x": object()}, {"x": float("nan")}):
        with pytest.raises(ClientError, match="cannot be sent as JSON"):
            client_services.encoded(wrong)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_it_is_python_3_9_and_imports_nothing_of_ours(source):
    tree = ast.parse(source.read_text(), feature_version=(3, 9))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level and node.module}
    ours = {"portal", "registry", "deployments", "frontend", "scoring", "django", "rest_framework"}
    assert not {name.partition(".")[0] for name in imported} & ours
    uses_http = {"httpx2", "http", "urllib.request", "socket"} & imported
    assert not uses_http or source.name == "transport.py"
