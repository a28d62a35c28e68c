"""An engine of fakes, and the operations run in this process as a worker would."""

from __future__ import annotations

import pytest

from deployments import rollouts, routing, work
from tests import factories
from tests.fakes import FakeBuilder, FakeTarget


@pytest.fixture
def engine(settings, tmp_path, monkeypatch):
    """A target alias `fake`, and folders of the test's own. Bells ring nobody: the test runs operations itself."""
    settings.TARGETS = {**settings.TARGETS, "fake": {"TARGET": "tests.fakes.FakeTarget", "BUILDER": "tests.fakes.FakeBuilder"}}
    settings.GATEWAY_DIR = tmp_path / "gateway"
    settings.OPERATION_DIR = tmp_path / "operations"
    rung = []
    monkeypatch.setattr("celery.app.base.Celery.send_task", lambda self, name, args=(), **kwargs: rung.append((name, list(args))))
    monkeypatch.setattr(
        "celery.app.task.Task.apply_async", lambda self, args=(), kwargs=None, **options: rung.append((self.name, list(args)))
    )
    # No caller is there whose last call could be lost.
    monkeypatch.setattr(rollouts, "DRAIN_SECONDS", 0)
    routing.gateway.cache_clear()
    yield rung
    routing.gateway.cache_clear()
    FakeTarget.reset()
    FakeBuilder.reset()


@pytest.fixture
def environment(engine, group):
    return factories.make_environment(group, name="fake", target="fake", is_default=True)


@pytest.fixture
def perform(transactional_db):
    """perform(operation): what a worker does when it is told to look; answers the operation afterwards."""

    def perform(operation):
        work.run(operation.pk)
        operation.refresh_from_db()
        return operation

    return perform
