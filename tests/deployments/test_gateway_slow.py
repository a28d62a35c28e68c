"""A caller that sends too slowly is not waited for; a call that takes long is."""

from __future__ import annotations

import json
import socket

from tests.deployments.gateway_parts import KEY, Edge, Upstream, backend, iris


def test_a_body_that_is_waited_for_and_does_not_come_is_a_408_in_our_shape(tmp_path):
    edge, replica = Edge(tmp_path / "gateway", changes={"header_timeout": 1}), Upstream()
    edge.gateway.ensure_initial()
    edge.start()
    try:
        edge.apply(iris(backend(replica), repeatable=True))
        with socket.create_connection(("127.0.0.1", edge.port), timeout=10) as raw:
            raw.sendall(
                b"POST /demo/iris/score HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nAuthorization: Bearer %s\r\n\r\nhalf" % KEY.encode()
            )
            head, _, body = b"".join(iter(lambda: raw.recv(4000), b"")).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408") and b"application/json" in head
        said = json.loads(body)
        assert (said["code"], said["statusCode"]) == ("RequestTimeout", 408) and said["requestId"].encode() in head
    finally:
        edge.stop()
        replica.stop()


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


def test_a_call_may_take_longer_than_a_client_may_be_silent(tmp_path):
    edge, replica = Edge(tmp_path / "gateway", changes={"client_timeout": 1}), Upstream()
    edge.apply(iris(backend(replica)))
    edge.start()
    try:
        replica.delay = 1.8
        assert edge.call(body=b"{}").status == 200
    finally:
        edge.stop()
        replica.stop()
