"""The gateway's call log: lines as HAProxy really sends them, and latencies in buckets."""

from __future__ import annotations

import random
import socket
import time
from itertools import pairwise

import pytest

from deployments.gateway import rules
from deployments.telemetry import lines
from deployments.telemetry.histogram import BOUNDS, Histogram
from deployments.telemetry.lines import BadLine, parse
from deployments.telemetry.receiver import CallReceiver
from tests.deployments.gateway_parts import IRIS, KEY, Edge, Upstream, backend, iris, other, until

LINE = f"call1 1795364318543657 {IRIS} r_{IRIS}_4 r0.9c189428 abc POST score 200 221 380 1473 ---- req-1"


@pytest.fixture
def receiver():
    calls = []
    receiver = CallReceiver("127.0.0.1", 0, calls.append)
    receiver.calls = calls
    receiver.start()
    yield receiver
    receiver.stop()


@pytest.fixture
def send(receiver):
    def send(data: bytes) -> None:
        with socket.create_connection(receiver.address, timeout=5) as connection:
            connection.sendall(data)

    return send


def test_writer_and_reader_agree():
    assert rules.LOG_MARK == lines.MARK
    assert len(rules.LOG_FIELDS) + 1 == len(LINE.split(" "))


def test_a_line():
    call = parse(f"<134>1 2026-11-22T16:18:38+00:00 host haproxy 12 - - {LINE}\n")
    assert call == parse(LINE)
    assert (call.started_us, call.service, call.revision, call.server, call.key) == (1795364318543657, IRIS, 4, "r0", "abc")
    assert (call.method, call.path_class, call.status, call.bytes_in, call.bytes_out) == ("POST", "score", 200, 221, 380)
    assert (call.total_us, call.termination, call.request_id) == (1473, "----", "req-1")


def test_a_line_of_a_call_that_got_nowhere():
    call = parse("call1 1795364318543657 - calls <NOSRV> - GET other -1 97 355 -5 CR-- -")
    assert (call.service, call.revision, call.server, call.key, call.request_id) == ("", None, "", "", "")
    assert (call.status, call.total_us) == (0, 0)


@pytest.mark.parametrize("bad", ["", "x", LINE[6:], LINE + " more", LINE.rsplit(" ", 1)[0], LINE.replace("200", "ok"), "\x00" * 50])
def test_other_lines_are_refused(bad):
    with pytest.raises(BadLine):
        parse(bad)


def test_every_call_through_haproxy_is_received(receiver, tmp_path):
    replica, stranger = Upstream("r0.with.dots"), Upstream("o0", "team/other", 7, "other-secret")
    edge = Edge(tmp_path / "gateway", log_address="{}:{}".format(*receiver.address))
    edge.gateway.ensure_initial()
    edge.start()
    try:
        edge.apply(iris(backend(replica)))
        replica.delay = 0.05
        before = time.time_ns() // 1000
        assert edge.call(body=b"{}", headers=[("X-Request-Id", "one")]).status == 200
        assert edge.call("/demo/iris/swagger.json", key="wrong", headers=[("X-Request-Id", "two")]).status == 401
        assert edge.call("/none/none/score", headers=[("X-Request-Id", "three")]).status == 404
        until(lambda: receiver.received == 3, "three lines")
        one, two, three = sorted(receiver.calls, key=lambda call: call.started_us)
        assert (one.service, one.revision, one.server, one.key, one.request_id) == (IRIS, 1, "r0.with.dots", "abcdefghijkl", "one")
        assert (one.method, one.path_class, one.status) == ("POST", "score", 200)
        assert before <= one.started_us <= time.time_ns() // 1000
        assert 50_000 <= one.total_us < 2_000_000 and one.bytes_in > 100 and one.bytes_out > 100
        assert (two.service, two.revision, two.key, two.path_class, two.status) == (IRIS, None, "", "swagger", 401)
        assert (three.service, three.status, three.request_id) == ("", 404, "three")

        replica.delay = 0
        for turn in range(6):
            for _ in range(20):
                assert edge.call(body=b"{}").status == 200
            assert edge.apply(iris(backend(replica)), *([other(backend(stranger))] if turn % 2 == 0 else [])) == "reload"
        until(lambda: receiver.received == 123, f"120 more lines over six reloads, not {receiver.received}")
        assert receiver.unreadable == receiver.failed == 0
        assert KEY not in str(receiver.calls)
    finally:
        edge.stop()
        replica.stop()
        stranger.stop()


