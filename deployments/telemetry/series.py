"""Rows -> what the charts, their tables, REST and the lists show. A value is None where nothing was measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.db.models import CharField, Q, Value
from django.utils import timezone
from django.utils.translation import gettext as _

from deployments.models import ReadinessBucket, Revision, Service, ServiceKey, TrafficBucket, UsageBucket
from deployments.telemetry.histogram import Histogram
from deployments.telemetry.window import Window
from portal.accounts.events import EventTag
from portal.accounts.models import Event

CLASSES = ("2xx", "4xx", "5xx")
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def class_of(status: int) -> str:
    """5xx holds connections that ended without an answer too: to the caller it is the service that failed."""
    return "4xx" if 400 <= status < 500 else "5xx" if status >= 500 or status == 0 else "2xx"


@dataclass(slots=True)
class Tally:
    """Calls added up."""

    by_class: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CLASSES, 0))
    by_status: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    bytes_in: int = 0
    bytes_out: int = 0
    latencies: Histogram = field(default_factory=Histogram)

    def add(self, row: TrafficBucket) -> None:
        self.by_class[class_of(row.status)] += row.calls
        self.by_status[row.status] += row.calls
        self.bytes_in += row.bytes_in
        self.bytes_out += row.bytes_out
        # What the gateway itself refused took no time that says anything of the service.
        if row.revision:
            self.latencies.merge([Histogram(row.latencies)])

    @property
    def calls(self) -> int:
        return sum(self.by_class.values())

    @property
    def errors(self) -> int:
        return self.by_class["5xx"]

    @property
    def error_percent(self) -> float | None:
        return round(100 * self.errors / self.calls, 3) if self.calls else None

    def milliseconds(self, quantile: str) -> float | None:
        found = self.latencies.quantile(QUANTILES[quantile])
        return None if found is None else round(found / 1000, 3)


def tally(rows: Iterable[TrafficBucket]) -> Tally:
    found = Tally()
    for row in rows:
        found.add(row)
    return found


def metrics(
    service: Service,
    window: Window,
    *,
    revision: int | None = None,
    key: str = "",
    replica: str = "",
    compare: bool = False,
    small: bool = False,
    revisions: Iterable[Revision] | None = None,
) -> dict:
    """Everything that is shown of a service in a window, in columns of equal length (docs/metrics.md).

    `key` is a key's id, "session", or "primary" or "secondary" for the key that has the slot now; `replica` narrows `usage` to one.
    `compare` adds `previous`, the calls of the same length of time just before, and makes the steps as coarse as that time is kept.
    `small` leaves `usage` and `marks` empty, for pictures that show neither. `revisions` are at least those `at_work` in the
    window, with their images and people, where the caller has them already.
    """
    if key in (ServiceKey.Slot.PRIMARY, ServiceKey.Slot.SECONDARY):
        key = service.keys.filter(slot=key).values_list("key_id", flat=True).first() or key
    before = None
    if compare:
        window, before = window.compared()
    (whole, columns), *earlier = _traffic(service, [window, before] if before else [window], revision, key)
    if revisions is None and not small:
        revisions = list(Revision.objects.filter(at_work(window), service=service).select_related("image", "created_by"))
    found = {
        "from": window.start.isoformat(),
        "to": window.end.isoformat(),
        "step": window.step,
        "range": window.said,
        "totals": _totals(whole, window),
        "times": list(window.times),
        "calls": {name: [column.by_class[name] for column in columns] for name in CLASSES},
        "latencyMs": {name: [column.milliseconds(name) for column in columns] for name in QUANTILES},
        "errorPercent": [column.error_percent for column in columns],
        "bytes": {"in": [column.bytes_in for column in columns], "out": [column.bytes_out for column in columns]},
        "replicas": _readiness(service, window),
        "usage": [] if small else [one for one in _usage(service, window, revision, revisions) if replica in ("", one["replica"])],
        "marks": [] if small else _marks(service, window, revisions),
    }
    if before:
        whole, columns = earlier[0]
        found["previous"] = {
            "from": before.start.isoformat(),
            "to": before.end.isoformat(),
            "totals": _totals(whole, before),
            "calls": [column.calls for column in columns],
            "latencyMs": {"p95": [column.milliseconds("p95") for column in columns]},
            "errorPercent": [column.error_percent for column in columns],
        }
    return found


def at_work(window: Window) -> Q:
    """Revisions that were there at some time of the window; a replica is measured until it has gone."""
    gone = window.start - timedelta(minutes=10)
    return Q(created_at__lt=window.end) & (Q(ended_at=None) | Q(ended_at__gte=gone))


def _traffic(service: Service, windows: list[Window], revision: int | None, key: str) -> list[tuple[Tally, list[Tally]]]:
    """(of the whole window, of each step) of windows with one span, by one question."""
    asked = reduce(or_, (Q(starts_at__gte=window.start, starts_at__lt=window.end) for window in windows))
    rows = TrafficBucket.objects.filter(asked, service=service, span=windows[0].span)
    rows = rows.filter(revision=revision) if revision else rows
    rows = list(rows.filter(key=key) if key else rows)
    found = []
    for window in windows:
        steps: dict[int, Tally] = defaultdict(Tally)
        whole, none = Tally(), Tally()
        for row in rows:
            if window.start <= row.starts_at < window.end:
                steps[_step(row.starts_at, window)].add(row)
                whole.add(row)
        found.append((whole, [steps.get(second, none) for second in window.times]))
    return found


def _totals(whole: Tally, window: Window) -> dict:
    return {
        "calls": whole.calls,
        "errors": whole.errors,
        "errorPercent": whole.error_percent,
        "callsPerMinute": round(whole.calls / (window.step * len(window.times) / 60), 3),
        **{f"{name}Ms": whole.milliseconds(name) for name in QUANTILES},
        "bytesIn": whole.bytes_in,
        "bytesOut": whole.bytes_out,
        "byStatus": {str(status): calls for status, calls in sorted(whole.by_status.items())},
    }


def _in(model, service: Service, window: Window):
    return model.objects.filter(service=service, span=window.span, starts_at__gte=window.start, starts_at__lt=window.end)


def _step(moment: datetime, window: Window) -> int:
    return int(window.start.timestamp()) + int((moment - window.start).total_seconds()) // window.step * window.step


def _readiness(service: Service, window: Window) -> dict[str, list]:
    found: dict[int, ReadinessBucket] = {}
    for row in _in(ReadinessBucket, service, window).order_by("starts_at"):
        at = _step(row.starts_at, window)
        if at in found:
            found[at].add(row)
        else:
            found[at] = row
    rows = [found.get(second) for second in window.times]
    # The least, so that a step with a gap in it shows the gap.
    return {"ready": [row and row.ready_least for row in rows], "desired": [row and row.desired for row in rows]}


def _usage(service: Service, window: Window, revision: int | None, revisions: Iterable[Revision]) -> list[dict]:
    rows = _in(UsageBucket, service, window).order_by("revision", "replica", "starts_at")
    rows = rows.filter(revision=revision) if revision else rows
    found: dict[tuple[int, str], dict[int, UsageBucket]] = defaultdict(dict)
    for row in rows:
        steps, at = found[row.revision, row.replica], _step(row.starts_at, window)
        if at in steps:
            steps[at].add(row)
        else:
            steps[at] = row
    limits = {one.number: (one.cpu, one.memory) for one in revisions}
    shown = []
    for (number, replica), steps in found.items():
        samples = [steps.get(second) for second in window.times]
        cpu, memory = limits.get(number, (None, None))
        shown.append(
            {
                "replica": replica,
                "revision": number,
                "cpu": [row and round(row.cpu / row.samples, 4) for row in samples],
                "memory": [row and round(row.memory / row.samples) for row in samples],
                "running": [row and _mean(row.running, row.scrapes) for row in samples],
                "waiting": [row and _mean(row.waiting, row.scrapes) for row in samples],
                "cpuLimit": cpu,
                "memoryLimit": memory,
            }
        )
    return shown


def _mean(summed: int, samples: int) -> float | None:
    """None where the replica was never asked: what it does is known only by itself."""
    return round(summed / samples, 3) if samples else None


def _marks(service: Service, window: Window, revisions: Iterable[Revision]) -> list[dict]:
    """What happened to the service meanwhile: deployments, stops and starts."""
    marks = []
    for revision in revisions:
        if revision.serving_at is None or not window.start <= revision.serving_at < window.end:
            continue
        who = str(revision.created_by) if revision.created_by else ""
        marks.append(
            {
                "at": int(revision.serving_at.timestamp()),
                "what": _("Revision %(number)s (%(image)s)") % {"number": revision.number, "image": revision.image},
                "by": who,
            }
        )
    words = {EventTag.SERVICE_STOPPED: _("Stopped"), EventTag.SERVICE_STARTED: _("Started")}
    events = Event.objects.filter(subject_type="service", subject_id=str(service.pk), tag__in=list(words))
    for event in events.filter(created_at__gte=window.start, created_at__lt=window.end):
        marks.append({"at": int(event.created_at.timestamp()), "what": words[EventTag(event.tag)], "by": event.actor_label})
    return sorted(marks, key=lambda mark: mark["at"])


def choices(service: Service) -> dict[str, list]:
    """What the charts can be narrowed to: revisions and keys that were called within two years."""
    nothing = Value("", output_field=CharField())
    called = TrafficBucket.objects.filter(service=service, span=3600).order_by().values_list("revision", "key", nothing, nothing)
    keys = service.keys.exclude(slot=ServiceKey.Slot.SESSION).order_by().values_list(Value(-1), "key_id", "slot", "last_four")
    numbers, used, named = set(), set(), []
    for number, key, slot, last_four in called.distinct().union(keys, all=True):
        if slot:
            named.append((slot, key, f"{ServiceKey.Slot(slot).label} …{last_four}"))
        else:
            numbers.add(number)
            used.add(key)
    named = [(key, words) for _slot, key, words in sorted(named)]
    numbers, used = sorted(numbers - {0}, reverse=True), used - {""}
    gone = [(key, _("%(key)s… (replaced)") % {"key": key[:4]}) for key in sorted(used - {key for key, _words in named} - {"session"})]
    return {"revisions": numbers[:50], "keys": named + gone + ([("session", _("Session keys"))] if "session" in used else [])}


@dataclass(slots=True)
class Lately(Tally):
    """The calls of the last minutes, and how many there were in each whole minute of them, the oldest first."""

    by_minute: list[int] = field(default_factory=list)


def last_minutes(services: Iterable, *, minutes: int = 15) -> dict:
    """{service's id: Lately}, by one query for any number of services. The minute that still runs counts, and is left out of `by_minute`."""
    whole = minutes - 1
    found: dict = defaultdict(lambda: Lately(by_minute=[0] * whole))
    since = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=whole)
    for row in TrafficBucket.objects.filter(service__in=list(services), span=60, starts_at__gte=since):
        lately = found[row.service_id]
        lately.add(row)
        at = int((row.starts_at - since).total_seconds()) // 60
        if at < whole:
            lately.by_minute[at] += row.calls
    return found
