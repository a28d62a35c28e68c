"""What every builder must do. An implementation is a subclass of a few lines (see contracts.py)."""

from __future__ import annotations

import hashlib
import io
import json
import re
import threading
import time
import uuid
from dataclasses import replace

import pytest

from deployments.builds.builders.base import BuildFailed, Bundle, BundleFile, Cancelled
from portal.errors import Unavailable
from tests.deployments.contracts import ECHO, MIB
from tests.deployments.support import HangingIndex, TestReport, bundle_of, make_bundle, until


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
        assert until(lambda: self.leftovers(builder) <= before, 5)

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
        assert not probe.ok and "3 seconds" in probe.message and "waiting" in probe.message and time.monotonic() - began < 30

    def test_a_probe_that_dies_is_explained(self, builder, built, report):
        image = built("import os\ndef init():\n    print('last words', flush=True)\n    os._exit(7)\n\ndef run(x): pass\n")
        probe = builder.probe(image, memory=256 * MIB, timeout=30, report=report)
        assert not probe.ok and "exit code 7" in probe.message and "last words" in probe.message

    def test_log_lines_are_plain(self, builder, built, report):
        image = built("def init():\n    print('a\\x1b[31mb\\x00c\\x07', flush=True)\n\ndef run(x): return 1\n")
        assert builder.probe(image, memory=256 * MIB, timeout=30, report=report).ok
        # Colours stay for the page that shows them; everything else that a terminal would act on goes.
        assert all(re.sub(r"\x1b\[[0-9;]*m", "", line).isprintable() for line in report.lines), report.lines

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

    def cancelled(self, report, begun, act, *, within=8):
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
        assert until(lambda: self.leftovers(builder) <= before, 5)

    def test_cancel_while_installing(self, base, lock, report):
        key = uuid.uuid4().hex
        with HangingIndex() as index:
            builder = self.other_builder(index_url=f"http://{self.index_host}:{index.port}/simple")
            before = self.leftovers(builder)
            self.cancelled(report, index.asked, lambda: builder.install(base, lock, key, report))
            assert builder.find_environment(base, key) is None
        assert until(lambda: self.leftovers(builder) <= before, 5)

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
        assert until(lambda: self.leftovers(builder) <= before, 30)

    def test_cancel_while_probing(self, builder, built, report):
        image, begun = (
            built("import time\ndef init():\n    print('begun', flush=True)\n    time.sleep(60)\n\ndef run(x): pass\n"),
            threading.Event(),
        )
        report.on_line = lambda text: begun.set() if text == "begun" else None
        before = self.leftovers(builder)
        self.cancelled(report, begun, lambda: builder.probe(image, memory=256 * MIB, timeout=60, report=report))
        assert until(lambda: self.leftovers(builder) <= before, 5)

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
        assert until(lambda: self.leftovers(builder) <= before, 5)
