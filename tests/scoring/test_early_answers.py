"""An answer that nobody else's waits behind is written by the thread that called run(), past the event loop."""

from __future__ import annotations

import json
import os
import socket

import pytest

from tests.scoring.test_server import until

#: run() can hold up the event loop's thread, from before its answer until the other end of a pipe is closed
HELD = """
import asyncio, gc, json, os, threading

def init():
    global loop
    loop = next(each for each in gc.get_objects() if isinstance(each, asyncio.AbstractEventLoop) and each.is_running())

def run(body):
    wanted = json.loads(body)
    if "pipe" in wanted:
        reader, held = os.open(wanted["pipe"], os.O_RDONLY), threading.Event()
        loop.call_soon_threadsafe(lambda: (held.set(), os.read(reader, 1), os.close(reader)))
        held.wait()
    return "x" * wanted.get("length", 1)
"""

#: one row keeps run() busy until its pipe is closed; several hold up the event loop's thread
HELD_TOGETHER = """
import asyncio, gc, os, threading

def init():
    global loop
    loop = next(each for each in gc.get_objects() if isinstance(each, asyncio.AbstractEventLoop) and each.is_running())

def run(df):
    reader = os.open(df["fifo"][0], os.O_RDONLY)
    if len(df) == 1:
        os.read(reader, 1)
        os.close(reader)
    else:
        held = threading.Event()
        loop.call_soon_threadsafe(lambda: (held.set(), os.read(reader, 1), os.close(reader)))
        held.wait()
    return df.x
"""
COLUMN = {
    "input": {
        "df": {
            "type": 3,
            "internal": {"columns": [{"name": "x", "dtype": "float64"}, {"name": "fifo", "dtype": "text"}]},
            "swagger": {"example": [{"x": 1.5, "fifo": "/dev/null"}]},
        }
    }
}


def post(document, **headers) -> bytes:
    body = json.dumps(document).encode()
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
    return b"POST /score HTTP/1.1\r\nhost: x\r\n%bcontent-length: %d\r\n\r\n%b" % (more, len(body), body)


def read_answer(sock: socket.socket) -> tuple[bytes, bytes]:
    """The head, and the body by its length."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = sock.recv(65536)
        assert part, "hung up"
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        part = sock.recv(65536)
        assert part, "hung up"
        body += part
    assert len(body) == length
    return head, body


def test_it_does_not_wait_for_the_loop_and_the_loop_goes_on_after_it(start, folder, tmp_path):
    replica = start(folder(HELD))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with replica.connect(5.0) as sock:
        sock.sendall(post({"pipe": str(pipe)}, **{"x-ms-client-request-id": "mine"}))
        with open(pipe, "wb"):  # the loop stands still until this is closed
            head, body = read_answer(sock)
            assert (head.split(b"\r\n")[0], body) == (b"HTTP/1.1 200 OK", b'"x"')
            assert b"x-ms-client-request-id: mine" in head
        for _ in range(20):
            sock.sendall(post({}))
            assert read_answer(sock)[1] == b'"x"'
    metrics = replica.call("GET", "/metrics")[2]
    assert b'modelport_requests_total{status="200"} 21\n' in metrics


def test_nor_do_several_that_were_calculated_together(start, folder, tmp_path):
    replica = start(folder(HELD_TOGETHER, COLUMN), MODELPORT_BATCHING="on")
    first, second = tmp_path / "first", tmp_path / "second"
    for each in (first, second):
        os.mkfifo(each)
    with replica.connect(5.0) as busy, replica.connect(5.0) as one, replica.connect(5.0) as other:
        busy.sendall(post({"df": [{"x": 1.0, "fifo": str(first)}]}))
        with open(first, "wb"):  # run() is busy until this is closed
            for sock in (one, other):
                sock.sendall(post({"df": [{"x": 2.0, "fifo": str(second)}]}))
            until(lambda: b"\nmodelport_queue_length 2\n" in replica.call("GET", "/metrics")[2])
        with open(second, "wb"):  # the loop stands still until this is closed
            assert [read_answer(sock)[1] for sock in (one, other)] == [b"[2.0]", b"[2.0]"]
        assert read_answer(busy)[1] == b"[1.0]"


def test_what_the_socket_does_not_take_at_once_follows(start, folder):
    """The answer is larger than any buffer on its way, and its reader is slow to begin."""
    replica, length = start(folder(HELD)), 20_000_000
    with replica.connect() as sock:
        for _ in range(3):
            sock.sendall(post({"length": length}) + post({"length": 3}))
            assert read_answer_of_two(sock, length + 2) == b'"xxx"'


def read_answer_of_two(sock: socket.socket, first: int) -> bytes:
    """The second of two answers that come one after the other; the first is `first` bytes long."""
    data = bytearray()
    while data.count(b"HTTP/1.1 200 OK") < 2 or not data.endswith(b'"xxx"'):
        part = sock.recv(1 << 20)
        assert part, "hung up"
        data += part
    one, two = bytes(data).split(b"HTTP/1.1 200 OK")[1:]
    assert len(one.partition(b"\r\n\r\n")[2]) == first
    return two.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
def test_a_caller_who_has_gone_harms_nobody_and_is_not_written_of(start, folder, connection):
    replica = start(folder(HELD))
    for _ in range(30):
        with replica.connect() as sock:
            sock.sendall(post({"length": 2_000_000}, connection=connection))
            if connection == "close":
                sock.recv(16)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # hang up with a reset
    assert replica.score({"length": 2})[2] == b'"xx"'
    assert not [line for line in replica.lines if "transport" in line or "Traceback" in line]


def test_the_last_answer_says_that_it_is_the_last(start, folder):
    replica = start(folder(HELD))
    answer = replica.raw(post({}, connection="close"))
    assert b"\r\nconnection: close\r\n" in answer and answer.endswith(b'"x"')