def test_calls_wait_for_a_receiver_that_is_away(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    replica, calls = Upstream(), []
    edge = Edge(tmp_path / "gateway", log_address=f"127.0.0.1:{port}")
    edge.apply(iris(backend(replica)))
    edge.start()
    try:
        assert [edge.call().status for _ in range(5)] == [200] * 5
        receiver = CallReceiver("127.0.0.1", port, calls.append)
        receiver.start()
        until(lambda: len(calls) == 5, "the five calls arrive late")
        receiver.stop()
    finally:
        edge.stop()
        replica.stop()


def test_frames_counted_and_by_line(receiver, send):
    message = b"<134>1 - - - - - - " + LINE.encode()
    send(b"%d %s%d %s" % (len(message), message, len(message), message))
    send(message + b"\n" + message + b"\n")
    until(lambda: receiver.received == 4, "four calls")
    assert receiver.unreadable == 0


def test_what_cannot_be_read_is_counted_and_the_next_is_read(receiver, send):
    message = b"<134>1 - - - - - - " + LINE.encode()
    send(b"<134>1 - - - - - - nonsense\n" + b"7 <1>1 xx" + b"%d %s" % (len(message), message))
    until(lambda: receiver.received == 1, "the good one")
    assert receiver.unreadable == 2
    send(b"99999999999 x")
    send(b"500 cut off")
    until(lambda: receiver.unreadable == 4, "the bad frames")


def test_a_callback_that_raises_stops_nothing(caplog):
    calls = []

    def take(call):
        calls.append(call)
        raise RuntimeError("broken")

    receiver = CallReceiver("127.0.0.1", 0, take)
    receiver.start()
    with socket.create_connection(receiver.address, timeout=5) as connection:
        connection.sendall((LINE + "\n").encode() * 3)
    until(lambda: receiver.failed == 3, "three failures")
    receiver.stop()
    assert len(calls) == 3


def test_buckets_cover_what_is_promised():
    assert BOUNDS[0] == 50 and BOUNDS[-1] == 60_000_000
    assert all(1.0 < high / low <= 1.21 for low, high in pairwise(BOUNDS))


@pytest.mark.parametrize("q", [0.01, 0.5, 0.9, 0.99])
def test_quantiles_are_near_the_truth(q):
    chance = random.Random(7)
    values = sorted(int(chance.lognormvariate(8, 1.5)) + 60 for _ in range(5000))
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    true = values[int(q * len(values)) - 1]
    assert histogram.total == 5000 and abs(histogram.quantile(q) / true - 1) < 0.2


def test_edges_of_the_histogram():
    histogram = Histogram()
    assert histogram.quantile(0.5) is None
    for value in (0, 49, 50):
        histogram.add(value)
    assert histogram.as_data() == {"0": 3} and histogram.quantile(1) == pytest.approx(50)
    histogram.add(10**12)
    assert histogram.quantile(1) == 60_000_000 and histogram.total == 4
    with pytest.raises(ValueError):
        histogram.quantile(1.5)


def test_merging_is_adding():
    first, second, whole = Histogram(), Histogram(), Histogram()
    for number, value in enumerate(range(60, 60_000, 97)):
        (first if number % 3 else second).add(value)
        whole.add(value)
    merged = Histogram(first.as_data()).merge([Histogram(second.as_data())])
    assert merged.as_data() == whole.as_data() and merged.quantile(0.9) == whole.quantile(0.9)


@pytest.mark.parametrize("bad", [{"-1": 1}, {str(len(BOUNDS) + 1): 1}, {"0": -1}, {"x": 1}])
def test_stored_rows_are_checked(bad):
    with pytest.raises(ValueError):
        Histogram(bad)
