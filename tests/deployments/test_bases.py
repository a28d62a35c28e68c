"""What images stand on: a base that is not there is told with what is, and wheels that no index has are found."""

from __future__ import annotations

import io
import platform
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from deployments.builds import bases
from deployments.builds.builders import directory, docker
from deployments.builds.builders.base import BuildFailed
from deployments.builds.builders.directory import DirectoryBuilder
from deployments.builds.builders.docker import DockerBuilder
from deployments.builds.console import ConsoleReport
from portal.errors import Unavailable

METADATA = "Metadata-Version: 2.1\nName: pyspark\nVersion: 9.9\n"


REPORT = ConsoleReport(print)


@pytest.fixture
def builder():
    """Folders of this machine, where another user reaches them, with a folder of wheels that is empty."""
    with tempfile.TemporaryDirectory(prefix="mp-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "wheels").mkdir()
        yield DirectoryBuilder(**{each: folder / each for each in ("images", "environments", "wheels")})


def add_wheel(folder: Path) -> None:
    with zipfile.ZipFile(folder / "pyspark-9.9-py3-none-any.whl", "w") as wheel:
        wheel.writestr("pyspark/__init__.py", "")
        wheel.writestr("pyspark-9.9.dist-info/METADATA", METADATA)
        wheel.writestr("pyspark-9.9.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("pyspark-9.9.dist-info/RECORD", "")


def test_spark_on_this_machine_needs_java_and_the_wheel(builder, monkeypatch):
    monkeypatch.setattr(directory.shutil, "which", lambda name, path=None: None)
    with pytest.raises(BuildFailed, match="has no Java"):
        builder.base("spark-py", "3.11", REPORT)
    monkeypatch.setattr(directory.shutil, "which", lambda name, path=None: f"/usr/bin/{name}")
    with pytest.raises(BuildFailed, match="make_base spark-py --wheel"):
        builder.base("spark-py", "3.11", REPORT)


def test_a_wheel_that_no_index_has_is_locked_with_its_hash(builder, monkeypatch):
    before = builder.index_identity()
    add_wheel(builder.wheels)
    monkeypatch.setattr(DirectoryBuilder, "_check_spark", lambda self: None)
    base = builder.base("spark-py", "3.11", REPORT)
    assert builder.index_identity() != before
    lock = builder.resolve(base, "pyspark==9.9\n", REPORT)
    assert lock.startswith("pyspark==9.9") and "--hash=sha256:" in lock
    installed = builder.install(base, lock, "key", REPORT)
    assert [(package.name, package.version) for package in installed.packages] == [("pyspark", "9.9")]


@pytest.fixture
def engine_with(monkeypatch):
    """engine_with(*references): the images it has; nothing can be pulled."""

    def make(*references: str) -> DockerBuilder:
        monkeypatch.setattr(docker, "inspect_image", lambda engine, name: {"Id": "sha256:1"} if name in references else None)

        def pull(self, reference, report):
            raise Unavailable("Docker Engine", "could not pull an image: no route to host")

        monkeypatch.setattr(DockerBuilder, "_pull", pull)
        images = {"python": "python:{python}-slim", "spark-py": "modelport/spark-py:{python}"}
        return DockerBuilder(base_images=images)

    return make


def test_a_python_without_a_base_image_is_told_with_those_that_have_one(engine_with):
    builder = engine_with("python:3.11-slim", "python:3.12-slim")
    with pytest.raises(BuildFailed) as failed:
        builder.base("python", "3.9", REPORT)
    assert failed.value.code == "NoBaseImage"
    assert "no base image for Python 3.9 here: python:3.9-slim is not in the engine" in failed.value.message
    assert "Choose Python 3.11 or 3.12" in failed.value.message and "no route to host" in failed.value.message


def test_where_there_is_no_other_the_pull_is_tried_again(engine_with):
    with pytest.raises(Unavailable):
        engine_with().base("python", "3.9", REPORT)


def test_a_base_for_spark_is_made_by_an_administrator(engine_with):
    with pytest.raises(BuildFailed, match=r"An administrator makes it with: manage.py make_base spark-py --python 3\.12"):
        engine_with("modelport/spark-py:3.11").base("spark-py", "3.12", REPORT)


def wheel_with(folder: Path, *libraries: str) -> None:
    """A wheel of pyspark whose jars hold these libraries, and others that are not for this processor."""
    with zipfile.ZipFile(folder / "pyspark-9.9-py3-none-any.whl", "w") as wheel:
        for jar in ("snappy-java-1.1.jar", "zstd-jni-1.5.jar", "hadoop-1.0.jar"):
            data = io.BytesIO()
            with zipfile.ZipFile(data, "w") as opened:
                for name in libraries:
                    if name.rpartition("/")[2].startswith(f"lib{jar[:4]}"):
                        opened.writestr(name, name)
                opened.writestr("win/amd64/libzstd-jni-1.5.dll", "")
            wheel.writestr(f"pyspark/jars/{jar}", data.getvalue())


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the libraries are named for that processor")
def test_native_libraries_are_taken_out_of_the_jars(tmp_path):
    """As the base image for Spark does, where nothing that lies in /tmp may be executed."""

    def extract(*libraries: str) -> subprocess.CompletedProcess:
        wheels = Path(tempfile.mkdtemp(dir=tmp_path))
        wheel_with(wheels, *libraries)
        command = [sys.executable, "-c", bases.NATIVES, str(wheels), str(wheels / "native")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        done.found = {file.name: file.read_text() for file in (wheels / "native").iterdir()}
        return done

    snappy, zstd = "org/xerial/snappy/native/Linux/x86_64/libsnappyjava.so", "linux/amd64/libzstd-jni-1.5.7-6.so"
    done = extract(snappy, zstd, "org/xerial/snappy/native/Linux/aarch64/libsnappyjava.so", "linux/aarch64/libzstd-jni-1.5.7-6.so")
    assert done.returncode == 0 and done.found == {"libsnappyjava.so": snappy, "libzstd-jni.so": zstd}
    done = extract(snappy)
    assert done.returncode and "other native libraries than expected" in done.stderr
