"""The folder broker under several processes: nothing lost, nothing twice, nothing half."""

from __future__ import annotations

import json
import multiprocessing
import time
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection, Exchange, Queue
from kombu.exceptions import ChannelError

from portal import broker


@pytest.fixture(autouse=True)
def no_bindings_of_another_folder():
    """kombu remembers in the process what it has bound already; each test has a folder of its own."""
    broker.Transport.global_state.clear()


WRITERS, MESSAGES, BYTES = 3, 300, 20_000


def connect(folder: Path) -> Connection:
    return Connection("fsq://", transport_options={**broker.transport_options("fsq://", folder), "polling_interval": 0.01})


def write(folder: Path, writer: int) -> None:
    with connect(folder) as connection:
        queue = connection.SimpleQueue("work")
        for number in range(MESSAGES):
            queue.put({"id": f"{writer}-{number}", "padding": "x" * BYTES})


def read(folder: Path, results: multiprocessing.Queue) -> None:
    seen = []
    with connect(folder) as connection:
        queue = connection.SimpleQueue("work")
        while True:
            try:
                message = queue.get(timeout=3)
            except Empty:
                break
            assert len(message.payload["padding"]) == BYTES
            seen.append(message.payload["id"])
            message.ack()
    results.put(seen)


def test_several_writers_and_readers_lose_nothing_and_double_nothing(tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    readers = [context.Process(target=read, args=(tmp_path, results)) for _ in range(2)]
    writers = [context.Process(target=write, args=(tmp_path, number)) for number in range(WRITERS)]
    for process in [*readers, *writers]:
        process.start()
    seen = [name for _ in readers for name in results.get(timeout=120)]
    for process in [*readers, *writers]:
        process.join(30)
        assert process.exitcode == 0
    assert len(seen) == WRITERS * MESSAGES
    assert set(seen) == {f"{writer}-{number}" for writer in range(WRITERS) for number in range(MESSAGES)}
    assert list((tmp_path / "messages").iterdir()) == []


def bind(folder: Path, name: str) -> None:
    with connect(folder) as connection:
        channel = connection.channel()
        for number in range(20):
            Queue(f"{name}-{number}", Exchange("shared", type="fanout"), routing_key="")(channel).declare()


def test_bindings_made_at_the_same_time_are_all_kept(tmp_path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=bind, args=(tmp_path, name)) for name in "abc"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    with connect(tmp_path) as connection:
        assert len(connection.channel().get_table("shared")) == 60


def test_messages_come_in_the_order_they_were_sent(tmp_path):
    with connect(tmp_path) as connection:
        queue = connection.SimpleQueue("work")
        for number in range(20):
            queue.put(number)
        assert [queue.get(timeout=2).payload for _ in range(20)] == list(range(20))


def test_a_reader_sees_no_half_written_message(tmp_path):
    with connect(tmp_path) as connection:
        queue = connection.SimpleQueue("work")
        half = tmp_path / "messages" / ".half.tmp"
        half.write_text('{"body": "cut o')
        with pytest.raises(Empty):
            queue.get(timeout=0.1)
        queue.put("whole")
        assert queue.get(timeout=2).payload == "whole"


def test_messages_can_be_read_by_their_owner_alone(tmp_path):
    with connect(tmp_path) as connection:
        connection.SimpleQueue("work").put("secret")
    (message,) = (tmp_path / "messages").iterdir()
    assert message.stat().st_mode & 0o077 == 0
    assert (tmp_path / "messages").stat().st_mode & 0o077 == 0
    assert json.loads(message.read_text())["headers"] is not None


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    with connect(tmp_path) as connection:
        queue = connection.SimpleQueue("work")
        (tmp_path / "messages").rmdir()
        with pytest.raises(ChannelError, match="cannot be written"):
            queue.put("lost")


def test_what_only_living_workers_could_use_is_cleared_and_work_stays(tmp_path):
    with connect(tmp_path) as connection:
        connection.SimpleQueue("work").put("kept")
        connection.SimpleQueue("build.celery.pidbox").put("gone")
    (tmp_path / "messages" / ".half.tmp").write_text("gone")
    (tmp_path / "control" / "celery.pidbox.exchange").write_text("[]")
    assert broker.clear_leftovers(tmp_path) >= 3
    (left,) = (tmp_path / "messages").iterdir()
    assert left.name.endswith(".work.msg")
    assert not list((tmp_path / "control").glob("*pidbox*"))


def test_other_brokers_get_their_own_options(tmp_path):
    assert broker.transport_options("redis://localhost/0", tmp_path)["visibility_timeout"] >= 3600
    assert broker.transport_options("amqp://localhost", tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


def test_a_worker_takes_a_task_sent_through_the_folder(tmp_path):
    """Celery itself over fsq://: sent, executed, answered to a ping."""
    from celery import Celery
    from celery.contrib.testing.worker import start_worker

    app = Celery("folder", broker="fsq://")
    app.conf.update(
        broker_transport_options={**broker.transport_options("fsq://", tmp_path), "polling_interval": 0.05}, task_ignore_result=True
    )
    done = tmp_path / "done"

    @app.task(name="touch")
    def touch(text):
        done.write_text(text)

    with start_worker(app, pool="threads", concurrency=1, perform_ping_check=False, queues=["celery"], shutdown_timeout=20):
        app.send_task("touch", args=["worked"])
        deadline = time.monotonic() + 20
        while not (done.exists() and done.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert done.read_text() == "worked"
        assert any(app.control.ping(timeout=2) for _ in range(5))
