"""Runs operations: claims, works, ends them. The only try/except around work.

Whose fault a failure was is always said: theirs (`yours`) with the last lines, or
ours, which is tried again first.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import current_app
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from deployments import plans, rollouts, steps
from deployments.builds import build
from deployments.builds.builders.base import BuildFailed, Cancelled
from deployments.golden import check
from deployments.golden.trial import WaitsForAPerson
from deployments.models import Operation, OperationStep, Service
from portal.errors import IllegalMove, InsufficientStorage, PortalError, Unavailable
from portal.told import kept, together, told

log = logging.getLogger(__name__)
#: how often work is begun before it is given up, and how long it waits in between (seconds)
MOST_ATTEMPTS, BACKOFF = 3, (5, 20)
HANDLERS = {
    Operation.Kind.IMAGE: build.build,
    Operation.Kind.SERVICE: rollouts.roll_out,
    Operation.Kind.DELETE: rollouts.delete,
    Operation.Kind.GOLDEN: check.check,
}
#: what is cleaned up when work of a kind ends without success
CLEANERS = {
    Operation.Kind.IMAGE: build.abandon,
    Operation.Kind.SERVICE: rollouts.abandon,
    Operation.Kind.DELETE: lambda operation, reason: None,
    Operation.Kind.GOLDEN: lambda operation, reason: None,
}


def take(operation_id) -> Operation | None:
    """The operation, claimed, or None when there is nothing to do now.

    Work on one service is done one at a time and in order, so a second operation
    waits until the first has ended.
    """
    with transaction.atomic():
        operation = Operation.objects.filter(pk=operation_id, state=Operation.State.NOT_STARTED, due_at__lte=timezone.now()).first()
        if operation is None:
            return None
        if operation.service_id:
            Service.objects.select_for_update().filter(pk=operation.service_id).first()
            earlier = Operation.objects.filter(service_id=operation.service_id, created_at__lt=operation.created_at)
            if earlier.exclude(state__in=Operation.FINISHED).exclude(pk=operation.pk).exists():
                return None
        try:
            operation.claim()
        except IllegalMove:
            return None
    return operation


def run(operation_id) -> None:
    operation = take(operation_id)
    if operation is None:
        return
    log.info("operation %s (%s) begins, attempt %d", operation.pk, operation, operation.attempts)
    try:
        with steps.Journal(operation) as journal:
            HANDLERS[operation.kind](operation, journal)
        _end(operation)
    except Cancelled:
        _cancelled(operation)
    except IllegalMove:
        # Cancelled or taken by another worker in the very last moment.
        _cancelled(operation)
    except BuildFailed as error:
        _fail(operation, error.message, code=error.code, fault="yours", file=error.file, line=error.line, cure=error.cure)
    except WaitsForAPerson:
        _wait(operation)
    except (Unavailable, InsufficientStorage) as error:
        _try_again(operation, error.told, code=error.code)
    except PortalError as error:
        _fail(operation, error.told, code=error.code, fault="yours")
    except ValidationError as error:
        # What followed was right when it was asked for and is not any more, such as a size above a limit that was lowered.
        _fail(operation, " ".join(error.messages), code="BadRequest", fault="yours")
    except Exception as error:
        log.exception("operation %s (%s) broke", operation.pk, operation)
        _try_again(operation, told("Something broke on our side (%(error)s).", error=type(error).__name__), code="InternalServerError")
    _next_on(operation)


def _end(operation: Operation) -> None:
    with transaction.atomic():
        if operation.then:
            # A service is locked before its operations, as where an alias is moved.
            Service.objects.select_for_update().filter(pk=operation.then.get("service")).first()
        operation.succeed()
        follower = plans.follow_up(operation) if operation.then else None
    log.info("operation %s (%s) succeeded", operation.pk, operation)
    if follower:
        _ring(follower)


def _wait(operation: Operation) -> None:
    log.info("operation %s (%s) waits for a person", operation.pk, operation)
    try:
        operation.wait()
    except IllegalMove:
        _cancelled(operation)


def _cancelled(operation: Operation) -> None:
    operation.refresh_from_db()
    if operation.state == Operation.State.CANCELLED:
        log.info("operation %s (%s) was cancelled", operation.pk, operation)
        CLEANERS[operation.kind](operation, "Cancelled.")
    else:
        log.warning("operation %s (%s) was taken over by another worker", operation.pk, operation)


def _fail(
    operation: Operation, message: str, *, code: str, fault: str, file: str = "", line: int | None = None, cure: dict | None = None
) -> None:
    lines = steps.last_lines(operation)
    error = {
        "code": code,
        "message": message,
        "told": kept(message),
        "fault": fault,
        "file": file,
        "line": line,
        "lines": lines,
        "cure": cure,
    }
    log.info("operation %s (%s) failed: %s", operation.pk, operation, message)
    try:
        operation.fail(error)
    except IllegalMove:
        _cancelled(operation)
        return
    CLEANERS[operation.kind](operation, message)


def _try_again(operation: Operation, message: str, *, code: str) -> None:
    """Ours: back to the queue, or, after the last attempt, said."""
    if operation.attempts >= MOST_ATTEMPTS:
        sorry = told("We tried %(times)s times. Sorry; an operator can see why in the worker's log.", times=operation.attempts)
        _fail(operation, together(message, sorry), code=code, fault="ours")
        return
    wait = BACKOFF[min(operation.attempts, len(BACKOFF)) - 1]
    message = together(message, told("Trying again."))
    error = {"code": code, "message": message, "told": kept(message), "fault": "ours", "lines": steps.last_lines(operation)}
    try:
        operation.hand_back(due_at=timezone.now() + timedelta(seconds=wait), error=error)
    except IllegalMove:
        _cancelled(operation)


def end_steps(operation: Operation) -> None:
    """What a worker was at when it died did not go on; another try begins steps of its own."""
    operation.steps.filter(state=OperationStep.State.RUNNING).update(
        state=OperationStep.State.FAILED, ended_at=timezone.now(), note="The worker ended in the middle of it."
    )


def give_up(operation: Operation) -> None:
    """A worker died with it for the last time: say so and clean up."""
    end_steps(operation)
    _fail(
        operation,
        told("The worker stopped in the middle of this, three times. An operator can see why in its log."),
        code="WorkerLost",
        fault="ours",
    )


def _next_on(operation: Operation) -> None:
    """Ring for what waits behind this on the same service."""
    if operation.service_id:
        waiting = (
            Operation.objects.filter(service_id=operation.service_id, state=Operation.State.NOT_STARTED).order_by("created_at").first()
        )
        if waiting and waiting.due_at <= timezone.now():
            _ring(waiting)


def _ring(operation: Operation) -> None:
    # By name, because tasks.py imports this module.
    name = "deployments.tasks.build" if operation.kind == Operation.Kind.IMAGE else "deployments.tasks.rollout"
    current_app.send_task(name, [str(operation.pk)])
