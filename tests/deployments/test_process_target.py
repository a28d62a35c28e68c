"""The target contract on child processes, and what is theirs: surviving the worker, sockets, confinement."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from deployments.builds.builders.directory import DirectoryBuilder
from deployments.models import Environment
from deployments.targets import process_logs, process_sandbox
from deployments.targets.base import ReplicaState, Spec
from deployments.targets.process import LONGEST_SOCKET, ProcessTarget
from deployments.targets.process_child import Log
from tests.deployments.contracts import MIB, TargetContract, build
from tests.deployments.support import make_bundle, until

NOSY = """
import json, os, resource, socket
def init(): pass
def run(body):
    def readable(path):
        try:
            open(path).close()
            return True
        except OSError:
            return False
    def connects(*address):
        try:
            socket.create_connection(address, timeout=2).close()
            return True
        except OSError:
            return False
    return {"uid": os.getuid(), "environment": sorted(os.environ), "home": os.environ["HOME"], "cwd": os.getcwd(), "groups": os.getgroups(),
        "core": resource.getrlimit(resource.RLIMIT_CORE)[0], "session": os.getsid(0), "pid": os.getpid(),
        "readable": [path for path in json.loads(body) if readable(path)], "connects": connects("127.0.0.1", PORT) or connects("1.1.1.1", 443),
        "caps": [line.split()[1] for line in open("/proc/self/status") if line.startswith(("CapEff", "CapBnd", "CapPrm"))],
        "privileges": [line.split()[1] for line in open("/proc/self/status") if line.startswith("NoNewPrivs")]}
"""


@pytest.fixture(scope="module")
def room():
    """A folder that other users can reach, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="mp-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


class TestProcessTarget(TargetContract):
    @pytest.fixture(scope="class")
    @classmethod
    def builder(cls, room):
        return DirectoryBuilder(images=room / "images", environments=room / "environments")

    @pytest.fixture(scope="class")
    @classmethod
    def target(cls, room):
        return ProcessTarget(folder=room / "replicas")

    def kill(self, target, name, replica):
        os.kill(self.numbers(target, name, replica)["child"], signal.SIGKILL)

    def numbers(self, target, name, replica):
        return json.loads((target.folder / name / replica / "pid.json").read_text())

    def test_another_worker_finds_the_same_replicas(self, target, spec):
        target.apply(spec)
        [replica] = self.running(target, spec)
        script = "import sys; from deployments.targets.process import ProcessTarget as T\nprint([r.name for r in T(folder=sys.argv[1]).observe(sys.argv[2])])"
        seen = subprocess.run(
            [sys.executable, "-c", script, str(target.folder), spec.name], capture_output=True, text=True, check=True
        ).stdout
        assert seen.strip() == str([replica.name])

    def test_a_replica_outlives_the_process_that_started_it(self, target, spec):
        script = (
            "import os, signal, sys\nfrom deployments.targets.process import ProcessTarget\nfrom deployments.targets.base import Spec\n"
            "ProcessTarget(folder=sys.argv[1]).apply(Spec(*sys.argv[2:5], replicas=1, cpu=1, memory=1 << 28))\nos.kill(os.getpid(), signal.SIGKILL)"
        )
        done = subprocess.run([sys.executable, "-c", script, str(target.folder), spec.name, spec.image, spec.digest], check=False)
        assert done.returncode == -signal.SIGKILL
        [replica] = self.running(target, spec)
        assert replica.state == ReplicaState.RUNNING

    def test_a_number_that_was_given_to_another_process_is_not_taken_for_ours(self, target, spec):
        target.apply(spec)
        [replica] = self.running(target, spec)
        path = target.folder / spec.name / replica.name / "pid.json"
        numbers, stranger = json.loads(path.read_text()), subprocess.Popen(["sleep", "60"])
        try:
            path.write_text(json.dumps(numbers | {"pid": stranger.pid, "child": stranger.pid}))
            [seen] = target.observe(spec.name)
            assert seen.state == ReplicaState.EXITED and "machine was restarted" in seen.detail
            target.remove(spec.name, grace=1)
            assert stranger.poll() is None, "a stranger is never killed"
        finally:
            stranger.kill()
            stranger.wait()
            os.kill(numbers["pid"], signal.SIGTERM)
        assert until(lambda: not psutil.pid_exists(numbers["child"]), 5)

    def test_nothing_lives_on_when_the_supervisor_is_killed(self, target, spec):
        target.apply(spec)
        [replica] = self.running(target, spec)
        numbers = self.numbers(target, spec.name, replica.name)
        os.kill(numbers["pid"], signal.SIGKILL)
        assert until(lambda: not _alive(numbers["child"]), 5)
        [dead] = target.observe(spec.name)
        assert dead.state == ReplicaState.EXITED and dead.detail

    def test_what_a_replica_started_ends_with_it(self, target, spec, builder):
        score = "import subprocess, json\ndef init(): pass\ndef run(body):\n    return subprocess.Popen(['sleep', '300'], start_new_session=True).pid\n"
        built = build(builder, make_bundle(score))
        daemon = replace(spec, image=built.location, digest=built.digest)
        target.apply(daemon)
        [replica] = self.running(target, daemon)
        pid = json.loads(self.ask(replica, "/score", "1")[1])
        assert _alive(pid)
        target.remove(daemon.name)
        assert until(lambda: not _alive(pid), 5)

    def test_a_long_path_gets_a_short_socket(self, spec, room):
        target = ProcessTarget(folder=room / ("long" * 20) / ("path" * 20))
        target.apply(spec)
        try:
            [replica] = self.running(target, spec)
            socket = Path(replica.address.removeprefix("unix@"))
            assert len(str(socket)) <= LONGEST_SOCKET and socket.is_socket()
        finally:
            target.remove(spec.name)
        assert not socket.parent.exists()

    def test_confined_as_far_as_it_can_be(self, target, spec, builder, room, tmp_path):
        import http.server

        secret = room / "secret"
        secret.write_text("the portal's own")
        secret.chmod(0o600)
        with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
            built = build(builder, make_bundle(NOSY.replace("PORT", str(server.server_port))))
            nosy = replace(spec, image=built.location, digest=built.digest)
            target.apply(nosy)
            [replica] = self.running(target, nosy)
            seen = json.loads(self.ask(replica, "/score", json.dumps([str(secret)]))[1])
        assert "MODELPORT_DATA" not in seen["environment"] and "MODELPORT_SECRET" not in seen["environment"]
        assert not any(name.startswith(("DJANGO", "PIP", "UV", "DATABASE")) for name in seen["environment"])
        assert seen["home"].startswith(str(target.folder)) and seen["cwd"].endswith("/app")
        assert seen["core"] == 0 and seen["session"] == seen["pid"] and seen["privileges"] == ["1"]
        if process_sandbox.can_cut_the_network():
            assert not seen["connects"]
        if os.geteuid() == 0:
            assert {int(caps, 16) for caps in seen["caps"]} == {0}
        environment = Path((Path(built.location) / "environment").read_text())
        python = environment / "bin/python"
        if os.geteuid() == 0 and process_sandbox.reachable(python):
            assert seen["uid"] >= 20_000 and seen["groups"] in ([], [seen["uid"]]) and seen["readable"] == []
        target.remove(spec.name)

    def test_a_place_no_other_user_can_reach_runs_without_roots_powers(self, builder, tmp_path):
        if os.geteuid() != 0:
            pytest.skip("only root runs code as other users")
        tmp_path.chmod(0o700)
        target, built = ProcessTarget(folder=tmp_path / "replicas"), build(builder, make_bundle(NOSY.replace("PORT", "9")))
        theirs = tmp_path / "theirs"
        theirs.write_text("x")
        theirs.chmod(0o600)
        os.chown(theirs, 12345, 12345)
        spec = Spec(
            "s1-r1", built.location, built.digest, 1, cpu=0.5, memory=256 * MIB, environment={"MODELPORT_SECRET": "the service's own"}
        )
        try:
            target.apply(spec)
            [replica] = self.running(target, spec)
            seen = json.loads(self.ask(replica, "/score", json.dumps([str(theirs)]))[1])
            assert seen["uid"] == 0 and {int(caps, 16) for caps in seen["caps"]} == {0} and seen["readable"] == []
        finally:
            target.remove(spec.name)
            builder.discard(built.location)

    def test_two_services_are_two_users(self, room):
        if os.geteuid() != 0:
            pytest.skip("only root can run code as other users")
        about = [process_sandbox.confinement(name, network=False, reads=[], writes=[room]) for name in ("a", "b")]
        assert about[0].uid and about[1].uid and about[0].uid != about[1].uid

    def test_a_folder_nobody_else_can_reach_is_said(self, room):
        if os.geteuid() != 0:
            pytest.skip("only root runs code as other users")
        private = room / "private"
        private.mkdir(mode=0o700)
        about = process_sandbox.confinement("a", network=False, reads=[private], writes=[])
        assert about.uid is None and any(str(private) in note for note in about.notes)


