"""Stopping and repeating work."""

from __future__ import annotations

from django.db import transaction

from deployments import plans, rollouts, tasks
from deployments.actions.images import create_image
from deployments.builds import build
from deployments.models import Operation
from portal.accounts.events import EventTag, record
from portal.accounts.permissions import Permission, require
from portal.errors import Conflict


@transaction.atomic
def cancel_operation(*, user, operation: Operation) -> Operation:
    """Stops it at once; what it had begun is removed. Raises IllegalMove (409) when it has ended."""
    require(user, Permission.OPERATION_WRITE, operation.group)
    if operation.kind == Operation.Kind.DELETE:
        raise Conflict("A deletion cannot be cancelled: callers get 404 already.", code="IllegalMove")
    waiting = operation.state in (Operation.State.NOT_STARTED, Operation.State.WAITING)
    operation.cancel()
    record(user, EventTag.OPERATION_CANCELLED, operation)
    if waiting:
        _clean_up(operation)
    return operation


def _clean_up(operation: Operation) -> None:
    """Nobody works on it, so nobody else would. Rows only: what an earlier try has started is a worker's to remove."""
    if operation.kind == Operation.Kind.IMAGE:
        build.abandon(operation, "Cancelled.")
        return
    revision = rollouts.end_revision(operation, "Cancelled.")
    if revision is not None and operation.attempts:
        tasks.remove_left_over.delay_on_commit(revision.service.environment.target, revision.spec_name)


@transaction.atomic
def rerun_operation(*, user, operation: Operation) -> Operation:
    """A new operation that does the same as one that failed or was cancelled."""
    require(user, Permission.OPERATION_WRITE, operation.group)
    if operation.state not in (Operation.State.FAILED, Operation.State.CANCELLED):
        raise Conflict("Only what has failed or was cancelled can be run again.", code="IllegalMove")
    if operation.environment is None:
        raise Conflict("The environment of this operation has been deleted.")
    if operation.kind == Operation.Kind.IMAGE:
        if operation.manifest is None:
            raise Conflict("The manifest of this image has been deleted.")
        if operation.then:
            require(user, Permission.SERVICE_WRITE, operation.group)
        return create_image(
            user=user,
            group=operation.group,
            manifest=operation.manifest,
            environment=operation.environment,
            name=operation.label.rpartition(":")[0],
            then=operation.then,
        )
    if operation.service is None:
        raise Conflict("The service of this operation has been deleted.")
    if operation.kind == Operation.Kind.DELETE:
        require(user, Permission.SERVICE_DELETE, operation.group)
    elif operation.service.deleting:
        raise Conflict(f"{operation.service} is being deleted.", code="Deleting")
    if operation.image is not None:
        again = plans.plan_revision(user=user, service=operation.service, image=operation.image)
    else:
        again = plans.plan_rollout(user=user, service=operation.service, label=operation.label, kind=operation.kind)
    tasks.ring_after_commit(again)
    return again
