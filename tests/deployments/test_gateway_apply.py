"""How routes get into a running HAProxy: keys and replicas while it runs, the rest by a reload that loses no call."""

from __future__ import annotations

import os
import signal
import stat
import threading
import time
from collections import Counter

import pytest

from deployments.gateway import Gateway, GatewayError, GatewaySettings, HaproxyMissing, ReplicaRoute, Routes, find_haproxy
from deployments.gateway.render import render
from tests.deployments.gateway_parts import KEY, OTHER_KEY, Edge, Upstream, backend, gone, iris, key_route, other, until


@pytest.fixture
def edge(tmp_path):
    edge = Edge(tmp_path / "gateway")
    edge.gateway.ensure_initial()
    edge.start()
    yield edge
    edge.stop()


@pytest.fixture
def upstreams():
    """upstreams(name, ...): a replica, stopped at the end."""
    made = []

    def make(*args, **kwargs):
        made.append(Upstream(*args, **kwargs))
        return made[-1]

    yield make
    for upstream in made:
        upstream.stop()


class Load:
    """Calls from several threads until `stop`; each thread keeps its connection, as clients do."""

    def __init__(self, edge: Edge, threads: int = 4, pause: float = 0.01):
        self.seen: Counter = Counter()
        self.replicas: Counter = Counter()
        self._edge, self._pause, self._end, self._turns = edge, pause, threading.Event(), [0] * threads
        self._threads = [threading.Thread(target=self._run, args=[number], daemon=True) for number in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self, number):
        connection = self._edge.connect()
        while not self._end.is_set():
            try:
                answer = self._edge.call(body=b"{}", over=connection)
                self.seen[answer.status] += 1
                if answer.status == 200:
                    self.replicas[answer.json["replica"]] += 1
            except Exception as error:
                self.seen[repr(error)] += 1
                connection.close()
            self._turns[number] += 1
            time.sleep(self._pause)
        connection.close()

    def turn(self) -> None:
        """Until every thread has had the answer to a call that it began after this."""
        before = list(self._turns)
        until(lambda: all(now > then + 1 for now, then in zip(self._turns, before, strict=True)), "each thread calls again")

    def stop(self) -> Counter:
        self._end.set()
        for thread in self._threads:
            thread.join(15)
        return self.seen


def test_a_revoked_key_ends_at_once_and_nothing_is_reloaded(edge, upstreams):
    replica = upstreams()
    both = (key_route(KEY), key_route(OTHER_KEY, "second"))
    edge.apply(iris(backend(replica), keys=both))
    worker, kept = edge.pid(), edge.connect()
    assert edge.call(over=kept).status == edge.call(key=OTHER_KEY).status == 200
    assert edge.apply(iris(backend(replica), keys=both[1:])) == "runtime"
    assert edge.call(over=kept).status == 401
    assert edge.call(key=OTHER_KEY).status == 200
    assert edge.apply(iris(backend(replica), keys=(key_route("mp_new", "third"),))) == "runtime"
    assert edge.call(key="mp_new").status == 200 and edge.call(key=OTHER_KEY).status == 401
    assert edge.pid() == worker
    kept.close()


def test_a_key_revoked_after_a_reload_ends_on_old_connections_too(edge, upstreams):
    """An idle connection stays with the worker that is being replaced, and that worker has a key map of its own."""
    replica, stranger = upstreams(), upstreams("o0", "team/other", 7, "other-secret")
    edge.apply(iris(backend(replica)))
    kept, second = edge.connect(), edge.connect()
    assert edge.call(over=kept).status == edge.call(over=second).status == 200
    assert edge.apply(iris(backend(replica)), other(backend(stranger))) == "reload"
    assert edge.gateway.control.workers().old
    assert edge.call(over=second).status == 200
    assert edge.apply(iris(backend(replica), keys=()), other(backend(stranger))) == "runtime"
    assert edge.call(over=kept).status == 401
    kept.close()
    second.close()


def test_a_key_that_goes_with_the_change_that_reloads(edge, upstreams):
    replica, stranger = upstreams(), upstreams("o0", "team/other", 7, "other-secret")
    edge.apply(iris(backend(replica)))
    kept = edge.connect()
    assert edge.call(over=kept).status == 200
    assert edge.apply(iris(backend(replica), keys=()), other(backend(stranger))) == "reload"
    assert edge.call(over=kept).status == 401
    kept.close()


