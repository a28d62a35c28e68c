"""Looks at a revision's replicas and writes down what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from deployments import health
from deployments.models import Replica, Revision
from deployments.targets.base import ObservedReplica, ReplicaState, Target
from portal.accounts.events import EventTag, record
from portal.accounts.models import Event

#: of a service whose replicas fall again and again, one event in so long
QUIET = timedelta(minutes=10)


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
    """Keeps what was seen; that a replica which served does not answer any more is an event."""
    now, fallen = timezone.now(), []
    kept = {replica.name: replica for replica in revision.replicas.all()}
    for sight in sights:
        replica = kept.pop(sight.seen.name, None) or Replica(revision=revision, name=sight.seen.name, observed_at=now)
        if replica.started_at and sight.seen.started_at and sight.seen.started_at > replica.started_at:
            replica.restarts += 1
        was_ready, replica.state = replica.state == Replica.State.READY, _state(replica, sight)
        replica.address, replica.detail, replica.started_at = sight.seen.address, sight.detail[:500], sight.seen.started_at
        replica.ready_at = (replica.ready_at or now) if sight.ready else None
        replica.observed_at = now
        replica.save()
        if was_ready and replica.state in (Replica.State.CRASHED, Replica.State.UNREACHABLE):
            fallen.append(replica)
    for replica in kept.values():
        replica.delete()
    if fallen and revision.state == Revision.State.SERVING:
        _tell(revision, fallen[0])


def _tell(revision: Revision, replica: Replica) -> None:
    tag, service = EventTag.SERVICE_UNHEALTHY, revision.service
    lately = Event.objects.filter(created_at__gt=timezone.now() - QUIET, tag=tag, subject_id=str(service.pk))
    if not lately.exists():
        record(None, tag, service, replica=replica.name, detail=replica.detail)


def _state(replica: Replica, sight: Sight) -> str:
    if sight.ready:
        return Replica.State.READY
    if sight.gone:
        return Replica.State.CRASHED
    if replica.state in (Replica.State.READY, Replica.State.UNREACHABLE) and not sight.health.answered:
        return Replica.State.UNREACHABLE
    return Replica.State.STARTING
