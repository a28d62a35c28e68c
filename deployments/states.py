"""The only place where a shown state is derived from what is desired and what was observed."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext as _

from deployments.models import Following, Operation, Replica, Revision, Service
from deployments.models.following import standing as following_standing
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


@dataclass(frozen=True, slots=True)
class FollowingState:
    """`word` is one of InStep, Updating, Waiting, Failed, Behind, Paused; `operation` is the newest update, None where all is done."""

    word: str
    detail: str
    operation: Operation | None


def following_states(queryset) -> list[tuple[Following, FollowingState]]:
    """Each with its state; one query, and another where something is not as it should be."""
    rows = list(queryset.with_state())
    wanted = [row.newest for row in rows if _is_telling(row)]
    newest = Operation.objects.in_bulk(wanted) if wanted else {}
    return [(row, _following_state(row, newest.get(row.newest))) for row in rows]


def _is_telling(row: Following) -> bool:
    """Whether its newest operation says something of how it stands."""
    return bool(row.newest) and not (row.in_step and row.newest_state in Operation.FINISHED)


def with_following(queryset):
    """Services with what `work_on` needs of what they follow."""
    found = following_standing(service="pk", version="following__alias__version", following="following")
    return queryset.select_related("following__alias__version__model").annotate(**{f"follows_{name}": one for name, one in found.items()})


def work_on(service: Service) -> tuple[Operation | None, tuple[Following, FollowingState] | None]:
    """(the operation that works on it now, what it follows with its state), by one query; of a service of `with_following`."""
    row, wanted = getattr(service, "following", None), Q(service=service, state__in=UNFINISHED)
    if row is not None:
        row.in_step, row.newest, row.newest_state = service.follows_in_step, service.follows_newest, service.follows_newest_state
        wanted |= Q(pk=row.newest) if _is_telling(row) else Q()
    rows = list(Operation.objects.filter(wanted).order_by("created_at"))
    running = next((one for one in rows if one.service_id == service.pk and one.state in UNFINISHED), None)
    if row is None:
        return running, None
    newest = next((one for one in rows if one.pk == row.newest), None) if _is_telling(row) else None
    return running, (row, _following_state(row, newest))


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
        return FollowingState("Failed", f"{points} {operation.failure}", operation)
    return FollowingState(
        "Behind", _("%(points)s Something else was deployed to %(service)s.") % {"points": points, "service": service}, operation
    )