def test_replicas_come_and_go_while_it_runs(edge, upstreams, tmp_path):
    first, second, third = upstreams("r0"), upstreams("r1"), upstreams("r2", path=tmp_path / "r2.sock")
    edge.apply(iris(backend(first)))
    worker = edge.pid()
    load = Load(edge)
    assert edge.apply(iris(backend(first, second, third))) == "runtime"
    until(lambda: {"r0", "r1", "r2"} <= set(load.replicas), "all three are called")
    assert edge.apply(iris(backend(third))) == "runtime"
    load.turn()
    load.replicas.clear()
    until(lambda: load.replicas["r2"] > 20, "the third is called")
    assert set(load.replicas) == {"r2"}
    assert edge.apply(iris(backend(first, third))) == "runtime"
    until(lambda: load.replicas["r0"] > 3, "the first is called again")
    assert set(load.stop()) == {200}
    assert edge.pid() == worker


def test_the_same_name_at_another_address_is_another_server(edge, upstreams):
    edge.apply(iris(backend(upstreams("r0"))))
    again = upstreams("r0")
    assert edge.apply(iris(backend(again))) == "runtime"
    assert edge.call().status == 200 and again.seen


def test_a_replica_added_while_it_runs_is_checked(edge, upstreams):
    first, second = upstreams("r0"), upstreams("r1")
    edge.apply(iris(backend(first)))
    edge.apply(iris(backend(first, second)))
    until(lambda: second.probes >= 3, "the new replica is asked for its health")
    second.nonce = "somebody-else"
    until(lambda: {edge.call().json["replica"] for _ in range(20)} == {"r0"}, "the check tells it is another one")
    second.seen.clear()
    assert {edge.call().json["replica"] for _ in range(10)} == {"r0"}
    assert second.seen == []


@pytest.mark.parametrize(
    "changed", [{"service": "demo/wine"}, {"revision": 2}, {"nonce": "older"}, {"digest": "sha256:b"}, {"secret": "x"}]
)
def test_only_the_replica_that_is_meant_is_called(edge, upstreams, changed):
    replica = upstreams()
    meant = backend(replica)
    for name, value in changed.items():
        setattr(replica, name, value)
    edge.apply(iris(meant))
    until(lambda: edge.call().status == 503, "the check tells it is another one")
    replica.seen.clear()
    assert edge.call().json["code"] == "Unavailable" and replica.seen == []


def test_a_dead_replica_costs_no_call(edge, upstreams):
    first, second = upstreams("r0"), upstreams("r1")
    edge.apply(iris(backend(first, second)))
    load = Load(edge)
    until(lambda: {"r0", "r1"} <= set(load.replicas), "both are called")
    gone_route = ReplicaRoute("r9", "127.0.0.1:1")
    meant = backend(first, second)
    edge.apply(iris(type(meant)(1, 100, meant.digest, meant.nonce, (*meant.replicas, gone_route))))
    time.sleep(0.5)
    assert set(load.stop()) == {200}


def test_weights_share_the_calls_between_revisions(edge, upstreams):
    old, new = upstreams("r0"), upstreams("n0", revision=2)
    edge.apply(iris(backend(old, weight=80), backend(new, weight=20)))
    seen = Counter(edge.call().json["replica"] for _ in range(300))
    assert sum(seen.values()) == 300 and 25 <= seen["n0"] <= 105
    assert edge.apply(iris(backend(old, weight=0), backend(new, weight=1))) == "runtime"
    assert {edge.call().json["replica"] for _ in range(20)} == {"n0"}


def test_reloads_under_load_lose_no_call(edge, upstreams):
    replica, stranger = upstreams(), upstreams("o0", "team/other", 7, "other-secret")
    edge.apply(iris(backend(replica)))
    replica.delay = 0.01
    load = Load(edge)
    how = []
    for turn in range(8):
        time.sleep(0.15)
        how.append(edge.apply(iris(backend(replica)), *([other(backend(stranger))] if turn % 2 == 0 else [])))
    until(lambda: sum(load.seen.values()) >= 300, "three hundred calls")
    seen = load.stop()
    assert how == ["reload"] * 8
    assert set(seen) == {200} and sum(seen.values()) >= 300


