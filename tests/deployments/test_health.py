"""What a replica answers about itself is other people's: it is asked with one time and one size."""

from __future__ import annotations

import socket
import threading
import time
from types import SimpleNamespace

import pytest

from deployments import health

REVISION = SimpleNamespace(
    service=SimpleNamespace(path="demo/iris", secret="s"), number=1, image=SimpleNamespace(bundle_digest="sha256:0"), nonce="n"
)


@pytest.fixture
def answering():
    """answering(send): the address of a server that calls send(connection) for each call."""
    servers = []

    def answering(send) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    try:
                        send(connection)
                    except OSError:
                        pass  # who asked has gone

        threading.Thread(target=serve, daemon=True).start()
        return f"127.0.0.1:{server.getsockname()[1]}"

    yield answering
    for server in servers:
        server.close()


@pytest.mark.parametrize("first", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"], ids=["head", "body"])
def test_an_answer_that_comes_drop_by_drop_has_one_time_limit(answering, monkeypatch, first):
    monkeypatch.setattr(health, "SECONDS", 0.5)

    def drip(connection) -> None:
        connection.sendall(first)
        for _ in range(40):
            time.sleep(0.1)
            connection.sendall(b" ")

    began = time.monotonic()
    assert not health.ask(answering(drip), REVISION).ready
    assert time.monotonic() - began < 3.5


def test_an_answer_without_an_end_is_not_read_to_it(answering):
    sent = 0

    def flood(connection) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000000000\r\n\r\n")
        while sent < 200 * 2**20:
            sent += connection.send(bytes(2**16))

    found = health.ask(answering(flood), REVISION)
    assert not found.ready and found.answered
    assert sent < 50 * 2**20
