"""What was counted and sampled -> rows of 10 seconds, a minute and an hour, each kept for its time.

Every span is written at once, so that reading a long range costs few rows and nothing
has to be folded later; the oldest rows of each span go hourly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models import Count, F, Q
from django.utils import timezone

from deployments.models import ReadinessBucket, Replica, Revision, Service, ServiceKey, TrafficBucket, UsageBucket
from deployments.models.traffic import Bucket
from deployments.telemetry.histogram import Histogram
from deployments.telemetry.lines import Call

#: a row's span in seconds, and how long rows of it are kept
KEPT = {10: timedelta(hours=1), 60: timedelta(days=7), 3600: timedelta(days=730)}
FINEST = min(KEPT)
#: the span of the rows that are never dropped, for counters that only grow; their key is left out
ALL_TIME, ALL_TIME_STARTS = 0, datetime(1970, 1, 1, tzinfo=UTC)
#: rows looked up by one query
CHUNK = 200

B = TypeVar("B", bound=Bucket)


def floor(moment: datetime, span: int) -> datetime:
    second = int(moment.timestamp())
    return datetime.fromtimestamp(second - second % span, UTC)


@dataclass(slots=True)
class Sums:
    calls: int = 0
    microseconds: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    latencies: Histogram = field(default_factory=Histogram)

    def add(self, call: Call) -> None:
        self.calls += 1
        self.microseconds += call.total_us
        self.bytes_in += call.bytes_in
        self.bytes_out += call.bytes_out
        self.latencies.add(call.total_us)


class Counter:
    """Adds calls up in memory; `take` hands over what there is and starts anew. Called under the receiver's lock."""

    def __init__(self) -> None:
        self._sums: dict[tuple, Sums] = defaultdict(Sums)
        self._keys: dict[str, datetime] = {}

    def add(self, call: Call) -> None:
        # A browser's question before a call (CORS) is no call; the gateway answers it itself.
        if not call.service or call.method == "OPTIONS":
            return
        second = call.started_us // 1_000_000
        starts_at = datetime.fromtimestamp(second - second % FINEST, UTC)
        self._sums[call.service, call.revision or 0, call.status, call.key, starts_at].add(call)
        if call.key and call.status != 401:
            moment = datetime.fromtimestamp(second, UTC)
            self._keys[call.key] = max(moment, self._keys.get(call.key, moment))

    def take(self) -> tuple[dict[tuple, Sums], dict[str, datetime]]:
        taken = self._sums, self._keys
        self._sums, self._keys = defaultdict(Sums), {}
        return taken


@transaction.atomic
def store(sums: dict[tuple, Sums], keys: dict[str, datetime]) -> None:
    """Adds calls to the rows. Only the observer that holds the lease writes, so reading before writing is safe."""
    services = {service.hex: service for service in Service.objects.values_list("pk", flat=True)}
    slots = dict(ServiceKey.objects.filter(key_id__in={key for _, _, _, key, _ in sums}).values_list("key_id", "slot"))
    rows = []
    for (service, revision, status, key_id, starts_at), more in sums.items():
        if service not in services:
            continue
        slot = slots.get(key_id, "")
        key = "session" if slot == ServiceKey.Slot.SESSION else key_id if slot else ""
        for span in (*KEPT, ALL_TIME):
            rows.append(
                TrafficBucket(
                    service_id=services[service],
                    revision=revision,
                    status=status,
                    key=key if span else "",
                    starts_at=floor(starts_at, span) if span else ALL_TIME_STARTS,
                    span=span,
                    calls=more.calls,
                    microseconds=more.microseconds,
                    bytes_in=more.bytes_in,
                    bytes_out=more.bytes_out,
                    latencies=more.latencies.as_data(),
                )
            )
    write(TrafficBucket, rows)
    for key_id, moment in keys.items():
        earlier = Q(last_used_at__isnull=True) | Q(last_used_at__lt=moment)
        ServiceKey.objects.filter(earlier, key_id=key_id).update(last_used_at=moment)


@transaction.atomic
def store_usage(revision: Revision, usage: dict[str, tuple[float, int]], load: dict[str, tuple[int, int]] | None = None) -> None:
    """Keeps one sample, {replica: (cores, bytes)}, of a revision's replicas, and {replica: (running, waiting)} of those that said it."""
    now, load = timezone.now(), load or {}
    place = {"service_id": revision.service_id, "revision": revision.number}
    write(
        UsageBucket,
        [
            UsageBucket(
                **place,
                replica=name,
                starts_at=floor(now, span),
                span=span,
                cpu=cpu,
                cpu_most=cpu,
                memory=memory,
                memory_most=memory,
                scrapes=name in load,
                running=load.get(name, (0, 0))[0],
                waiting=load.get(name, (0, 0))[1],
                waiting_most=load.get(name, (0, 0))[1],
            )
            for name, (cpu, memory) in usage.items()
            for span in KEPT
        ],
    )


@transaction.atomic
def store_readiness() -> None:
    """Keeps one sample of every service: replicas ready and wanted."""
    now = timezone.now()
    serving = Q(revisions__state=Revision.State.SERVING, revisions__replicas__state=Replica.State.READY)
    services = Service.objects.filter(deleting=False).annotate(
        ready=Count("revisions__replicas", filter=serving, distinct=True), wanted=F("replicas")
    )
    write(
        ReadinessBucket,
        [
            ReadinessBucket(
                service_id=pk, starts_at=floor(now, span), span=span, ready=ready, ready_least=ready, desired=0 if stopped else wanted
            )
            for pk, ready, wanted, stopped in services.values_list("pk", "ready", "wanted", "stopped")
            for span in KEPT
        ],
    )


def write(model: type[B], rows: Iterable[B]) -> None:
    """Adds rows to those that are there at the same place; a few queries, whatever their number."""
    fresh: dict[tuple, B] = {}
    for row in rows:
        if row.place() in fresh:
            fresh[row.place()].add(row)
        else:
            fresh[row.place()] = row
    services = sorted({row.service_id for row in fresh.values()})
    moments = {row.starts_at for row in fresh.values()}
    changed = []
    for start in range(0, len(services), CHUNK):
        for found in model.objects.filter(service_id__in=services[start : start + CHUNK], starts_at__in=moments):
            if found.place() in fresh:
                found.add(fresh.pop(found.place()))
                changed.append(found)
    model.objects.bulk_create(fresh.values(), batch_size=CHUNK)
    model.objects.bulk_update(changed, model.MEASURED, batch_size=CHUNK)


def prune() -> None:
    """Hourly: rows older than their span is kept."""
    now = timezone.now()
    for model in (TrafficBucket, UsageBucket, ReadinessBucket):
        for span, keep in KEPT.items():
            model.objects.filter(span=span, starts_at__lt=now - keep).delete()