def test_a_call_in_flight_outlives_the_reload(edge, upstreams):
    replica, stranger = upstreams(), upstreams("o0", "team/other", 7, "other-secret")
    edge.apply(iris(backend(replica)))
    replica.delay = 1.0
    answers = []
    thread = threading.Thread(target=lambda: answers.append(edge.call().status))
    thread.start()
    until(lambda: replica.seen, "the call has arrived")
    assert edge.apply(other(backend(stranger))) == "reload"
    thread.join(10)
    assert answers == [200]
    assert edge.call().status == 404


def test_restarted_alone_it_serves_what_was_last_applied(edge, upstreams):
    first, second = upstreams("r0"), upstreams("r1")
    edge.apply(iris(backend(first)))
    edge.apply(iris(backend(second), keys=(key_route(OTHER_KEY, "second"),)))
    os.kill(edge.process.pid, signal.SIGKILL)
    edge.process.wait(5)
    edge.start()
    assert edge.gateway.verify(2)
    assert edge.call(key=OTHER_KEY).json["replica"] == "r1"
    assert edge.call(key=KEY).status == 401


def test_a_worker_that_dies_comes_back_with_the_same(edge, upstreams):
    edge.apply(iris(backend(upstreams())))
    os.kill(edge.pid(), signal.SIGKILL)
    until(lambda: edge.process.poll() is not None, "the master ends with its worker, so that the supervisor starts both")
    edge.start()
    assert edge.call().status == 200


def test_while_it_does_not_run_the_files_are_written(tmp_path, upstreams):
    edge = Edge(tmp_path / "gateway")
    assert edge.apply(iris(backend(upstreams()))) == "written"
    assert edge.gateway.running_generation() is None and not edge.gateway.verify()
    edge.start()
    try:
        assert edge.gateway.verify(1) and edge.call().status == 200
    finally:
        edge.stop()


def test_an_older_generation_never_wins(edge, upstreams):
    replica = upstreams()
    edge.generation = 9
    edge.apply(iris(backend(replica)))
    late = edge.gateway.apply(Routes(5, ()))
    assert (late.how, late.generation) == ("stale", 10)
    assert edge.call().status == 200 and edge.gateway.verify(10) and not edge.gateway.verify(5)


def test_appliers_at_once_end_with_the_newest(edge, upstreams):
    replica = upstreams()
    edge.apply(iris(backend(replica)))
    routes = [Routes(number, (iris(backend(replica), keys=(key_route(f"mp_{number}", f"k{number}"),)),)) for number in range(2, 12)]
    results = []
    appliers = [threading.Thread(target=lambda item=item: results.append(Gateway(edge.gateway.settings).apply(item))) for item in routes]
    for applier in appliers:
        applier.start()
    for applier in appliers:
        applier.join(60)
    assert len(results) == 10 and edge.gateway.verify(11)
    assert edge.call(key="mp_11").status == 200 and edge.call(key="mp_10").status == 401


def test_the_same_generation_again_repairs_a_process_that_drifted(edge, upstreams):
    replica = upstreams()
    edge.apply(iris(backend(replica)))
    worker = edge.gateway.control.worker(edge.pid())
    worker.ask(f"del map keys.map {next(iter(worker.map('keys.map')))}")
    assert edge.call().status == 401
    assert edge.gateway.apply(Routes(1, (iris(backend(replica)),))).how == "runtime"
    assert edge.call().status == 200


def test_a_start_with_other_settings_keeps_the_services(tmp_path, upstreams):
    before = Edge(tmp_path / "gateway")
    before.apply(iris(backend(upstreams())))
    after = Edge(tmp_path / "gateway")
    after.gateway.ensure_initial()
    after.start()
    try:
        assert after.port != before.port and after.call().status == 200
    finally:
        after.stop()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"generation": 1, "services": [{"group": "?"}]}'])
