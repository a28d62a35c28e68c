"""What every target must do; builder_contract.py says it for builders. An implementation is a subclass of a few lines.

A subclass gives the class-scoped fixtures `builder` (and `target`), removes what it made, and says what is left by
`leftovers()`: a set of names of everything that exists outside of the database.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from dataclasses import replace

import pytest

from deployments.builds.builders.base import Bundle
from deployments.targets.base import ReplicaState, Spec
from portal.errors import Unavailable
from tests.deployments.support import TestReport, call, make_bundle, until

MIB = 1 << 20
ECHO = "def init():\n    print('init ran')\n\ndef run(body):\n    print('asked', body)\n    return {'echo': body}\n"
HOG = "held = []\ndef init():\n    pass\n\ndef run(body):\n    for _ in range(400):\n        held.append(b'x' * 4_000_000)\n    return len(held)\n"
STUBBORN = "import ctypes\ndef init():\n    pass\n\ndef run(body):\n    ctypes.CDLL(None).signal(15, ctypes.c_void_p(1))\n    return 1\n"

_environments: dict[object, object] = {}


def environment_of(builder):
    """An environment without packages: needs no index, so the target's tests need no network."""
    if id(builder) not in _environments:
        report = TestReport()
        base = builder.base("python", "3.11", report)
        key = hashlib.sha256(f"contract {base.digest}".encode()).hexdigest()
        _environments[id(builder)] = builder.find_environment(base, key) or builder.install(base, "", key, report)
    return _environments[id(builder)]


def build(builder, bundle: Bundle):
    return builder.bundle(environment_of(builder), bundle, name=uuid.uuid4().hex, labels={}, report=TestReport())


