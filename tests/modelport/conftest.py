"""A live portal over real HTTP, a person's token, a worker that does what bells ring for, and a command line in a home of its own."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass

import pytest
from django.db import connections
from typer.testing import CliRunner

from deployments import routing, work
from modelport import Portal
from modelport.cli.app import app
from portal.accounts import actions
from tests import factories
from tests.deployments.conftest import engine, environment

__all__ = ["engine", "environment"]


@pytest.fixture
def token_of(transactional_db):
    """token_of(user): the value of a new personal token."""

    def token_of(user) -> str:
        return actions.issue_token(user=user, name="test")[1]

    return token_of


@pytest.fixture
def portal(live_server, environment, contributor, token_of):
    """The client of a Contributor, with an environment to work on."""
    with Portal(live_server.url, token_of(contributor), "demo") as portal:
        yield portal


@pytest.fixture
def worker(engine, transactional_db):
    """Does in a thread what the doorbells ask, as the workers would."""
    over = threading.Event()

    def listen():
        while not over.is_set():
            if not engine:
                time.sleep(0.01)
                continue
            name, arguments = engine.pop(0)
            if name in ("deployments.tasks.build", "deployments.tasks.rollout"):
                work.run(arguments[0])
            elif name == "deployments.tasks.sync_gateway":
                routing.sync()
        connections.close_all()

    thread = threading.Thread(target=listen)
    thread.start()
    yield
    over.set()
    thread.join(30)
    assert not thread.is_alive()


@pytest.fixture
def files(tmp_path):
    """score.py, requirements.txt and a model in a folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "score.py").write_bytes(factories.DOUBLE)
    (folder / "requirements.txt").write_text("packaging\n")
    (folder / "model.pkl").write_bytes(b"a model")
    return folder


@dataclass
class Said:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def error(self) -> dict:
        """The one JSON object at the end of standard error; progress may stand before it."""
        assert self.code == 1, self.out
        return json.loads(self.err[self.err.index("{\n") :])


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder of the test's own, and none of our environment variables."""
    for name in ("URL", "TOKEN", "GROUP"):
        monkeypatch.delenv(f"MODELPORT_{name}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


@pytest.fixture
def modelport(home, files, monkeypatch):
    """modelport("model", "list"): runs a command in the folder with the files."""
    monkeypatch.chdir(files)

    def run(*words: object, input: str | None = None) -> Said:
        done = CliRunner().invoke(app, [str(word) for word in words], input=input)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Said(done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture
def signed_in(modelport, portal):
    """The command line, logged in as the Contributor."""
    assert modelport("login", "--url", portal.transport.url, "--token", portal.transport.token).code == 0
    return modelport
