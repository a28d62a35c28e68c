"""What every target and every builder must do. An implementation is a subclass of a few lines.

A subclass gives the class-scoped fixtures `builder` (and `target`), removes what it made, and says what is left by
`leftovers()`: a set of names of everything that exists outside of the database.
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
import time
import uuid
from dataclasses import replace

import pytest

from deployments.builds.builders.base import BuildFailed, Bundle, BundleFile, Cancelled
from deployments.targets.base import ReplicaState, Spec
from portal.errors import Unavailable
from tests.deployments.support import HangingIndex, TestReport, bundle_of, call, make_bundle, until

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
        [dead] = until(lambda: [seen for seen in target.observe(spec.name) if seen.state == ReplicaState.EXITED], 10)
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
        until(lambda: "asked 4" in target.logs(spec.name, replica.name), 5)
        assert target.logs(spec.name, replica.name, lines=2) == ["asked 3", "asked 4"]
        assert target.logs(spec.name, replica.name)[0] == "init ran"

    def test_follow_gives_new_lines_with_their_time_and_ends_with_the_replica(self, target, spec):
        target.apply(spec)
        [replica] = self.running(target, spec)
        self.ask(replica, "/score", "before")
        until(lambda: "asked before" in target.logs(spec.name, replica.name), 5)
        seen, ended = [], threading.Event()

        def follow():
            for at, line in target.follow(spec.name, replica.name):
                seen.append((at, line))
            ended.set()

        threading.Thread(target=follow, daemon=True).start()
        until(lambda: any(line == "asked before" for _, line in seen), 5)
        self.ask(replica, "/score", "after\x1b[31m")
        until(lambda: any(line.startswith("asked after") for _, line in seen), 5)
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
        [dead] = until(lambda: [seen for seen in target.observe(hog.name) if seen.state == ReplicaState.EXITED], 15)
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
            [dead] = until(lambda: [seen for seen in target.observe(failing.name) if seen.state == ReplicaState.EXITED], 15)
            assert dead.exit_code == 3 and "init()" in dead.detail
            assert "RuntimeError: no such column: age" in target.logs(failing.name, dead.name)
        finally:
            target.remove(spec.name)
            builder.discard(built.location)

    def test_the_connection_can_be_checked(self, target):
        checks = target.check()
        assert checks and all(check.ok or check.cure for check in checks)
        assert checks[0].ok, checks[0].detail


class BuilderContract:
    """Subclass with the fixture `builder` (class scope), `other_builder(**options)` and `leftovers()`."""

    #: where a server of this machine is found from inside a build
    index_host = "127.0.0.1"

    @pytest.fixture
    def report(self):
        return TestReport()

    @pytest.fixture(scope="class")
    @classmethod
    def base(cls, builder):
        return builder.base("python", "3.11", TestReport())

    @pytest.fixture(scope="class")
    @classmethod
    def lock(cls, builder, base):
        return builder.resolve(base, "six>=1.16\n", TestReport())

    @pytest.fixture(scope="class")
    @classmethod
    def environment(cls, builder, base, lock):
        key = hashlib.sha256(f"{base.digest} {lock} {uuid.uuid4()}".encode()).hexdigest()
        installed = builder.install(base, lock, key, TestReport())
        yield installed
        builder.discard(installed.location)

    @pytest.fixture
    def built(self, builder, environment, report):
        made = []

        def make(score, **files):
            made.append(builder.bundle(environment, make_bundle(score, **files), name=uuid.uuid4().hex, labels={}, report=report))
            return made[-1]

        yield make
        for image in made:
            builder.discard(image.location)

    def test_a_lock_has_exact_versions_and_hashes(self, lock):
        assert lock.startswith("six==1.") and "--hash=sha256:" in lock

    def test_the_environment_is_kept_and_found_by_its_key(self, builder, base, environment):
        assert [package.name for package in environment.packages] == ["six"]
        assert builder.find_environment(base, environment.key) == environment
        assert builder.find_environment(base, "0" * 64) is None
        assert builder.find_environment(replace(base, digest="sha256:" + "1" * 64), environment.key) is None

    def test_an_image_runs_its_packages_and_files(self, builder, built, report):
        score = "import six\ndef init():\n    print('loading')\n\ndef run(x):\n    return open('model.txt').read() + six.__name__\n"
        probe = builder.probe(built(score, model__txt="weights of "), memory=256 * MIB, timeout=30, report=report)
        assert probe.ok and probe.sample_result == "weights of six" and "loading" in report.lines, probe
        assert not any("MODELPORT-PROBE" in line for line in report.lines)

    def test_another_model_on_the_same_environment_is_quick(self, builder, environment, built):
        built("def init(): pass\ndef run(x): return 1\n", model__bin=b"1" * MIB)
        began = time.monotonic()
        second = built("def init(): pass\ndef run(x): return 1\n", model__bin=b"2" * MIB)
        assert time.monotonic() - began < 3 and second.digest.startswith("sha256:")

    def test_the_same_bytes_again_and_other_bytes(self, built):
        first, other = built(ECHO), built(ECHO + "# changed\n")
        assert first.digest != other.digest and first.location != other.location

    def test_files_are_where_they_were_and_hostile_names_are_only_names(self, builder, environment, report):
        names = [
            "deep/er/data.txt",
            "with space.txt",
            "quote'\"$(touch x)`y`.txt",
            "-rf",
            "Dockerfile",
            ".dockerignore",
            "ünïcödé.txt",
            "a\\b.txt",
        ]
        score = "import json, os\ndef init(): pass\ndef run(x):\n    return json.loads(open('names.json').read()) == sorted(\n"
        score += (
            "        os.path.relpath(os.path.join(d, f)) for d, _, fs in os.walk('.') for f in fs if f not in ('score.py', 'names.json'))\n"
        )
        content = {f"app/{name}": b"x" for name in names}
        content["app/score.py"], content["app/names.json"] = score.encode(), json.dumps(sorted(names)).encode()
        content["opt/modelport/launch.py"] = next(f for f in make_bundle("").files if f.path.endswith("launch.py")).open().read()
        labels = {"modelport.image": 'it\'s "x" $HOME `id`\\\nRUN true', "modelport.group": "'; FROM evil"}
        image = builder.bundle(environment, bundle_of(content), name=uuid.uuid4().hex, labels=labels, report=report)
        try:
            probe = builder.probe(image, memory=256 * MIB, timeout=30, report=report)
            assert probe.ok and probe.sample_result is True, (probe, report.text)
        finally:
            builder.discard(image.location)

    @pytest.mark.parametrize("path", ["../escape", "app/../../escape", "/app/x", "etc/passwd", "app", "opt/other/x", "app//x", "app/./x"])
    def test_paths_that_leave_the_bundle_are_refused(self, builder, environment, report, path):
        bundle = Bundle("sha256:" + "0" * 64, (BundleFile(path, 1, lambda: io.BytesIO(b"x")),))
        before = self.leftovers(builder)
        with pytest.raises(ValueError):
            builder.bundle(environment, bundle, name=uuid.uuid4().hex, labels={}, report=report)
        assert until(lambda: self.leftovers(builder) == before, 5)

    @pytest.mark.parametrize("name", ["", "../x", "a b", "x;y", "-x", "X", "a/b", "a\n"])
    def test_names_that_are_not_ours_are_refused(self, builder, environment, report, name):
        with pytest.raises(ValueError):
            builder.bundle(environment, make_bundle(ECHO), name=name, labels={}, report=report)

    def test_a_package_that_does_not_exist_is_named(self, builder, base, report):
        with pytest.raises(BuildFailed) as failed:
            builder.resolve(base, "scikit-lern\nsix\n", report)
        assert failed.value.code == "NoSuchPackage" and failed.value.package == "scikit-lern"
        assert failed.value.message == "There is no package called `scikit-lern`. Did you mean `scikit-learn`?"

    def test_a_version_that_does_not_exist_is_named(self, builder, base, report):
        with pytest.raises(BuildFailed) as failed:
            builder.resolve(base, "six==99.0\n", report)
        assert (failed.value.code, failed.value.package) == ("NoSuchVersion", "six") and "==99.0" in failed.value.message

    def test_source_packages_are_refused(self, builder, base, report):
        with pytest.raises(BuildFailed) as failed:
            builder.resolve(base, "docopt==0.6.2\n", report)
        assert (failed.value.code, failed.value.package) == ("NoWheel", "docopt") and "wheel" in failed.value.message

    def test_requirements_that_clash_are_explained(self, builder, base, report):
        with pytest.raises(BuildFailed) as failed:
            builder.resolve(base, "six==1.15.0\nsix>=1.16\n", report)
        assert failed.value.code == "Conflict" and "six==1.15.0" in failed.value.message

    def test_an_index_that_does_not_answer_is_ours(self, base, report):
        builder = self.other_builder(index_url=f"http://{self.index_host}:9/simple")
        with pytest.raises(Unavailable):
            builder.resolve(base, "six\n", report)

    def test_a_package_with_another_hash_is_not_installed(self, builder, base, report):
        before = self.leftovers(builder)
        with pytest.raises((BuildFailed, Unavailable)):
            builder.install(base, f"six==1.17.0 --hash=sha256:{'0' * 64}\n", uuid.uuid4().hex, report)
        assert self.leftovers(builder) == before

    def test_the_probe_gives_the_users_traceback(self, builder, built, report):
        image = built("def init():\n    raise ValueError('bad weights')\n\ndef run(x): pass\n")
        probe = builder.probe(image, memory=256 * MIB, timeout=30, report=report)
        assert not probe.ok and "ValueError: bad weights" in probe.message and "score.py" in probe.message

    def test_the_probe_has_no_network(self, builder, built, report):
        score = "import socket\ndef init():\n    socket.create_connection(('1.1.1.1', 443), timeout=3)\n\ndef run(x): pass\n"
        probe = builder.probe(built(score), memory=256 * MIB, timeout=30, report=report)
        assert not probe.ok and "OSError" in probe.message and "unreachable" in probe.message, probe

    def test_a_probe_that_does_not_end_is_stopped(self, builder, built, report):
        image = built("import time\ndef init():\n    print('waiting')\n    time.sleep(60)\n\ndef run(x): pass\n")
        began = time.monotonic()
        probe = builder.probe(image, memory=256 * MIB, timeout=3, report=report)
        assert not probe.ok and "3 seconds" in probe.message and "waiting" in probe.message and time.monotonic() - began < 8

    def test_a_probe_that_dies_is_explained(self, builder, built, report):
        image = built("import os\ndef init():\n    print('last words', flush=True)\n    os._exit(7)\n\ndef run(x): pass\n")
        probe = builder.probe(image, memory=256 * MIB, timeout=30, report=report)
        assert not probe.ok and "exit code 7" in probe.message and "last words" in probe.message

    def test_log_lines_are_plain(self, builder, built, report):
        image = built("def init():\n    print('a\\x1b[31mb\\x00c\\x07', flush=True)\n\ndef run(x): return 1\n")
        assert builder.probe(image, memory=256 * MIB, timeout=30, report=report).ok
        assert all(line.isprintable() for line in report.lines), report.lines

    def test_without_a_registry_push_changes_nothing(self, builder, built, report):
        image = built(ECHO)
        assert builder.push(image, report) == image

    def test_discard_twice(self, builder, environment, report):
        image = builder.bundle(environment, make_bundle(ECHO), name=uuid.uuid4().hex, labels={}, report=report)
        before = self.leftovers(builder)
        builder.discard(image.location)
        builder.discard(image.location)
        assert self.leftovers(builder) < before

    def test_an_unknown_runtime_or_python_is_the_users(self, builder, report):
        for runtime, python in (("cobol", "3.11"), ("python", "2; rm"), ("python", "../3")):
            with pytest.raises(BuildFailed):
                builder.base(runtime, python, report)

    # -- cancel --------------------------------------------------------------

    def cancelled(self, report, begun, act, *, within=2.5):
        """Runs `act`, cancels once `begun` is set, and says how long it took to come back."""
        cancelled_at = []

        def cancel():
            if begun.wait(60):
                time.sleep(0.2)
                cancelled_at.append(time.monotonic())
                report.cancel()

        thread = threading.Thread(target=cancel, daemon=True)
        thread.start()
        with pytest.raises(Cancelled):
            act()
        assert cancelled_at, "it ended before it was cancelled"
        assert time.monotonic() - cancelled_at[0] < within
        thread.join(5)

    def test_cancel_while_resolving(self, base, report):
        with HangingIndex() as index:
            builder = self.other_builder(index_url=f"http://{self.index_host}:{index.port}/simple")
            before = self.leftovers(builder)
            self.cancelled(report, index.asked, lambda: builder.resolve(base, "six\n", report))
        assert until(lambda: self.leftovers(builder) == before, 5)

    def test_cancel_while_installing(self, base, lock, report):
        key = uuid.uuid4().hex
        with HangingIndex() as index:
            builder = self.other_builder(index_url=f"http://{self.index_host}:{index.port}/simple")
            before = self.leftovers(builder)
            self.cancelled(report, index.asked, lambda: builder.install(base, lock, key, report))
            assert builder.find_environment(base, key) is None
        assert until(lambda: self.leftovers(builder) == before, 5)

    def test_cancel_while_bundling(self, builder, environment, report):
        self.cancel_while_bundling(builder, environment, report, "while the bytes are sent")

    def cancel_while_bundling(self, builder, environment, report, when):
        begun, size = threading.Event(), 400 * MIB

        class Slow(io.RawIOBase):
            left = size

            def read(self, count=-1):
                if when == "while the bytes are sent" and self.left < size // 2:
                    begun.set()
                    time.sleep(0.02)
                count = min(count, self.left)
                self.left -= count
                if not self.left:
                    begun.set()
                return bytes(count)

        files = (*make_bundle(ECHO).files, BundleFile("app/big.bin", size, Slow))
        before = self.leftovers(builder)
        self.cancelled(
            report,
            begun,
            lambda: builder.bundle(environment, Bundle("sha256:" + "0" * 64, files), name=uuid.uuid4().hex, labels={}, report=report),
        )
        assert until(lambda: self.leftovers(builder) == before, 30)

    def test_cancel_while_probing(self, builder, built, report):
        image, begun = (
            built("import time\ndef init():\n    print('begun', flush=True)\n    time.sleep(60)\n\ndef run(x): pass\n"),
            threading.Event(),
        )
        report.on_line = lambda text: begun.set() if text == "begun" else None
        before = self.leftovers(builder)
        self.cancelled(report, begun, lambda: builder.probe(image, memory=256 * MIB, timeout=60, report=report))
        assert until(lambda: self.leftovers(builder) == before, 5)

    def test_cancelled_before_it_began(self, builder, base, lock, environment, report):
        report.cancel()
        before = self.leftovers(builder)
        for act in (
            lambda: builder.resolve(base, "six\n", report),
            lambda: builder.install(base, lock, uuid.uuid4().hex, report),
            lambda: builder.bundle(environment, make_bundle(ECHO), name=uuid.uuid4().hex, labels={}, report=report),
        ):
            with pytest.raises(Cancelled):
                act()
        assert until(lambda: self.leftovers(builder) == before, 5)
