"""The queues, the clock and what they name: the portal names tasks by string, so a test has to hold the names."""

from __future__ import annotations

import pytest
from django.conf import settings

from portal.celery import BUILD, HOUSEKEEPING, QUEUES, ROLLOUT, app
from portal.supervisor.processes import processes


@pytest.fixture(autouse=True)
def tasks():
    app.loader.import_default_modules()
    return app.tasks


def queue_of(name: str) -> str:
    return app.amqp.router.route({}, name)["queue"].name


def test_a_build_never_stands_before_a_rollout_or_the_clock():
    assert queue_of("deployments.tasks.build") == BUILD
    assert queue_of("deployments.tasks.rollout") == ROLLOUT
    assert queue_of("deployments.tasks.tick") == HOUSEKEEPING


def test_what_the_clock_sends_exists_and_does_not_pile_up(tasks):
    for entry in app.conf.beat_schedule.values():
        assert entry["task"] in tasks
        assert entry["options"]["expires"] <= entry["schedule"]
        assert entry["options"]["queue"] in QUEUES


def test_every_task_of_ours_goes_to_a_queue_that_a_worker_takes_from(tasks):
    ours = [name for name in tasks if not name.startswith("celery.")]
    served = {process.command[process.command.index("-Q") + 1] for process in processes() if "-Q" in process.command}
    assert {queue_of(name) for name in ours} <= served == set(QUEUES)


def test_a_message_is_kept_until_its_work_is_done_and_never_run_in_the_caller():
    assert app.conf.task_acks_late and app.conf.task_reject_on_worker_lost
    assert app.conf.worker_prefetch_multiplier == 1
    assert not app.conf.task_always_eager


def test_the_clock_keeps_its_file_in_the_data_folder():
    assert app.conf.beat_schedule_filename.startswith(str(settings.DATA_DIR))
