"""The only place where a shown state is derived from what is desired and what was observed."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from deployments.models import Following, Operation, Replica, Revision, Service
from deployments.standing import telling, telling_revisions


@dataclass(frozen=True, slots=True)
class ServiceState:
    """`word` is one of Running, Starting, Updating, Degraded, Stopped, Failed, Deleting; `detail` is one sentence or empty."""

    word: str
    detail: str
    ready: int
    desired: int

    def __str__(self) -> str:
        return self.word


def service_state(service: Service) -> ServiceState:
    """Reads only what was prefetched, when `for_states` made the queryset."""
    revisions = telling(service)
    serving = next((revision for revision in revisions if revision.state == Revision.State.SERVING), None)
    coming = next((revision for revision in revisions if revision.state in (Revision.State.PENDING, Revision.State.ROLLING)), None)
    latest = revisions[0] if revisions else None
    replicas = list(serving.replicas.all()) if serving else []
    ready = sum(replica.state == Replica.State.READY for replica in replicas)
    desired = service.replicas
    if service.deleting:
        return ServiceState("Deleting", _("Callers get 404 already."), 0, 0)
    if service.stopped:
        return ServiceState("Stopped", _("Its URL and keys are kept."), 0, desired)
    if serving is None:
        if coming:
            return ServiceState("Starting", _("Revision %(number)s is being rolled out.") % {"number": coming.number}, 0, desired)
        if latest is None and not service.trouble:
            return ServiceState("Starting", _("Its first image is being built."), 0, desired)
        return ServiceState("Failed", latest.reason if latest else service.trouble, 0, desired)
    trouble = next((replica.detail for replica in replicas if replica.state != Replica.State.READY and replica.detail), "")
    if coming:
        return ServiceState(
            "Updating",
            _("Revision %(next)s is coming; revision %(now)s serves.") % {"next": coming.number, "now": serving.number},
            ready,
            desired,
        )
    if ready >= desired:
        failed = latest is not serving and latest.state == Revision.State.FAILED
        note = _("Revision %(number)s failed: %(reason)s") % {"number": latest.number, "reason": latest.reason} if failed else ""
        return ServiceState("Running", note, ready, desired)
    if ready == 0 and all(replica.state == Replica.State.STARTING for replica in replicas):
        return ServiceState("Starting", trouble, ready, desired)
    return ServiceState(
        "Degraded" if ready else "Failed",
        trouble or _("%(ready)s of %(desired)s replicas are ready.") % {"ready": ready, "desired": desired},
        ready,
        desired,
    )


def for_states(queryset, **options):
    """The prefetches with which a list of services costs a fixed number of queries; `options` are those of `telling_revisions`."""
    return queryset.select_related("group", "environment", "following__alias__model").prefetch_related(telling_revisions(**options))


UNFINISHED = [Operation.State.NOT_STARTED, Operation.State.RUNNING, Operation.State.WAITING]


def running_operation(service: Service) -> Operation | None:
    """What is at work on this service now, if anything."""
    return service.operations.filter(state__in=UNFINISHED).order_by("created_at").first()


@dataclass(frozen=True, slots=True)
class FollowingState:
    """`word` is one of InStep, Updating, Waiting, Failed, Behind, Paused; `operation` is the newest update, None where all is done."""

    word: str
    detail: str
    operation: Operation | None


def following_states(queryset) -> list[tuple[Following, FollowingState]]:
    """Each with its state; one query, and another where something is not as it should be."""
    rows = list(queryset.with_state())
    telling = [row.newest for row in rows if row.newest and not (row.in_step and row.newest_state in Operation.FINISHED)]
    newest = Operation.objects.in_bulk(telling) if telling else {}
    return [(row, _following_state(row, newest.get(row.newest))) for row in rows]


def _following_state(following: Following, operation: Operation | None) -> FollowingState:
    alias, service = following.alias, following.service
    points = _("%(alias)s points at %(version)s.") % {"alias": alias, "version": alias.version}
    if following.paused:
        return FollowingState("Paused", "" if following.in_step else points, operation)
    if operation is not None and operation.state == Operation.State.WAITING:
        return FollowingState("Waiting", _("The answers to golden requests changed. What served goes on serving."), operation)
    if operation is not None and not operation.is_finished:
        return FollowingState("Updating", points, operation)
    if following.in_step:
        return FollowingState("InStep", "", operation)
    if following.trouble:
        return FollowingState("Failed", f"{points} {following.trouble}", operation)
    if operation is not None and operation.state == Operation.State.FAILED:
        said = (operation.error or {}).get("message", "")
        return FollowingState("Failed", f"{points} {said}", operation)
    return FollowingState(
        "Behind", _("%(points)s Something else was deployed to %(service)s.") % {"points": points, "service": service}, operation
    )