def test_routes_that_cannot_be_read_stop_nothing(tmp_path, upstreams, text):
    edge = Edge(tmp_path / "gateway")
    edge.apply(iris(backend(upstreams())))
    (edge.folder / "current" / "routes.json").write_text(text)
    edge.gateway.ensure_initial()
    edge.start()
    try:
        assert edge.call().status == 200
        assert edge.apply() == "reload" and edge.call().status == 404
    finally:
        edge.stop()


def test_what_haproxy_refuses_changes_nothing(edge, upstreams, tmp_path):
    edge.apply(iris(backend(upstreams())))
    broken = Gateway(GatewaySettings(folder=edge.folder, port=edge.port, host="not an address"))
    with pytest.raises(GatewayError, match="refuses the configuration"):
        broken.apply(Routes(50, ()))
    assert edge.gateway.verify(1) and edge.call().status == 200
    assert len(list(edge.folder.glob("v*-*"))) <= 2


def test_the_portals_address_may_have_a_path_and_capitals(tmp_path):
    settings = GatewaySettings(folder=tmp_path, portal_origin="https://Portal.example:8443/modelport/")
    assert settings.origin == "https://portal.example:8443"
    assert "-m str https://portal.example:8443 }" in render(Routes(1), settings).files["haproxy.cfg"]
    assert render(Routes(1), settings) == render(Routes(1), settings)


def test_files_are_for_us_alone(edge, upstreams):
    for _ in range(4):
        edge.apply(iris(backend(upstreams())))
    assert stat.S_IMODE(os.stat(edge.folder).st_mode) == 0o700
    files = [path for path in edge.folder.rglob("*") if path.is_file() or path.is_socket()]
    assert len(files) >= 6 and {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert len(list(edge.folder.glob("v*-*"))) <= 2


def test_a_folder_with_a_long_path_has_its_sockets_elsewhere(tmp_path, upstreams):
    edge = Edge(tmp_path / ("deep and odd " * 8).strip() / "gateway")
    edge.apply(iris(backend(upstreams())))
    edge.start()
    try:
        assert len(str(edge.gateway.settings.master_socket)) < 90 and edge.call().status == 200
    finally:
        edge.stop()


def test_it_ends_softly(edge, upstreams):
    replica = upstreams()
    edge.apply(iris(backend(replica)))
    worker = edge.pid()
    replica.delay = 0.7
    answers = []
    thread = threading.Thread(target=lambda: answers.append(edge.call().status))
    thread.start()
    until(lambda: replica.seen, "the call has arrived")
    edge.process.send_signal(signal.SIGUSR1)
    thread.join(10)
    assert edge.process.wait(10) == 0 and answers == [200]
    assert gone(worker)


def test_haproxy_is_found(monkeypatch, tmp_path):
    monkeypatch.delenv("MODELPORT_HAPROXY", raising=False)
    assert os.access(find_haproxy(), os.X_OK)
    monkeypatch.setenv("MODELPORT_HAPROXY", str(tmp_path / "none"))
    with pytest.raises(HaproxyMissing, match="none"):
        find_haproxy()


@pytest.mark.parametrize(
    "bad",
    [
        {"keys": (("abc", "xyz"),)},
        {"allowed_origins": ("*",)},
        {"allowed_origins": ("https://a.example\nacl x",)},
        {"secret": "a b"},
        {"secret": "a\nserver x 1.2.3.4:1"},
        {"name": "../x"},
        {"name": "iris|x"},
        {"id": "x"},
        {"access": "free"},
        {"state": "sleeping"},
    ],
    ids=str,
)
def test_what_could_be_configuration_is_refused(bad):
    from deployments.gateway import KeyRoute, ServiceRoute

    values = {"group": "demo", "name": "iris", "id": "1" * 32, "secret": "s"} | bad
    with pytest.raises(ValueError):
        if "keys" in bad:
            KeyRoute(*bad["keys"][0])
        ServiceRoute(**values)


@pytest.mark.parametrize(
    "address", ["", "host:80", "127.0.0.1", "unix@relative", "unix@/a b", "1.2.3.4:80\n", "127.0.0.1:80 check", "[::1]"]
)
def test_addresses_are_checked(address):
    with pytest.raises(ValueError):
        ReplicaRoute("r0", address)
