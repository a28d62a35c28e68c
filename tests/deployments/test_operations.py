"""Operations: claimed once, cancelled at once, tried again when it was our fault, and never half-done."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from deployments import reconcile, steplog, steps, work
from deployments.actions.images import create_image
from deployments.actions.operations import cancel_operation, rerun_operation
from deployments.builds.builders.base import BuildFailed
from deployments.models import Operation, OperationStep, PackageLock
from portal.errors import Conflict, IllegalMove, Unavailable
from registry.models import Image
from tests import factories
from tests.fakes import NO_PACKAGE, FakeBuilder, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def build(group, owner, environment):
    """build(): an operation that builds the next image of a small manifest."""
    manifest = factories.make_manifest(group, user=owner)

    def build(**options):
        return create_image(user=owner, group=group, manifest=manifest, environment=environment, **options)

    return build


def test_a_build_goes_through_its_named_steps_and_records_the_image(build, perform):
    operation = perform(build())
    assert (operation.state, operation.error) == ("Succeeded", None)
    assert [(step.name, step.state) for step in operation.steps.all()] == [
        (name, "Succeeded") for name in ("resolve", "environment", "bundle", "probe", "push")
    ]
    image = operation.image
    assert image.is_built and image.packages == [{"name": "msgspec", "version": "0.20"}] and image.probe["sample_result"] == {"answer": 42}
    assert "resolve was done" in steps.step_log_path(operation.steps.get(name="resolve")).read_text()


def test_a_second_build_reuses_lock_and_environment(build, perform):
    perform(build())
    FakeBuilder.calls.clear()
    operation = perform(build())
    assert FakeBuilder.calls == ["bundle", "probe", "push"]
    assert operation.steps.get(name="resolve").state == operation.steps.get(name="environment").state == OperationStep.State.SKIPPED
    assert PackageLock.objects.count() == 1
    assert str(operation.image) == "iris:2"


def test_the_same_manifest_has_the_same_bundle_digest(build, perform):
    first, second = perform(build()), perform(build())
    assert first.image.bundle_digest == second.image.bundle_digest


@pytest.mark.parametrize("verb", ["resolve", "install", "bundle", "probe", "push"])
def test_a_fault_of_theirs_is_said_with_its_line_and_leaves_no_image(build, perform, verb):
    FakeBuilder.trouble = {verb: NO_PACKAGE}
    operation = perform(build())
    assert operation.state == "Failed" and operation.attempts == 1
    assert operation.error["fault"] == "yours" and operation.error["line"] == 1 and "scikit-learn" in operation.error["message"]
    assert any("scikit-lern" in line for line in operation.error["lines"])
    assert operation.steps.last().state == "Failed"
    assert not Image.objects.exists()
    assert bool(FakeBuilder.discarded) == (verb in ("probe", "push"))


def test_a_fault_of_ours_is_tried_again_and_then_said(build, perform):
    FakeBuilder.trouble = {"resolve": Unavailable("Docker Engine", "no answer")}
    operation = build()
    for attempt in (1, 2):
        perform(operation)
        assert (operation.state, operation.attempts) == ("NotStarted", attempt)
        assert operation.due_at > timezone.now()
        perform(operation)
        assert operation.attempts == attempt, "it does not begin before its time"
        Operation.objects.update(due_at=timezone.now())
    perform(operation)
    assert (operation.state, operation.error["fault"]) == ("Failed", "ours")
    assert not Image.objects.exists()


def test_what_was_tried_again_can_succeed(build, perform):
    FakeBuilder.trouble = {"install": Unavailable("The package index", "time-out")}
    operation = perform(build())
    FakeBuilder.trouble = {}
    Operation.objects.update(due_at=timezone.now())
    perform(operation)
    assert operation.state == "Succeeded" and operation.error is None and operation.image.is_built


def run_in_thread(operation) -> threading.Thread:
    def work_and_close():
        try:
            work.run(operation.pk)
        finally:
            connection.close()

    thread = threading.Thread(target=work_and_close)
    thread.start()
    return thread


@pytest.mark.parametrize("verb", ["resolve", "install", "bundle", "probe", "push"])
def test_cancel_stops_a_running_build_at_once_and_leaves_nothing(build, owner, verb):
    FakeBuilder.block = verb
    operation = build()
    thread = run_in_thread(operation)
    wait_until(lambda: verb in FakeBuilder.calls)
    cancel_operation(user=owner, operation=Operation.objects.get(pk=operation.pk))
    thread.join(5)
    assert not thread.is_alive()
    operation.refresh_from_db()
    assert (operation.state, operation.steps.last().state) == ("Cancelled", "Cancelled")
    assert not Image.objects.exists()


def test_cancel_of_what_waits_removes_its_draft(build, owner, perform):
    operation = build()
    cancel_operation(user=owner, operation=operation)
    assert not Image.objects.exists()
    assert perform(operation).state == "Cancelled" and not FakeBuilder.calls


def test_what_has_ended_cannot_be_cancelled(build, owner, perform):
    operation = perform(build())
    with pytest.raises(IllegalMove):
        cancel_operation(user=owner, operation=operation)
    assert operation.image.is_built


def test_a_message_that_comes_three_times_does_the_work_once(build, perform):
    operation = build()
    for _ in range(3):
        perform(operation)
    assert operation.attempts == 1 and FakeBuilder.calls.count("bundle") == 1


def test_a_lost_worker_is_noticed_and_the_work_taken_again(build, perform):
    operation = build()
    operation.claim()
    step = operation.steps.create(order=1, name="resolve", title="Resolve packages")
    Operation.objects.update(heartbeat_at=timezone.now() - timedelta(seconds=31), created_at=timezone.now() - timedelta(minutes=1))
    assert reconcile.tick() == [(str(operation.pk), "Image")]
    step.refresh_from_db()
    assert step.state == "Failed" and step.ended_at and "worker ended" in step.note
    stale = Operation.objects.get(pk=operation.pk)
    assert perform(operation).state == "Succeeded" and operation.fence == 2
    assert stale.beat() is False
    with pytest.raises(IllegalMove):
        stale.fail({"message": "too late"})


def test_work_that_kills_its_worker_each_time_is_given_up(build):
    operation = build()
    for _ in range(3):
        operation.refresh_from_db()
        operation.claim()
        Operation.objects.update(heartbeat_at=timezone.now() - timedelta(seconds=31))
        reconcile.tick()
    operation.refresh_from_db()
    assert (operation.state, operation.error["code"], operation.error["fault"]) == ("Failed", "WorkerLost", "ours")
    assert not Image.objects.exists()


def test_work_that_nobody_announced_is_found_by_the_clock(build):
    operation = build()
    assert reconcile.tick() == []
    Operation.objects.update(created_at=timezone.now() - timedelta(seconds=10))
    assert reconcile.tick() == [(str(operation.pk), "Image")]


def test_a_failed_build_can_be_run_again(build, perform, owner):
    FakeBuilder.trouble = {"resolve": NO_PACKAGE}
    failed = perform(build(name="flowers"))
    FakeBuilder.trouble = {}
    again = perform(rerun_operation(user=owner, operation=failed))
    assert again.state == "Succeeded" and str(again.image) == "flowers:2", "numbers are never used twice"
    with pytest.raises(Conflict):
        rerun_operation(user=owner, operation=again)


def test_a_log_is_clean_and_bounded(build, perform, monkeypatch):
    operation = build()
    operation.claim()
    monkeypatch.setattr(steps, "MOST_LOG_BYTES", 200)
    with steps.Journal(operation) as journal, journal.step("resolve", "Resolve"):
        journal.line("\x1b[31mred\x1b[0m\x1b[2J and \x07bell\x1b]0;title\x07\nsecond\x1b")
        for _ in range(50):
            journal.line("x" * 20)
    path = steps.step_log_path(operation.steps.get())
    first, second, *_ = path.read_text().splitlines()
    assert steplog.parts(first)[1] == "\x1b[31mred\x1b[0m and bell" and steplog.plain(first) == "red and bell"
    assert steplog.plain(second) == "second" and steplog.parts(second)[0].endswith("Z")
    text = b"".join(steplog.text_of(path)).decode()
    assert text.startswith("red and bell\nsecond\nxxx") and "\x1b" not in text
    assert text.count("the rest is left out") == 1 and path.stat().st_size < 350


def test_a_package_that_does_not_exist_is_pointed_at_in_their_own_file(group, owner, environment, perform):
    manifest = factories.make_manifest(group, user=owner, dependencies=("requirements.txt", b"# ours\npackaging\nscikit-lern\n", "pip"))
    FakeBuilder.trouble = {"resolve": BuildFailed("There is no package called `scikit-lern`.", package="scikit-lern")}
    operation = perform(create_image(user=owner, group=group, manifest=manifest, environment=environment))
    assert (operation.error["file"], operation.error["line"]) == ("requirements.txt", 3)


def test_a_late_worker_neither_records_nor_clears_away_what_the_next_one_made(build, perform, monkeypatch):
    operation = build()
    late = Operation.objects.get(pk=operation.pk)
    late.claim()
    Operation.objects.get(pk=operation.pk).hand_back(due_at=timezone.now())
    perform(operation)
    kept = Image.objects.get()
    with pytest.raises(IllegalMove), steps.Journal(late) as journal:
        # As if it had not looked since: only the row itself can tell it.
        monkeypatch.setattr(journal, "check_cancelled", lambda: None)
        monkeypatch.setattr(Image, "is_built", False)
        work.HANDLERS[late.kind](late, journal)
    assert FakeBuilder.discarded and kept.location not in FakeBuilder.discarded
    assert Image.objects.get().built_at == kept.built_at


def test_an_image_that_is_recorded_is_not_built_again(build, perform, monkeypatch):
    def broken(operation):
        raise RuntimeError("the database was away")

    with monkeypatch.context() as patched:
        patched.setattr(work, "_end", broken)
        operation = perform(build())
    assert operation.state == "NotStarted" and operation.image.is_built
    FakeBuilder.calls.clear()
    Operation.objects.update(due_at=timezone.now())
    assert perform(operation).state == "Succeeded"
    assert not FakeBuilder.calls and not FakeBuilder.discarded
