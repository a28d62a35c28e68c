"""How long work of a kind usually takes, and which steps it has: read from what succeeded before."""

from __future__ import annotations

from statistics import quantiles

from deployments.models import Operation, OperationStep

#: enough to know what is usual, few enough to follow a machine that became faster
LATEST = 20


def _alike(operation: Operation):
    """What succeeded before: of the same manifest's name or the same service, else of the same kind in the group."""
    done = Operation.objects.filter(
        group_id=operation.group_id, kind=operation.kind, state=Operation.State.SUCCEEDED, started_at__isnull=False
    ).exclude(pk=operation.pk)
    if operation.kind == Operation.Kind.IMAGE and operation.manifest is not None:
        nearest = done.filter(manifest__name=operation.manifest.name)
    elif operation.service_id:
        nearest = done.filter(service_id=operation.service_id)
    else:
        return done
    return nearest if nearest.exists() else done


def usual_seconds(operation: Operation) -> tuple[float, float] | None:
    """(low, high): between them half of the latest took; None before the first has succeeded."""
    times = _alike(operation).order_by("-created_at").values_list("started_at", "ended_at")[:LATEST]
    took = [(end - start).total_seconds() for start, end in times]
    if len(took) < 2:
        return (took[0], took[0]) if took else None
    low, _, high = quantiles(took, n=4, method="inclusive")
    return low, high


def usual_way(group) -> tuple[float, float] | None:
    """(low, high) from a model to a service in this group: a build and a rollout, as they took before."""
    spans = [usual_seconds(Operation(group=group, kind=kind)) for kind in (Operation.Kind.IMAGE, Operation.Kind.SERVICE)]
    return (sum(span[0] for span in spans), sum(span[1] for span in spans)) if all(spans) else None


def steps_to_come(operation: Operation, begun: list[OperationStep]) -> list[OperationStep]:
    """The steps of the latest that succeeded which this one has not begun; their times are those of then."""
    if operation.is_finished:
        return []
    before = _alike(operation).order_by("-created_at").first()
    if before is None:
        return []
    latest = max((step.attempt for step in begun), default=0)
    names = {step.name for step in begun if step.attempt == latest}
    found, seen = [], set()
    for step in before.steps.all():
        if step.name not in names and step.name not in seen:
            seen.add(step.name)
            found.append(step)
    return found


def place_in_queue(operation: Operation) -> tuple[int, int] | None:
    """(its place, how many wait) among what the same workers take; None once it has begun."""
    if operation.state != Operation.State.NOT_STARTED:
        return None
    builds = operation.kind == Operation.Kind.IMAGE
    waiting = Operation.objects.filter(state=Operation.State.NOT_STARTED)
    waiting = waiting.filter(kind=Operation.Kind.IMAGE) if builds else waiting.exclude(kind=Operation.Kind.IMAGE)
    return waiting.filter(created_at__lt=operation.created_at).count() + 1, waiting.count()
