"""Brings a service to what is desired: new replicas up, checked, routed to, old ones retired.

    start replicas -> wait until ready -> compare saved answers -> switch the routes -> retire the old revision

The old revision serves until the new one is ready; a rollout that fails removes
what it started and changes nothing for callers.
"""

from __future__ import annotations

import time

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from deployments import engines, observation, routing
from deployments.golden import trial
from deployments.lines import clean, message_of
from deployments.models import Operation, Revision, Service
from deployments.specs import spec_of
from deployments.steps import Journal
from deployments.targets.base import Target
from portal.errors import IllegalMove, PortalError
from portal.told import told

#: how long replicas may take to become ready, and how often they are asked (seconds)
READY_SECONDS, POLL = 300, 0.25
#: how long old replicas go on after the switch
DRAIN_SECONDS = 2.0


class RolloutFailed(PortalError):
    """The replicas did not come up: the user's fault, with their own last lines in the log."""

    status, code = 400, "RolloutFailed"


def roll_out(operation: Operation, journal: Journal) -> None:
    """Work for `Operation.Kind.SERVICE`: a new revision, another size, stop or start, by what the rows say now."""
    service = Service.objects.select_related("group", "environment").get(pk=operation.service_id)
    target = engines.target(service.environment.target)
    revision = operation.revision and Revision.objects.select_related("service__group", "image").get(pk=operation.revision_id)
    if service.stopped:
        _stop(service, target, journal)
        return
    if revision is None:
        revision = service.revisions.select_related("service__group", "image").filter(state=Revision.State.SERVING).first()
    if revision is None or revision.state in (Revision.State.RETIRED, Revision.State.FAILED):
        raise RolloutFailed(told("There is no revision of this service that could serve. Update it to an image first."))
    if revision.state == Revision.State.PENDING:
        revision.move(Revision.State.ROLLING)
    _start(revision, service, target, journal)
    _wait_until_ready(revision, service, target, journal)
    trial.hold_up(revision, service, target, journal)
    _switch(operation, revision, service, journal)
    _retire(operation, service, target, journal)


def _start(revision: Revision, service: Service, target: Target, journal: Journal) -> None:
    with journal.step("start", f"Start {service.replicas} replica{'s' if service.replicas > 1 else ''} of {revision.image}") as step:
        step.note = f"{revision.cpu:g} CPU, {revision.memory // 2**20} MiB each, on {service.environment}"
        journal.line(step.note)
        target.apply(spec_of(revision))


def _wait_until_ready(revision: Revision, service: Service, target: Target, journal: Journal) -> None:
    with journal.step("ready", "Wait until init() has ended and the right replicas answer"):
        deadline, said = time.monotonic() + READY_SECONDS, ""
        while True:
            journal.check_cancelled()
            sights = observation.look(revision, target)
            observation.write_down(revision, sights)
            ready = sum(sight.ready for sight in sights)
            now_said = f"{ready} of {service.replicas} ready. " + " ".join(
                sorted({sight.detail for sight in sights if not sight.ready and sight.detail})
            )
            if now_said != said:
                journal.line(now_said)
                said = now_said
            dead = next((sight for sight in sights if sight.gone), None)
            if dead:
                _say_last_lines(revision, dead.seen.name, target, journal)
                raise RolloutFailed(told("A replica ended while it was starting: %(why)s", why=dead.detail))
            if ready >= service.replicas:
                return
            if time.monotonic() > deadline:
                for sight in sights[:1]:
                    _say_last_lines(revision, sight.seen.name, target, journal)
                raise RolloutFailed(
                    told("The replicas were not ready after %(seconds)s s: %(said)s", seconds=READY_SECONDS, said=said.strip())
                )
            time.sleep(POLL)


def _say_last_lines(revision: Revision, replica: str, target: Target, journal: Journal) -> None:
    journal.line(f"--- the last lines of {replica}:")
    for line in target.logs(revision.spec_name, replica, lines=30):
        for part in message_of(line).splitlines():
            journal.line(clean(part))


def _switch(operation: Operation, revision: Revision, service: Service, journal: Journal) -> None:
    with journal.step("route", "Switch the routes; URL and keys stay as they are") as step:
        with transaction.atomic():
            operation.hold()
            old = service.revisions.select_for_update().filter(state=Revision.State.SERVING).exclude(pk=revision.pk).first()
            if old:
                old.move(Revision.State.RETIRED, ended_at=timezone.now())
            if revision.state != Revision.State.SERVING:
                revision.move(Revision.State.SERVING, serving_at=timezone.now())
            # Asked for while the service was stopped; work on a service is done in order, so nobody will start them any more.
            for passed in service.revisions.filter(state=Revision.State.PENDING, number__lt=revision.number):
                passed.move(Revision.State.FAILED, reason=f"Revision {revision.number} took its place.", ended_at=timezone.now())
        routing.sync()
        step.note = f"revision {revision.number} serves" + (f"; revision {old.number} is retired" if old else "")
        journal.line(step.note)


def _retire(operation: Operation, service: Service, target: Target, journal: Journal) -> None:
    """What this operation has retired, in an earlier try perhaps, and whatever else is retired and has replicas still."""
    left = Q(ended_at__gte=operation.created_at) | Q(replicas__isnull=False)
    for old in service.revisions.filter(left, state=Revision.State.RETIRED).distinct():
        with journal.step("retire", f"Let revision {old.number} finish its calls and stop"):
            # Connections from before the switch may bring it one call more, and a call that meets a closing replica is lost.
            journal.cancelled.wait(DRAIN_SECONDS)
            target.remove(old.spec_name)
            old.replicas.all().delete()


def _stop(service: Service, target: Target, journal: Journal) -> None:
    with journal.step("route", "Answer callers with 503 stopped"):
        routing.sync()
    with journal.step("stop", "Stop the replicas"):
        for revision in service.revisions.filter(state__in=[Revision.State.SERVING, Revision.State.ROLLING]):
            target.remove(revision.spec_name)
            revision.replicas.all().delete()


def delete(operation: Operation, journal: Journal) -> None:
    """Work for `Operation.Kind.DELETE`: routes first, then replicas, then the row."""
    service = Service.objects.select_related("group", "environment").filter(pk=operation.service_id).first()
    if service is None:
        return
    with journal.step("route", "Callers get 404"):
        routing.sync()
    with journal.step("stop", "Stop and remove the replicas"):
        target = engines.target(service.environment.target)
        for revision in service.revisions.all():
            target.remove(revision.spec_name)
    with journal.step("forget", "Remove the service"), transaction.atomic():
        operation.hold()
        service.delete()


def end_revision(operation: Operation, reason: str) -> Revision | None:
    """The rows of a rollout that failed or was cancelled for good; None when there is nothing to end. Touches no engine."""
    revision = Revision.objects.select_related("service__environment").filter(pk=operation.revision_id).first()
    if revision is None or revision.state not in (Revision.State.PENDING, Revision.State.ROLLING):
        return None
    try:
        revision.move(Revision.State.FAILED, reason=reason[:500], ended_at=timezone.now())
    except IllegalMove:
        return None
    revision.replicas.all().delete()
    return revision


def abandon(operation: Operation, reason: str) -> None:
    """A rollout failed or was cancelled for good: what it started goes, the old revision keeps serving."""
    revision = end_revision(operation, reason)
    if revision is None:
        return
    try:
        engines.target(revision.service.environment.target).remove(revision.spec_name)
    except PortalError:
        # The engine is away; the housekeeping removes what no revision wants.
        pass
    routing.sync()