def test_a_log_is_rotated_and_can_be_read_across_files(tmp_path, monkeypatch):
    monkeypatch.setattr("deployments.targets.process_child.LOG_BYTES", 2000)
    log = Log(str(tmp_path / "log"))
    for number in range(100):
        log.feed(f"line {number:03}\n".encode())
    log.close()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 3 * 2100
    assert process_logs.tail(tmp_path / "log", 3) == ["line 097", "line 098", "line 099"]
    assert process_logs.tail(tmp_path / "log", 60)[0] == "line 040"
    followed = [text for _, text in process_logs.follow(tmp_path / "log", lambda: True, None)]
    assert followed == [f"line {number:03}" for number in range(int(followed[0][-3:]), 100)]


def test_following_goes_on_across_a_rotation(tmp_path, monkeypatch):
    monkeypatch.setattr("deployments.targets.process_child.LOG_BYTES", 2000)
    log, state = Log(str(tmp_path / "log")), {"over": False}
    lines = process_logs.follow(tmp_path / "log", lambda: state["over"], None)
    log.feed(b"line 000\n")
    seen = [next(lines)[1]]
    for number in range(1, 60):
        log.feed(f"line {number:03}\n".encode())
        seen.append(next(lines)[1])
    state["over"] = True
    assert seen + [text for _, text in lines] == [f"line {number:03}" for number in range(60)]


def test_a_flood_without_an_end_of_line_stays_bounded(tmp_path):
    log = Log(str(tmp_path / "log"))
    for _ in range(20):
        log.feed(b"x" * MIB)
    log.close()
    assert len(log.rest) < 2 * 16_000 and sum(path.stat().st_size for path in tmp_path.iterdir()) < 31 * MIB


def _alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_what_a_machine_cannot_isolate_is_a_limit_and_no_fault(tmp_path, monkeypatch):
    """A laptop's kernel and user may not allow it: services run there all the same."""
    monkeypatch.setattr(process_sandbox, "can_cut_the_network", lambda: False)
    checks = ProcessTarget(folder=tmp_path / "replicas").check()
    assert [check.needed for check in checks] == [True, False, False]
    environment = Environment(target="process", checks=[asdict(check) for check in checks])
    assert environment.reachable is True and environment.limited is True
    environment.checks[0]["ok"] = False
    assert environment.reachable is False
