"""The clock's work: desired against observed, and operations that nobody announced or nobody works on.

A restarted portal, a lost message, a killed worker, a dead replica: all are found here.
"""

from __future__ import annotations

import fcntl
import logging
from dataclasses import asdict
from datetime import timedelta

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from deployments import engines, observation, routing, work
from deployments.collected import upkeep
from deployments.models import Environment, Operation, Replica, Revision, Service, ServiceKey
from deployments.specs import spec_of
from deployments.targets.base import Target
from deployments.telemetry import rollup
from portal.accounts.sessions import forget_ended_sessions
from portal.errors import IllegalMove, PortalError
from registry import sweeping

log = logging.getLogger(__name__)
#: a running operation that has not beaten for this long has lost its worker
LEASE = timedelta(seconds=30)
#: a queued operation that waited this long was not announced, or the message was lost
UNANNOUNCED = timedelta(seconds=3)
#: a replica that ran but does not answer for this long is replaced
SILENT = timedelta(seconds=60)
#: a replica that dies again and again is started after 0, 5, 10, 20, ... seconds, at most this many
MOST_WAIT = 300
#: what a build left behind is removed this long after a build's time limit (seconds)
ABANDONED = 3600


def tick() -> list[tuple[str, str]]:
    """One round. Answers the (id, kind) of the operations that somebody should be told to look at."""
    with (settings.DATA_DIR / "tick.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # The round before this one is still at work.
            return []
        for part in (_sweep, _reconcile_all, routing.settle):
            try:
                part()
            except Exception:
                # What one of them cannot do must not keep the others, or the work that waits, from being done.
                log.exception("%s broke off", part.__name__)
        return _waiting()


def _sweep() -> None:
    """Leases that ran out: back into the queue, or given up."""
    for operation in Operation.objects.filter(state=Operation.State.RUNNING, heartbeat_at__lt=timezone.now() - LEASE):
        log.warning("operation %s (%s) lost its worker", operation.pk, operation)
        try:
            if operation.attempts >= work.MOST_ATTEMPTS:
                work.give_up(operation)
            else:
                operation.hand_back(due_at=timezone.now())
                work.end_steps(operation)
        except IllegalMove:
            continue


def _waiting() -> list[tuple[str, str]]:
    now = timezone.now()
    rows = Operation.objects.filter(state=Operation.State.NOT_STARTED, due_at__lte=now, created_at__lte=now - UNANNOUNCED)
    return [(str(pk), kind) for pk, kind in rows.order_by("created_at").values_list("pk", "kind")[:100]]


def _reconcile_all() -> None:
    services = (
        Service.objects.filter(deleting=False, stopped=False, revisions__state=Revision.State.SERVING)
        .select_related("group", "environment")
        .distinct()
    )
    targets: dict[str, Target] = {}
    for service in services:
        if service.operations.filter(state=Operation.State.RUNNING).exists():
            continue
        alias = service.environment.target
        try:
            if alias not in targets:
                targets[alias] = engines.target(alias)
            reconcile_service(service, targets[alias])
        except PortalError as error:
            # The replicas may well be serving: an engine that is away changes no route.
            log.warning("service %s could not be looked at: %s", service.path, error.message)
        except Exception:
            log.exception("service %s could not be reconciled", service.path)


def reconcile_service(service: Service, target: Target) -> None:
    """Looks at one service and restores what is missing; the routes follow what was written down."""
    revision = service.revisions.select_related("service__group", "image__manifest").filter(state=Revision.State.SERVING).first()
    if revision is None:
        return
    sights = observation.look(revision, target)
    observation.write_down(revision, sights)
    rows = {replica.name: replica for replica in revision.replicas.all()}
    for sight in sights:
        if _is_lost(sight, rows.get(sight.seen.name)):
            log.warning("replica %s of %s does not answer; it is replaced", sight.seen.name, service.path)
            target.remove_replica(revision.spec_name, sight.seen.name)
    if (
        len(sights) != service.replicas
        or any(sight.gone for sight in sights)
        or any(_is_lost(sight, rows.get(sight.seen.name)) for sight in sights)
    ):
        if _may_start_again(rows):
            log.warning(
                "service %s: %d of %d replicas are there; starting what is missing",
                service.path,
                sum(not s.gone for s in sights),
                service.replicas,
            )
            target.apply(spec_of(revision))


def _is_lost(sight: observation.Sight, replica: Replica | None) -> bool:
    """It runs, once was ready, and has said nothing for long; or it runs the wrong image."""
    if sight.gone or sight.ready:
        return False
    if not sight.seen.digest_matches:
        return True
    last_ready = replica and (replica.ready_at or replica.started_at)
    return bool(replica and replica.state == Replica.State.UNREACHABLE and last_ready and timezone.now() - last_ready > SILENT)


def _may_start_again(rows: dict[str, Replica]) -> bool:
    """Not while a replica that dies again and again waits for its next try."""
    now = timezone.now()
    for replica in rows.values():
        if replica.state == Replica.State.CRASHED and replica.restarts and replica.started_at:
            wait = min(5 * 2 ** (replica.restarts - 1), MOST_WAIT)
            if now - replica.started_at < timedelta(seconds=wait):
                return False
    return True


def check_environment(environment_id) -> None:
    """*Test connection*: the target's own checks, kept on the row."""
    environment = Environment.objects.filter(pk=environment_id).first()
    if environment is None:
        return
    gpus = False
    try:
        target = engines.target(environment.target)
        checks = [asdict(check) for check in target.check()]
        gpus = target.offers_gpus()
    except PortalError as error:
        checks = [{"name": "Connection", "ok": False, "detail": error.message, "cure": "Start the engine, or choose another environment."}]
    Environment.objects.filter(pk=environment.pk).update(checks=checks, offers_gpus=gpus, checked_at=timezone.now())


def housekeeping() -> None:
    """Hourly: expired keys and sessions, old measurements, bytes that nothing needs, and replicas that no revision wants."""
    rollup.prune()
    sweeping.sweep()
    upkeep.housekeeping()
    ServiceKey.objects.filter(expires_at__lt=timezone.now()).delete()
    call_command("clearsessions")
    forget_ended_sessions()
    for alias in engines.aliases():
        if not Environment.objects.filter(target=alias).exists():
            continue
        try:
            _remove_left_overs(engines.target(alias), alias)
            swept = engines.builder(alias).sweep(older_than=settings.BUILD_SETTINGS["timeout"] + ABANDONED)
            if swept:
                log.warning("%d things that builds had left on %s were removed", swept, alias)
        except PortalError as error:
            log.warning("left-overs on %s could not be looked for: %s", alias, error.message)


def _remove_left_overs(target: Target, alias: str) -> None:
    there = target.names()
    # Asked after looking, so that what was begun meanwhile is wanted.
    alive = [Revision.State.PENDING, Revision.State.ROLLING, Revision.State.SERVING]
    revisions = Revision.objects.filter(service__environment__target=alias, state__in=alive).select_related("service")
    wanted = {revision.spec_name for revision in revisions}
    for name in there - wanted:
        log.warning("removing %s from %s: no revision wants it", name, alias)
        target.remove(name)
