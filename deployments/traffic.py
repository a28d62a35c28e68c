"""Calls as rows: stored in buckets by the observer, summed up for the pages and REST."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from django.db import transaction
from django.utils import timezone

from deployments.models import Service, ServiceKey, TrafficBucket
from deployments.telemetry.histogram import Histogram
from deployments.telemetry.lines import Call

#: a bucket's span in seconds, and after how long it is folded into the next one
SPANS = ((10, timedelta(hours=1)), (60, timedelta(days=7)), (3600, timedelta(days=730)))
FINEST = SPANS[0][0]


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

    def add_row(self, row: TrafficBucket) -> None:
        self.calls += row.calls
        self.microseconds += row.microseconds
        self.bytes_in += row.bytes_in
        self.bytes_out += row.bytes_out
        self.latencies.merge([Histogram(row.latencies)])


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
        self._sums[call.service, call.revision or 0, call.status, starts_at].add(call)
        if call.key and call.status != 401:
            self._keys[call.key] = datetime.fromtimestamp(second, UTC)

    def take(self) -> tuple[dict[tuple, Sums], dict[str, datetime]]:
        taken = self._sums, self._keys
        self._sums, self._keys = defaultdict(Sums), {}
        return taken


@transaction.atomic
def store(sums: dict[tuple, Sums], keys: dict[str, datetime]) -> None:
    """Adds to the buckets. Only the observer that holds the lease writes, so reading before writing is safe."""
    known = {service.hex: service for service in Service.objects.values_list("pk", flat=True)}
    for (service, revision, status, starts_at), more in sums.items():
        if service in known:
            _add(known[service], revision, status, starts_at, FINEST, more)
    for key_id, moment in keys.items():
        ServiceKey.objects.filter(key_id=key_id).update(last_used_at=moment)


def _add(service_id, revision: int, status: int, starts_at: datetime, span: int, more: Sums) -> None:
    place = {"service_id": service_id, "revision": revision, "status": status, "starts_at": starts_at, "span": span}
    row = TrafficBucket.objects.filter(**place).first() or TrafficBucket(**place)
    if row.pk:
        more.add_row(row)
    row.calls, row.microseconds, row.bytes_in, row.bytes_out = more.calls, more.microseconds, more.bytes_in, more.bytes_out
    row.latencies = more.latencies.as_data()
    row.save()


def fold() -> None:
    """Hourly: older buckets become coarser ones, and the oldest go."""
    now = timezone.now()
    for (span, keep), (coarser, _) in pairwise(SPANS):
        # Whole coarser buckets only, so that none is written twice.
        edge = now - keep
        edge -= timedelta(seconds=edge.timestamp() % coarser)
        _fold(span, coarser, edge)
    last, keep = SPANS[-1]
    TrafficBucket.objects.filter(span=last, starts_at__lt=now - keep).delete()


@transaction.atomic
def _fold(span: int, coarser: int, edge: datetime) -> None:
    old = TrafficBucket.objects.filter(span=span, starts_at__lt=edge)
    sums: dict[tuple, Sums] = defaultdict(Sums)
    for row in old.iterator():
        second = int(row.starts_at.timestamp())
        sums[row.service_id, row.revision, row.status, datetime.fromtimestamp(second - second % coarser, UTC)].add_row(row)
    for (service, revision, status, starts_at), more in sums.items():
        _add(service, revision, status, starts_at, coarser, more)
    old.delete()


def _quantiles(rows: Iterable[TrafficBucket]) -> dict[str, float | None]:
    merged = Histogram().merge(Histogram(row.latencies) for row in rows)
    return {f"p{int(q * 100)}_ms": round(found / 1000, 3) if (found := merged.quantile(q)) is not None else None for q in (0.5, 0.95, 0.99)}


def summary(service: Service, *, hours: int = 1) -> dict:
    """{calls, errors, p50_ms, p95_ms, p99_ms, per_status: {"200": n}, series: [{starts_at, calls, errors, p50_ms, p95_ms}]}.

    Errors are 5xx answers and connections that ended without one. The series has a
    point a minute up to six hours, an hour beyond.
    """
    since = timezone.now() - timedelta(hours=hours)
    rows = list(TrafficBucket.objects.filter(service=service, starts_at__gte=since).order_by("starts_at"))
    step = 60 if hours <= 6 else 3600
    per_status: dict[str, int] = defaultdict(int)
    points: dict[int, list[TrafficBucket]] = defaultdict(list)
    for row in rows:
        per_status[str(row.status)] += row.calls
        second = int(row.starts_at.timestamp())
        points[second - second % step].append(row)
    return {
        "calls": sum(row.calls for row in rows),
        "errors": _errors(rows),
        **_quantiles(rows),
        "per_status": dict(sorted(per_status.items())),
        "series": [
            {
                "starts_at": datetime.fromtimestamp(at, UTC).isoformat(),
                "calls": sum(row.calls for row in some),
                "errors": _errors(some),
                **_quantiles(some),
            }
            for at, some in sorted(points.items())
        ],
    }


def _errors(rows: Iterable[TrafficBucket]) -> int:
    return sum(row.calls for row in rows if row.status == 0 or row.status >= 500)
