"""The first step of `make run`: refusals in one line, and nothing done twice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from portal.supervisor import install

ROOT = install.ROOT


def make(*words: str, **environment: str) -> subprocess.CompletedProcess:
    """make as from a shell: the tests themselves may run below one, whose flags are not meant for this one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *words], cwd=ROOT, env={**kept, **environment}, capture_output=True, text=True)


def test_without_a_usable_python_make_says_which_it_needs():
    done = make("install", "PYTHON=")
    assert done.returncode != 0
    assert done.stdout.strip() == "The portal needs Python 3.11, 3.12 or 3.13 and found none. Name one: make run PYTHON=/path/to/python3.11"


def test_make_finds_a_python_that_really_starts(tmp_path):
    """A version manager's shim is on PATH and fails; the next candidate is taken."""
    for name in ("make", "sh", "grep", "sed"):
        (tmp_path / name).symlink_to(shutil.which(name))
    (tmp_path / "python3").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "python3").chmod(0o755)
    (tmp_path / "python3.12").symlink_to(sys.executable)
    done = make("-n", "install", PATH=str(tmp_path))
    assert "python3.12 portal/supervisor/install.py" in done.stdout


def test_the_words_that_make_knows_are_all_explained():
    done = make()
    assert {"run", "stop", "test"} <= {line.split()[0] for line in done.stdout.splitlines()}


@pytest.mark.parametrize("version", [(3, 10, 4), (3, 14, 0)])
def test_another_python_is_refused_with_the_way_to_name_one(monkeypatch, version):
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(SystemExit, match=r"needs Python 3.11, 3.12 or 3.13.*make run PYTHON="):
        install.check_machine()


def test_another_system_is_refused_in_one_line(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SystemExit, match=r"runs on Linux, x86-64 or arm64"):
        install.check_machine()


def test_it_needs_nothing_but_the_standard_library():
    """It runs before anything is installed, so it is started without site-packages here."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import runpy; runpy.run_path('portal/supervisor/install.py', run_name='imported')"], cwd=ROOT
    )
    assert done.returncode == 0


@pytest.fixture
def assets(tmp_path, monkeypatch):
    """A front end of one file, built by a script that counts its runs."""
    folder, built = tmp_path / "assets", tmp_path / "built"
    folder.mkdir()
    (folder / "package.json").write_text('{"name": "test", "version": "1.0.0", "private": true}')
    (folder / "package-lock.json").write_text(
        '{"name": "test", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": {"": {"name": "test"}}}'
    )
    (folder / "build.mjs").write_text(
        "import fs from 'node:fs'; fs.mkdirSync('../built', { recursive: true }); fs.appendFileSync('../built/runs', fs.readFileSync('page.js'));"
    )
    (folder / "page.js").write_text("one\n")
    for name, value in {"ROOT": tmp_path, "ASSETS": folder, "BUILT": built}.items():
        monkeypatch.setattr(install, name, value)
    return folder


@pytest.mark.skipif(not shutil.which("npm"), reason="There is no Node.js here.")
def test_assets_are_built_once_and_again_when_a_source_changes(assets):
    install.build_assets()
    install.build_assets()
    assert (install.BUILT / "runs").read_text() == "one\n"
    (assets / "page.js").write_text("two\n")
    install.build_assets()
    assert (install.BUILT / "runs").read_text() == "one\ntwo\n"


@pytest.mark.skipif(not shutil.which("npm"), reason="There is no Node.js here.")
def test_a_build_that_fails_says_why_and_is_tried_again(assets):
    (assets / "build.mjs").write_text("throw new Error('no cheese left')")
    for _ in range(2):
        with pytest.raises(SystemExit, match="no cheese left"):
            install.build_assets()


def test_requirements_that_are_installed_are_not_installed_again(tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "VENV", tmp_path)
    monkeypatch.setattr(install.subprocess, "run", lambda command, **kwargs: ran.append(command) or subprocess.CompletedProcess(command, 0))
    (tmp_path / "requirements.txt").write_text("one\n")
    install.install(["requirements.txt"])
    first = len(ran)
    assert first
    install.install(["requirements.txt"])
    assert len(ran) == first
    (tmp_path / "requirements.txt").write_text("one\ntwo\n")
    install.install(["requirements.txt"])
    assert len(ran) > first


def test_who_has_what_the_tests_need_has_what_the_portal_needs(tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "VENV", tmp_path)
    monkeypatch.setattr(install.subprocess, "run", lambda command, **kwargs: ran.append(command) or subprocess.CompletedProcess(command, 0))
    (tmp_path / "requirements.txt").write_text("one\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\ntwo\n")
    install.install(["requirements-dev.txt"])
    ran.clear()
    install.install(["requirements.txt"])
    assert ran == []


def test_a_broken_environment_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").write_text("#!/bin/sh\nexit 1\n")
    os.chmod(tmp_path / ".venv" / "bin" / "python", 0o755)
    install.make_environment()
    assert subprocess.run([install.PYTHON, "-c", "import pip"]).returncode == 0
