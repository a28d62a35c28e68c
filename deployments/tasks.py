"""The doorbells: one line each. The work is in the database; a message only says "look"."""

from __future__ import annotations

from celery import shared_task

from deployments import engines, mailing, reconcile, routing, work
from deployments.collected import store


@shared_task(name="deployments.tasks.build")
def build(operation_id: str) -> None:
    work.run(operation_id)


@shared_task(name="deployments.tasks.rollout")
def rollout(operation_id: str) -> None:
    work.run(operation_id)


@shared_task(name="deployments.tasks.sync_gateway")
def sync_gateway() -> None:
    routing.sync()


@shared_task(name="deployments.tasks.check_environment")
def check_environment(environment_id: str) -> None:
    reconcile.check_environment(environment_id)


@shared_task(name="deployments.tasks.discard_image")
def discard_image(alias: str, location: str) -> None:
    engines.builder(alias).discard(location)


@shared_task(name="deployments.tasks.remove_left_over")
def remove_left_over(alias: str, name: str) -> None:
    engines.target(alias).remove(name)


@shared_task(name="deployments.tasks.sweep_collected")
def sweep_collected() -> None:
    store.sweep_files()


@shared_task(name="deployments.tasks.tick")
def tick() -> None:
    for operation_id, kind in reconcile.tick():
        ring(operation_id, kind)


@shared_task(name="deployments.tasks.housekeeping")
def housekeeping() -> None:
    reconcile.housekeeping()


@shared_task(name="deployments.tasks.mail_notifications")
def mail_notifications() -> None:
    for user_id in mailing.due():
        mail_person.delay(user_id)


# smtplib's errors are OSErrors. What is not delivered after these tries is tried again with the next news of half an hour later.
@shared_task(name="deployments.tasks.mail_person", autoretry_for=(OSError,), retry_backoff=15, retry_backoff_max=300, max_retries=6)
def mail_person(user_id: int) -> None:
    mailing.mail(user_id)


def ring(operation_id, kind: str) -> None:
    """Tell the right queue to look at an operation."""
    (build if kind == "Image" else rollout).delay(str(operation_id))


def ring_next_after_commit(operation) -> None:
    """For what waits behind an operation that ended without a worker."""
    behind = operation.service.operations.filter(state="NotStarted").order_by("created_at").first() if operation.service else None
    if behind is not None:
        ring_after_commit(behind)


def ring_after_commit(operation) -> None:
    """The usual way to ring: once the row can be seen by others."""
    (build if operation.kind == "Image" else rollout).delay_on_commit(str(operation.pk))
