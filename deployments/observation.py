"""Looks at a revision's replicas and writes down what was seen."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from deployments import health
from deployments.models import Replica, Revision
from deployments.targets.base import ObservedReplica, ReplicaState, Target


@dataclass(frozen=True, slots=True)
class Sight:
    """One replica: what the target sees, and what the replica itself says."""

    seen: ObservedReplica
    health: health.Health

    @property
    def ready(self) -> bool:
        return self.health.ready

    @property
    def gone(self) -> bool:
        return self.seen.state == ReplicaState.EXITED

    @property
    def detail(self) -> str:
        return self.seen.detail or self.health.detail


def look(revision: Revision, target: Target) -> list[Sight]:
    """Observes and asks each replica; raises Unavailable when the target does not answer."""
    sights = []
    for seen in target.observe(revision.spec_name):
        if seen.state == ReplicaState.EXITED or not seen.address:
            answer = health.Health(False, seen.detail)
        elif not seen.digest_matches:
            answer = health.Health(False, "It runs another image than it should.")
        else:
            answer = health.ask(seen.address, revision)
        sights.append(Sight(seen, answer))
    return sights


def write_down(revision: Revision, sights: list[Sight]) -> None:
    """Keeps what was seen."""
    now = timezone.now()
    kept = {replica.name: replica for replica in revision.replicas.all()}
    for sight in sights:
        replica = kept.pop(sight.seen.name, None) or Replica(revision=revision, name=sight.seen.name, observed_at=now)
        if replica.started_at and sight.seen.started_at and sight.seen.started_at > replica.started_at:
            replica.restarts += 1
        replica.state = _state(replica, sight)
        replica.address, replica.detail, replica.started_at = sight.seen.address, sight.detail[:500], sight.seen.started_at
        replica.ready_at = (replica.ready_at or now) if sight.ready else None
        replica.observed_at = now
        replica.save()
    for replica in kept.values():
        replica.delete()


def _state(replica: Replica, sight: Sight) -> str:
    if sight.ready:
        return Replica.State.READY
    if sight.gone:
        return Replica.State.CRASHED
    if replica.state in (Replica.State.READY, Replica.State.UNREACHABLE) and not sight.health.answered:
        return Replica.State.UNREACHABLE
    return Replica.State.STARTING
