"""The first start's example through the ordinary actions: made once, finished when interrupted, left alone when deleted."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone

from deployments import quickstart, work
from deployments.models import Operation, Service, ServiceKey
from portal import keys
from portal.accounts.actions import system_user
from portal.accounts.models import ResourceGroup
from portal.errors import PortalError
from portal.supervisor.closing import Quickstart
from registry.models import Image, ModelVersion
from scoring import schema as schemas
from tests.fakes import NO_PACKAGE, FakeBuilder

pytestmark = pytest.mark.django_db(transaction=True)
SAMPLE = {"input_df": [{"sepal length": 3.0, "sepal width": 3.6, "petal length": 1.3, "petal width": 0.25}]}


@pytest.fixture
def worker(monkeypatch):
    """While the console waits, work is done; `worker.clear()` sends the worker away and the wait is broken off."""
    there = ["a worker"]

    def wait(seconds):
        if not there:
            raise KeyboardInterrupt
        for operation in Operation.objects.filter(state="NotStarted"):
            work.run(operation.pk)

    monkeypatch.setattr(quickstart.time, "sleep", wait)
    return there


@pytest.fixture
def run(engine, worker, settings, tmp_path, monkeypatch):
    """run(again=False): the example on a fake engine; what was said. Only the training is left out: it has a test below a real start."""
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr("deployments.actions.environments.preferred_target", lambda: "fake")

    def train(folder, console):
        (folder / "model.pkl").write_bytes(b"a model")
        (folder / "service_schema.json").write_text(json.dumps(schemas.infer(SAMPLE).to_json()))
        for name in ("score.py", "requirements.txt"):
            (folder / name).write_bytes((quickstart.SOURCES / name).read_bytes())

    monkeypatch.setattr(quickstart, "train", train)

    def run(**options) -> str:
        said = []
        quickstart.run(said.append, **options)
        return "".join(said)

    return run


def serving() -> Service:
    return Service.objects.get(group__name="demo", name="iris", revisions__state="Serving")


def key_is_good(kept: Quickstart) -> bool:
    return ServiceKey.objects.filter(service=serving(), hash=keys.digest(kept.key)).exists()


def test_it_shows_the_steps_and_keeps_a_key_that_works(run):
    said = run()
    for words in (
        "Register model and manifest",
        "Resolve packages",
        "Install packages",
        "Start it once and try the sample",
        "Switch the routes",
    ):
        assert words in said
    kept = Quickstart.load()
    assert (kept.service, json.loads(kept.sample)) == ("demo/iris", SAMPLE)
    assert key_is_good(kept)
    assert str(serving().revisions.get(state="Serving").image) == "iris:1"


def test_it_acts_as_the_system_which_cannot_sign_in(run):
    run()
    assert ModelVersion.objects.get().created_by == system_user()
    assert not system_user().has_usable_password()
    assert list(ResourceGroup.objects.get(name="demo").memberships.values_list("user__username", "role")) == [
        (system_user().username, "owner")
    ]


def test_a_later_start_does_nothing(run):
    run()
    kept = Quickstart.load()
    assert run() == ""
    assert Quickstart.load() == kept and Image.objects.count() == 1


def test_asked_for_again_it_makes_the_next_version_and_keeps_address_and_key(run):
    run()
    kept = Quickstart.load()
    run(again=True)
    assert Quickstart.load() == kept and key_is_good(kept)
    assert str(serving().revisions.get(state="Serving").image) == "iris:2"


def test_a_start_that_was_broken_off_is_gone_on_with(run, worker):
    worker.clear()
    with pytest.raises(KeyboardInterrupt):
        run()
    worker.append("back")
    said = run()
    assert said.startswith("Going on with the Iris example.") and "Switch the routes" in said
    assert key_is_good(Quickstart.load()) and Image.objects.count() == 1


def test_a_build_that_failed_is_told_and_tried_again_by_the_next_start(run):
    FakeBuilder.trouble["resolve"] = NO_PACKAGE
    with pytest.raises(PortalError, match=r"Build image: .*iris"):
        run()
    FakeBuilder.trouble.clear()
    run()
    assert key_is_good(Quickstart.load())


def test_a_lost_file_is_made_anew_with_a_new_key(run, settings):
    run()
    (settings.DATA_DIR / Quickstart.FILE).unlink()
    run()
    assert key_is_good(Quickstart.load())


def test_what_somebody_deleted_does_not_come_back_until_it_is_asked_for(run):
    run()
    Service.objects.update(deleting=True, updated_at=timezone.now())
    assert run() == "" and Quickstart.load() is None
    assert run() == ""
    assert Image.objects.count() == 1