class TargetContract:
    """Subclass with fixtures `builder` and `target` (class scope)."""

    @pytest.fixture(scope="class")
    @classmethod
    def images(cls, builder):
        found = {name: build(builder, make_bundle(score)) for name, score in {"echo": ECHO, "hog": HOG, "stubborn": STUBBORN}.items()}
        yield found
        for built in found.values():
            builder.discard(built.location)

    @pytest.fixture
    def spec(self, target, images):
        name = f"s{uuid.uuid4().hex[:12]}-r1"
        environment = {"MODELPORT_SERVICE": "demo/echo", "MODELPORT_REVISION": "1", "MODELPORT_NONCE": uuid.uuid4().hex}
        environment |= {"MODELPORT_SECRET": "the service's own"}
        built = images["echo"]
        yield Spec(name, built.location, built.digest, 1, cpu=0.5, memory=256 * MIB, environment=environment)
        target.remove(name, grace=1)

    def running(self, target, spec, count=1, timeout=20):
        """Waits until `count` replicas answer, and gives them."""

        def answered():
            found = target.observe(spec.name)
            return len(found) == count and all(replica.address and self.ask(replica)[0] == 200 for replica in found) and found

        return until(answered, timeout)

    def ask(self, replica, path="/readyz", body=None):
        return call(replica.address, path, body, {"X-Modelport-Secret": "the service's own"})

    def test_score_over_http_at_the_address(self, target, spec):
        target.apply(spec)
        [replica] = self.running(target, spec)
        assert replica.state == ReplicaState.RUNNING and replica.digest_matches and replica.started_at
        status, body = self.ask(replica, "/score", "7")
        assert (status, json.loads(body)) == (200, {"echo": "7"})
        ready = json.loads(self.ask(replica)[1])
        assert ready["service"] == "demo/echo" and ready["nonce"] == spec.environment["MODELPORT_NONCE"]

    def test_a_call_without_the_secret_is_refused(self, target, spec):
        target.apply(spec)
        [replica] = self.running(target, spec)
        assert call(replica.address, "/score", "7", {})[0] == 403

    def test_the_same_spec_again_changes_nothing(self, target, spec):
        target.apply(spec)
        before = [(replica.name, replica.started_at) for replica in self.running(target, spec)]
        target.apply(spec)
        assert [(replica.name, replica.started_at) for replica in target.observe(spec.name)] == before

    def test_scale_up_down_and_to_none(self, target, spec):
        target.apply(spec)
        [first] = self.running(target, spec)
        target.apply(replace(spec, replicas=3))
        more = self.running(target, spec, 3)
        assert first.name in {replica.name for replica in more} and len({replica.address for replica in more}) == 3
        target.apply(spec)
        assert [replica.name for replica in target.observe(spec.name)] == [first.name], "the oldest stays"
        target.apply(replace(spec, replicas=0))
        assert target.observe(spec.name) == []

    def test_remove_twice_and_what_was_never_there(self, target, spec):
        target.apply(spec)
        self.running(target, spec)
        target.remove(spec.name)
        assert target.observe(spec.name) == []
        target.remove(spec.name)
        target.remove("never-there")
        target.remove_replica("never-there", "never-there-1")
        assert target.observe("never-there") == [] and target.usage("never-there") == {}
        assert target.logs("never-there", "never-there-1") == [] and list(target.follow("never-there", "never-there-1")) == []

    def test_names_are_those_that_have_something_here(self, target, spec):
        assert spec.name not in target.names()
        target.apply(spec)
        assert spec.name in target.names()
        target.remove(spec.name)
        assert spec.name not in target.names()

    def test_one_replica_can_be_removed_and_apply_brings_another(self, target, spec):
        spec = replace(spec, replicas=2)
        target.apply(spec)
        first, second = self.running(target, spec, 2)
        target.remove_replica(spec.name, first.name)
        assert [replica.name for replica in target.observe(spec.name)] == [second.name]
        target.apply(spec)
        assert first.name not in {replica.name for replica in self.running(target, spec, 2)}

    def test_a_dead_replica_is_seen_explained_and_replaced(self, target, spec):
        target.apply(spec)
        [replica] = self.running(target, spec)
        self.kill(target, spec.name, replica.name)
        [dead] = until(lambda: [seen for seen in target.observe(spec.name) if seen.state == ReplicaState.EXITED], 40)
        assert dead.detail and dead.exit_code not in (0, None) and not dead.address
        assert any("serving" in line for line in target.logs(spec.name, dead.name)), "the log of a dead replica can be read"
        target.apply(spec)
        [other] = self.running(target, spec)
        assert other.name != dead.name

    def test_changed_limits_or_image_replace_and_changed_count_does_not(self, target, spec, images):
        target.apply(spec)
        [first] = self.running(target, spec)
        target.apply(replace(spec, memory=spec.memory + 64 * MIB))
        [second] = self.running(target, spec)
        assert second.name != first.name
        target.apply(replace(spec, image=images["hog"].location, digest=images["hog"].digest))
        [third] = self.running(target, spec)
        assert third.name not in (first.name, second.name) and third.digest_matches

    def test_a_wrong_digest_is_noticed(self, target, spec):
        wrong = replace(spec, digest="sha256:" + "0" * 64)
        with pytest.raises(Unavailable, match="000000"):
            target.apply(wrong)
        assert not [replica for replica in target.observe(spec.name) if replica.digest_matches]

    def test_logs_are_the_last_lines_oldest_first(self, target, spec):
        target.apply(spec)
        [replica] = self.running(target, spec)
        for number in range(5):
            self.ask(replica, "/score", str(number))
        until(lambda: "asked 4" in target.logs(spec.name, replica.name), 40)
        assert target.logs(spec.name, replica.name, lines=2) == ["asked 3", "asked 4"]
        assert target.logs(spec.name, replica.name)[0] == "init ran"

    def test_follow_gives_new_lines_with_their_time_and_ends_with_the_replica(self, target, spec):
        target.apply(spec)
        [replica] = self.running(target, spec)
        self.ask(replica, "/score", "before")
        until(lambda: "asked before" in target.logs(spec.name, replica.name), 40)
        seen, ended = [], threading.Event()

        def follow():
            for at, line in target.follow(spec.name, replica.name):
                seen.append((at, line))
            ended.set()

        threading.Thread(target=follow, daemon=True).start()
        until(lambda: any(line == "asked before" for _, line in seen), 40)
        self.ask(replica, "/score", "after\x1b[31m")
        until(lambda: any(line.startswith("asked after") for _, line in seen), 40)
        assert not any("\x1b" in line for _, line in seen)
        moment = next(at for at, line in seen if line == "asked before")
        assert [at for at, _ in seen] == sorted(at for at, _ in seen) and moment.tzinfo
        later = target.follow(spec.name, replica.name, since=moment)
        assert next(later)[1].startswith("asked after"), "what was seen already is not repeated"
        later.close()
        target.remove(spec.name)
        assert ended.wait(10)

    def test_usage_is_measured(self, target, spec):
        target.apply(spec)
        [replica] = self.running(target, spec)
        usage = target.usage(spec.name)
        assert set(usage) == {replica.name}
        cores, memory = usage[replica.name]
        assert 0 <= cores < 2 and 2 * MIB < memory < spec.memory

    def test_out_of_memory_is_said_in_words(self, target, spec, images):
        hog = replace(spec, image=images["hog"].location, digest=images["hog"].digest, memory=128 * MIB)
        target.apply(hog)
        [replica] = self.running(target, hog)
        try:
            self.ask(replica, "/score", "1")
        except OSError:
            pass  # it died while it was answering
        [dead] = until(lambda: [seen for seen in target.observe(hog.name) if seen.state == ReplicaState.EXITED], 40)
        assert "out of memory" in dead.detail and "128 MiB" in dead.detail

    def test_a_replica_that_will_not_stop_is_killed_after_its_grace(self, target, spec, images):
        stubborn = replace(spec, image=images["stubborn"].location, digest=images["stubborn"].digest)
        target.apply(stubborn)
        [replica] = self.running(target, stubborn)
        self.ask(replica, "/score", "1")
        began = time.monotonic()
        target.remove(stubborn.name, grace=1)
        assert 0.9 < time.monotonic() - began < 6 and target.observe(stubborn.name) == []

    def test_an_init_that_fails_leaves_its_traceback(self, target, spec, builder):
        built = build(builder, make_bundle("def init():\n    raise RuntimeError('no such column: age')\n\ndef run(body): pass\n"))
        try:
            failing = replace(spec, image=built.location, digest=built.digest)
            target.apply(failing)
            [dead] = until(lambda: [seen for seen in target.observe(failing.name) if seen.state == ReplicaState.EXITED], 40)
            assert dead.exit_code == 3 and "init()" in dead.detail
            assert "RuntimeError: no such column: age" in target.logs(failing.name, dead.name)
        finally:
            target.remove(spec.name)
            builder.discard(built.location)

    def test_the_connection_can_be_checked(self, target):
        checks = target.check()
        assert checks and all(check.ok or check.cure for check in checks)
        assert checks[0].ok, checks[0].detail
