"""A caller that sends its headers too slowly is not waited for."""

from __future__ import annotations

import socket

from tests.deployments.gateway_parts import Edge


def test_slow_headers_are_408(tmp_path):
    edge = Edge(tmp_path / "gateway", changes={"header_timeout": 1})
    edge.gateway.ensure_initial()
    edge.start()
    try:
        with socket.create_connection(("127.0.0.1", edge.port), timeout=5) as raw:
            raw.sendall(b"GET /demo/iris/score HTTP/1.1\r\nHost:")
            answer = b"".join(iter(lambda: raw.recv(4000), b""))
        assert answer.startswith(b"HTTP/1.1 408")
    finally:
        edge.stop()
