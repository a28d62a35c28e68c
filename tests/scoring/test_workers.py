"""Several processes behind one address: one replica to those who ask, whichever process answers."""

from __future__ import annotations

import concurrent.futures
import json
import os
import signal
import time

import pytest

from scoring import limits
from scoring.board import PLACES, Board
from scoring.metrics import Metrics

TELLS = """
import os, threading, time
from azureml.datacollector import ModelDataCollector

def init():
    global rows, loaded_by
    loaded_by = os.getpid()
    rows = ModelDataCollector("model.pkl", identifier="inputs")
    {init}

def run(body):
    if body == "end":
        os._exit(7)
    if body.startswith("sleep"):
        time.sleep(float(body.split()[1]))
    rows.collect([[os.getpid()]])
    return {{"pid": os.getpid(), "loaded_by": loaded_by, "threads": os.environ["OMP_NUM_THREADS"], "seen": body}}
"""


@pytest.fixture
def serve(folder, start):
    def make(init="pass", workers="2", **environment):
        place = folder(TELLS.format(init=init))
        return start(place, arguments=("--workers", workers), AML_MODEL_DC_STORAGE_ENABLED="true", OMP_NUM_THREADS="", **environment)

    return make


def call_all(replica, count=24):
    """From connections of their own, at once, so that all processes get some."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: replica.call("POST", "/score", b"sleep 0.02"), range(count)))


def answers(replica):
    found = call_all(replica)
    assert [status for status, _, _ in found] == [200] * len(found)
    return [json.loads(body) for _, _, body in found]


def numbers(replica):
    lines = replica.call("GET", "/metrics")[2].decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))}


def until(check, seconds=20.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = check()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come about")


def test_the_model_is_loaded_once_and_all_processes_answer_as_one_replica(serve):
    replica = serve()
    found = answers(replica)
    assert len({each["pid"] for each in found}) == 2
    assert {each["loaded_by"] for each in found} == {replica.process.pid}
    metrics = numbers(replica)
    assert metrics['modelport_requests_total{status="200"}'] == 24
    assert (metrics["modelport_workers"], metrics["modelport_ready"], metrics["modelport_run_seconds_count"]) == (2, 1, 24)
    pulled = json.loads(replica.call("GET", "/collected?after=0", headers={"X-Modelport-Pull": "1"})[2])
    assert {row[0] for batch in pulled["batches"] for row in batch["rows"]} == {each["pid"] for each in found}
    assert [batch["sequence"] for batch in pulled["batches"]] == list(range(1, 25))
    again = json.loads(replica.call("GET", f"/collected?after={pulled['next']}", headers={"X-Modelport-Pull": "1"})[2])
    assert again["batches"] == [] and again["spool"] == pulled["spool"]


def test_connections_that_stay_are_shared_evenly(serve):
    replica = serve()
    kept, pids = [], []
    for _ in range(24):
        sock = replica.connect()
        sock.sendall(b"POST /score HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
        kept.append(sock)
    for sock in kept:
        answer = b""
        while b'"seen"' not in answer or not answer.rstrip().endswith(b"}"):
            answer += sock.recv(4096)
        pids.append(json.loads(answer.partition(b"\r\n\r\n")[2])["pid"])
    shares = [pids.count(pid) for pid in set(pids)]
    assert len(shares) == 2 and max(shares) - min(shares) <= 4, shares
    for sock in kept:
        sock.close()


def test_a_process_that_ends_is_replaced_and_nothing_is_forgotten(serve):
    replica = serve()
    first = {each["pid"] for each in answers(replica)}
    with pytest.raises(Exception):  # noqa: B017 - however the client names a connection that is cut
        replica.call("POST", "/score", b"end")
    replica.wait_for("ended with exit code 7. Another one is started in its place.", 20)
    until(lambda: numbers(replica)["modelport_workers"] == 2)
    second = {each["pid"] for each in answers(replica)}
    assert len(second) == 2 and len(second & first) == 1
    metrics = numbers(replica)
    assert (metrics["modelport_worker_restarts_total"], metrics['modelport_requests_total{status="200"}']) == (1, 48)
    pulled = json.loads(replica.call("GET", "/collected?after=0", headers={"X-Modelport-Pull": "1"})[2])
    assert {row[0] for batch in pulled["batches"] for row in batch["rows"]} == first | second


def test_processes_that_end_again_and_again_end_the_replica(serve):
    replica = serve()
    for _ in range(40):
        try:
            replica.call("POST", "/score", b"end", timeout=5)
        except OSError:
            pass
        except Exception:
            pass
        if replica.process.poll() is not None:
            break
    assert replica.wait() == 1
    assert any("It is the 5th within 60 s: stopping." in line for line in replica.lines)


def test_stopping_finishes_what_is_in_flight_in_every_process(serve):
    replica = serve()
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        calls = [pool.submit(replica.call, "POST", "/score", b"sleep 1") for _ in range(10)]
        until(lambda: numbers(replica)["modelport_running"] == 2)
        replica.signal()
        assert {call.result()[0] for call in calls} <= {200, 503}
        assert sum(call.result()[0] == 200 for call in calls) >= 2
    assert replica.wait() == 0
    assert sum("Stopping: finishing the requests in flight." in line for line in replica.lines) == 1


def test_no_process_outlives_the_one_that_looks_after_them(serve):
    replica = serve()
    pids = {each["pid"] for each in answers(replica)}
    replica.signal(signal.SIGKILL)
    replica.wait()

    def gone(pid):
        try:
            with open(f"/proc/{pid}/stat") as file:
                return file.read().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            return True

    until(lambda: all(gone(pid) for pid in pids))


def test_a_call_beyond_its_time_blocks_its_own_process_only(serve):
    replica = serve(MODELPORT_TIMEOUT_SECONDS="2")

    def who_answers_all():
        found = call_all(replica)
        return {json.loads(body)["pid"] for _, _, body in found} if {status for status, _, _ in found} == {200} else set()

    assert replica.call("POST", "/score", b"sleep 12")[0] == 504
    assert len(until(who_answers_all)) == 1
    assert replica.call("GET", "/readyz")[0] == 200
    until(lambda: len(who_answers_all()) == 2)


@pytest.mark.parametrize(
    "init",
    [
        "threading.Thread(target=time.sleep, args=(300,), daemon=True).start()",
        "import socket; rows.held = socket.create_server(('127.0.0.1', 0))",
    ],
)
def test_what_cannot_be_copied_is_loaded_by_each_process(serve, init):
    replica = serve(init)
    found = answers(replica)
    assert len({each["pid"] for each in found}) == 2
    assert all(each["loaded_by"] == each["pid"] for each in found)
    assert any("The loaded model cannot be shared" in line and "loads it for itself" in line for line in replica.lines)
    assert numbers(replica)["modelport_workers"] == 2


def test_one_that_loads_for_itself_takes_calls_when_it_can_answer_them(serve):
    replica = serve("time.sleep(1)", MODELPORT_SHARE="off")
    first = {each["pid"] for each in answers(replica)}
    with pytest.raises(Exception):  # noqa: B017 - however the client names a connection that is cut
        replica.call("POST", "/score", b"end")
    # Whoever is asked meanwhile answers.
    until(lambda: len({each["pid"] for each in answers(replica)} | first) == 3)
    assert numbers(replica)["modelport_worker_restarts_total"] == 1


def test_where_nobody_asked_for_several_one_process_serves_what_cannot_be_copied(serve):
    if limits.cpus() < 2:
        pytest.skip("several processes need two cores")
    assert len({each["pid"] for each in answers(serve(workers="auto"))}) == int(limits.cpus())
    replica = serve("threading.Thread(target=time.sleep, args=(300,), daemon=True).start()", workers="auto", MODELPORT_SECRET="")
    found = answers(replica)
    assert {each["pid"] for each in found} == {replica.process.pid}
    assert {each["threads"] for each in found} == {str(int(limits.cpus()))}


def test_a_file_that_cannot_be_loaded_ends_the_replica(folder, start):
    place = folder("def init():\n    raise ValueError('broken')\ndef run(x): pass")
    for environment in ({}, {"MODELPORT_SHARE": "off"}):
        replica = start(place, ready=False, arguments=("--workers", "2"), **environment)
        assert replica.wait() == 3
        assert any("init() failed: score.py line 2: ValueError: broken" in line for line in replica.lines)


def test_the_secret_and_the_address_survive_a_second_start(bundle, folder, start, tmp_path):
    place = folder(TELLS.format(init="threading.Thread(target=time.sleep, args=(300,), daemon=True).start()"))
    replica = start(bundle(place), unix=tmp_path / "r.sock", arguments=("--workers", "2"), MODELPORT_SECRET="s3cret")
    assert replica.call("POST", "/score", b"x")[0] == 403
    assert replica.call("POST", "/score", b"x", {"X-Modelport-Secret": "s3cret"})[0] == 200
    replica.signal()
    assert replica.wait() == 0 and not (tmp_path / "r.sock").exists()


# Limits.


def group(root, lines, **files):
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(lines)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("lines", "files", "cores"),
    [
        ("0::/\n", {"cpu_dot_max": "50000 100000\n"}, 0.5),
        ("0::/a/b\n", {"a__b__cpu_dot_max": "max 100000\n", "a__cpu_dot_max": "20000 100000\n"}, 0.2),
        ("4:cpu,cpuacct:/docker/abc\n", {"cpu__cpu.cfs_quota_us": "25000\n", "cpu__cpu.cfs_period_us": "100000\n"}, 0.25),
        ("4:cpu:/\n", {"cpu__cpu.cfs_quota_us": "-1\n", "cpu__cpu.cfs_period_us": "100000\n"}, None),
        ("", {}, None),
    ],
)
def test_cores_are_the_containers(tmp_path, lines, files, cores):
    expected = cores or len(os.sched_getaffinity(0))
    assert limits.cpus(root=group(tmp_path, lines, **files)) == expected


def test_counters_of_all_lanes_are_one():
    board = Board(2)
    for place in (0, 1):
        metrics = Metrics(board, place)
        metrics.answered(200)
        metrics.refused(503)
        metrics.ran(0.003, failed=place == 1)
    text = metrics.text(ready=True, collected=0, dropped=0)
    for line in (
        'modelport_requests_total{status="200"} 2',
        'modelport_requests_total{status="503"} 2',
        'modelport_run_seconds_bucket{le="0.005"} 2',
        "modelport_run_failures_total 1",
    ):
        assert line in text.splitlines()


def test_a_connection_goes_where_fewer_are_and_nothing_takes_long():
    board = Board(3)
    lanes, now = board.lanes, time.monotonic()
    for place, connections in enumerate((3, 1, 0)):
        lanes[place][PLACES["connections"]] = connections
    ready, started = PLACES["ready"], PLACES["started"]
    assert not board.prefers_another(lanes[0])  # nobody else takes calls
    lanes[0][ready] = lanes[1][ready] = 1
    assert board.prefers_another(lanes[0]) and not board.prefers_another(lanes[1])
    lanes[0][PLACES["connections"]] = 2  # one more is no reason
    assert not board.prefers_another(lanes[0])
    lanes[0][PLACES["connections"]] = 3
    lanes[1][started] = now - 0.2  # a short call is no reason
    assert board.prefers_another(lanes[0])
    lanes[1][started] = now - 5
    assert not board.prefers_another(lanes[0]) and board.prefers_another(lanes[1])


def test_the_iris_example_shares_its_model(start, iris_folder):
    replica = start(iris_folder, arguments=("--workers", "2"), OMP_NUM_THREADS="")
    row = {"sepal length": 3.0, "sepal width": 3.6, "petal width": 1.3, "petal length": 0.25}
    for _ in range(8):
        assert json.loads(replica.call("POST", "/score", {"input_df": [row]})[2]) == ["Iris-setosa"]
    assert any("which share the loaded model" in line for line in replica.lines)


def test_the_last_rows_of_all_processes_are_handed_over_before_the_replica_ends(serve):
    import http.client

    replica = serve()
    puller = http.client.HTTPConnection("127.0.0.1", replica.port, timeout=20)

    def pull(after: int) -> dict:
        puller.request("GET", f"/collected?after={after}", headers={"X-Modelport-Pull": "1"})
        return json.loads(puller.getresponse().read())

    assert pull(0)["batches"] == []
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(replica.call, "POST", "/score", b"sleep 2") for _ in range(4)]
        until(lambda: numbers(replica)["modelport_queue_length"] >= 2)
        replica.signal()
        replica.wait_for("Stopping", 20)
        got, after = 0, 0
        while got < 4:
            found = pull(after)  # the connection is the replica's last: a broken one fails here
            got, after = got + sum(len(batch["rows"]) for batch in found["batches"]), found["next"]
            time.sleep(0.05)
        pull(after)
        assert [call.result()[0] for call in calls] == [200] * 4
    assert replica.wait() == 0 and not any("lost" in line for line in replica.lines)
