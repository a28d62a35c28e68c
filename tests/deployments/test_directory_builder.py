"""The builder contract on folders of this machine, and what is theirs."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from pathlib import Path

import pytest

from deployments.builds.builders.directory import DirectoryBuilder
from tests.deployments.builder_contract import BuilderContract
from tests.deployments.contracts import ECHO
from tests.deployments.support import make_bundle


class TestDirectoryBuilder(BuilderContract):
    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def room(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="mp-test-"))
        cls.folder.chmod(0o755)
        yield cls.folder
        shutil.rmtree(cls.folder, ignore_errors=True)

    @pytest.fixture(scope="class")
    @classmethod
    def builder(cls, room):
        return DirectoryBuilder(images=room / "images", environments=room / "environments")

    def other_builder(self, **options):
        return DirectoryBuilder(images=self.folder / "images", environments=self.folder / "environments", **options)

    def leftovers(self, builder):
        return {str(path) for folder in (builder.images, builder.environments) if folder.is_dir() for path in folder.iterdir()}

    def test_what_could_not_be_confined_is_in_the_log(self, builder, built, report):
        builder.probe(built(ECHO), memory=1 << 28, timeout=30, report=report)
        assert any(line.startswith("Note: ") for line in report.lines)

    def test_a_half_installed_environment_is_not_used(self, builder, base, lock, report):
        key = uuid.uuid4().hex
        (builder.environments / key / "bin").mkdir(parents=True)
        assert builder.find_environment(base, key) is None
        installed = builder.install(base, lock, key, report)
        assert [package.name for package in installed.packages] == ["six"]
        builder.discard(installed.location)

    @pytest.mark.parametrize("location", ["/", "/etc", "..", "images/../..", ""])
    def test_nothing_else_can_be_discarded(self, builder, location):
        with pytest.raises(ValueError):
            builder.discard(location)
        with pytest.raises(ValueError):
            builder.discard(str(builder.images / location))

    def test_the_users_code_cannot_change_its_image(self, builder, built, report):
        score = "import os\ndef init():\n    try:\n        open('score.py', 'a').close()\n    except OSError:\n        print('refused')\n\ndef run(x): return 1\n"
        image = built(score)
        builder.probe(image, memory=1 << 28, timeout=30, report=report)
        if os.geteuid() != 0 or not any("portal's own user" in line for line in report.lines):
            assert "refused" in report.lines

    def test_a_python_that_is_not_here_is_said(self, builder, report):
        with pytest.raises(Exception, match=r"no Python 3\.99"):
            builder.base("python", "3.99", report)

    def test_an_image_made_twice_under_one_name_is_the_second(self, builder, environment, report):
        name = uuid.uuid4().hex
        for score in (ECHO, ECHO + "# second\n"):
            built = builder.bundle(environment, make_bundle(score), name=name, labels={}, report=report)
        assert (Path(built.location) / "app/score.py").read_text().endswith("# second\n")
        builder.discard(built.location)

    def test_what_a_killed_worker_left_is_swept_when_it_is_old(self, builder, environment, built):
        kept = built(ECHO)
        left = [builder.images / ".half-made", builder.environments / ".scratch-x", builder.environments / uuid.uuid4().hex]
        for folder in left:
            folder.mkdir()
        assert builder.sweep(older_than=3600) == 0 and all(folder.exists() for folder in left)
        for folder in left:
            os.utime(folder, (1, 1))
        assert builder.sweep(older_than=3600) == 3 and not any(folder.exists() for folder in left)
        assert Path(kept.location).is_dir() and Path(environment.location).is_dir()
