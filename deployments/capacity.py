"""What the machine behind an environment has, and how much of it services ask for already."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, F, Sum

from deployments.models import Environment, Revision, Service


@dataclass(frozen=True, slots=True)
class Room:
    """Cores and bytes of a machine. `asked` is what live services of all groups may use at most: a promise, no measurement."""

    cores: float
    memory: int
    services: int
    asked_cores: float
    asked_memory: int

    @property
    def free_cores(self) -> float:
        return max(0.0, self.cores - self.asked_cores)

    @property
    def free_memory(self) -> int:
        return max(0, self.memory - self.asked_memory)


def rooms(environments: list[Environment]) -> dict[str, Room]:
    """By the environment's id, for those whose machine the last *Test connection* has seen. One query.

    Environments of several groups that name one target are one machine, so what runs for all of them counts.
    """
    known = [one for one in environments if one.machine]
    revisions = Revision.objects.order_by().values("service")
    # Each state has an index of its own, and the two together are joined at once instead of being looked up service by service.
    running = revisions.filter(state=Revision.State.SERVING).union(revisions.filter(state=Revision.State.ROLLING), all=True)
    live = Service.objects.filter(pk__in=running, environment__target__in={one.target for one in known}, stopped=False, deleting=False)
    sums = (
        live.order_by()
        .values("environment__target")
        .annotate(services=Count("pk"), cores=Sum(F("cpu") * F("replicas")), memory=Sum(F("memory") * F("replicas")))
    )
    asked = {row["environment__target"]: row for row in sums}
    found = {}
    for one in known:
        row = asked.get(one.target, {"services": 0, "cores": 0, "memory": 0})
        found[str(one.pk)] = Room(*one.machine, services=row["services"], asked_cores=row["cores"], asked_memory=row["memory"])
    return found
