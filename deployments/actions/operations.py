"""Stopping and repeating work."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from deployments import plans, rollouts, tasks
from deployments.actions.images import create_image
from deployments.builds import build
from deployments.models import Operation
from portal.accounts.events import EventTag, record
from portal.accounts.permissions import Permission, require
from portal.errors import Conflict, IllegalMove
from portal.told import kept


@transaction.atomic
def cancel_operation(*, user, operation: Operation) -> Operation:
    """Stops it at once; what it had begun is removed. Raises IllegalMove (409) when it has ended."""
    require(user, Permission.OPERATION_WRITE, operation.group)
    if operation.kind == Operation.Kind.DELETE:
        raise Conflict(_("A deletion cannot be cancelled: callers get 404 already."), code="IllegalMove")
    waiting = operation.state in (Operation.State.NOT_STARTED, Operation.State.WAITING)
    operation.cancel()
    record(user, EventTag.OPERATION_CANCELLED, operation)
    if waiting:
        _clean_up(operation)
    return operation


def call_off(operation: Operation, why: str) -> None:
    """Something newer has taken its place: cancelled, with the reason. What has ended meanwhile stays as it is."""
    waiting = operation.state in (Operation.State.NOT_STARTED, Operation.State.WAITING)
    try:
        operation.cancel({"code": "Superseded", "message": why, "told": kept(why), "fault": "", "file": "", "line": None, "lines": []})
    except IllegalMove:
        return
    if waiting:
        _clean_up(operation)
        tasks.ring_next_after_commit(operation)


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
        raise Conflict(_("Only what has failed or was cancelled can be run again."), code="IllegalMove")
    if operation.environment is None:
        raise Conflict(_("The environment of this operation has been deleted."))
    _refuse_passed(operation)
    if operation.kind == Operation.Kind.IMAGE:
        if operation.manifest is None:
            raise Conflict(_("The manifest of this image has been deleted."))
        if operation.then:
            require(user, Permission.SERVICE_WRITE, operation.group)
        return create_image(
            user=user,
            group=operation.group,
            manifest=operation.manifest,
            environment=operation.environment,
            name=operation.label.rpartition(":")[0],
            then=operation.then,
            following=operation.following,
        )
    if operation.service is None:
        raise Conflict(_("The service of this operation has been deleted."))
    if operation.kind == Operation.Kind.DELETE:
        require(user, Permission.SERVICE_DELETE, operation.group)
    elif operation.service.deleting:
        raise Conflict(_("%(service)s is being deleted.") % {"service": operation.service}, code="Deleting")
    if operation.image is not None:
        again = plans.plan_revision(user=user, service=operation.service, image=operation.image, following=operation.following)
    else:
        again = plans.plan_rollout(user=user, service=operation.service, label=operation.label, kind=operation.kind)
    tasks.ring_after_commit(again)
    return again


def _refuse_passed(operation: Operation) -> None:
    """What an alias asked for is not done again once the alias is elsewhere, or its following is paused or has another update under way."""
    following = operation.following
    if following is None:
        return
    alias, service = following.alias, following.service
    if following.paused:
        words = _("%(service)s does not follow %(alias)s for now. End the pause first.")
        raise Conflict(words % {"service": service, "alias": alias}, code="Superseded")
    manifest = operation.manifest or (operation.image.manifest if operation.image else None)
    if manifest is None or not manifest.uses.filter(version=alias.version_id).exists():
        words = _("%(alias)s points at %(version)s now. Update %(service)s to that instead.")
        raise Conflict(words % {"alias": alias, "version": alias.version, "service": service}, code="Superseded")
    if following.unfinished().exists():
        raise Conflict(_("%(service)s is being updated already.") % {"service": service}, code="Superseded")
