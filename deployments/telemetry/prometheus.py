"""Everything in Prometheus' text form: what operators scrape from the portal. Read from the database, so every web process says the same."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Sum
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest

from deployments.models import Operation, Replica, Revision, Service, TrafficBucket
from deployments.states import for_states, service_state
from deployments.telemetry.histogram import BOUNDS, Histogram
from deployments.telemetry.rollup import ALL_TIME

#: one series an edge: every fifth of our own edges, so that the counts are exact
EDGES = BOUNDS[4::5]
STATES = ("Running", "Starting", "Updating", "Degraded", "Stopped", "Failed", "Deleting")


class _Portal:
    """A collector of prometheus_client."""

    def collect(self) -> Iterable[Metric]:
        services = {service.pk: service for service in for_states(Service.objects.all())}
        yield from _calls(services)
        yield _latencies(services)
        yield from _services(services)
        yield from _replicas()
        yield from _operations()


def text() -> bytes:
    return generate_latest(_Portal())


def _labels(service: Service) -> list[str]:
    return [service.group.name, service.name]


def _calls(services: dict) -> Iterable[Metric]:
    calls = CounterMetricFamily(
        "modelport_service_calls", "Calls by status; 0 ended without an answer.", labels=["group", "service", "revision", "status"]
    )
    sizes = CounterMetricFamily("modelport_service_bytes", "Bytes through the gateway.", labels=["group", "service", "direction"])
    rows = TrafficBucket.objects.filter(span=ALL_TIME)
    for row in rows.values("service_id", "revision", "status").annotate(total=Sum("calls")):
        if row["service_id"] in services:
            calls.add_metric([*_labels(services[row["service_id"]]), str(row["revision"]), str(row["status"])], row["total"])
    for row in rows.values("service_id").annotate(received=Sum("bytes_in"), sent=Sum("bytes_out")):
        if row["service_id"] in services:
            sizes.add_metric([*_labels(services[row["service_id"]]), "in"], row["received"])
            sizes.add_metric([*_labels(services[row["service_id"]]), "out"], row["sent"])
    yield calls
    yield sizes


def _latencies(services: dict) -> Metric:
    family = HistogramMetricFamily(
        "modelport_service_call_seconds",
        "Of calls that reached a replica, from the request's headers to the last byte of the answer.",
        labels=["group", "service"],
    )
    found: dict = {}
    for row in TrafficBucket.objects.filter(span=ALL_TIME, service_id__in=list(services), revision__gt=0):
        histogram, seconds = found.setdefault(row.service_id, (Histogram(), [0.0]))
        histogram.merge([Histogram(row.latencies)])
        seconds[0] += row.microseconds / 1e6
    for pk, (histogram, seconds) in found.items():
        below, buckets = 0, []
        for index, edge in enumerate(BOUNDS):
            below += histogram.counts[index]
            if edge in EDGES:
                buckets.append((f"{edge / 1e6:g}", below))
        family.add_metric(_labels(services[pk]), [*buckets, ("+Inf", histogram.total)], sum_value=seconds[0])
    return family


def _services(services: dict) -> Iterable[Metric]:
    state = GaugeMetricFamily("modelport_service_state", "1 for the state a service is in.", labels=["group", "service", "state"])
    ready = GaugeMetricFamily("modelport_service_replicas_ready", "Replicas that take calls.", labels=["group", "service"])
    desired = GaugeMetricFamily("modelport_service_replicas_desired", "Replicas that are wanted.", labels=["group", "service"])
    for service in services.values():
        shown = service_state(service)
        for word in STATES:
            state.add_metric([*_labels(service), word], int(shown.word == word))
        ready.add_metric(_labels(service), shown.ready)
        desired.add_metric(_labels(service), 0 if service.stopped else shown.desired)
    yield from (state, ready, desired)


def _replicas() -> Iterable[Metric]:
    labels = ["group", "service", "revision", "replica"]
    cpu = GaugeMetricFamily("modelport_replica_cpu_cores", "Cores in use at the last sample.", labels=labels)
    memory = GaugeMetricFamily("modelport_replica_memory_bytes", "Resident memory at the last sample.", labels=labels)
    restarts = CounterMetricFamily("modelport_replica_restarts", "How often the replica was started again.", labels=labels)
    rows = Replica.objects.filter(revision__state=Revision.State.SERVING).select_related("revision__service__group")
    for replica in rows:
        values = [*_labels(replica.revision.service), str(replica.revision.number), replica.name]
        if replica.cpu is not None:
            cpu.add_metric(values, replica.cpu)
        if replica.memory is not None:
            memory.add_metric(values, replica.memory)
        restarts.add_metric(values, replica.restarts)
    yield from (cpu, memory, restarts)


def _operations() -> Iterable[Metric]:
    family = GaugeMetricFamily("modelport_operations", "Operations that wait or run.", labels=["kind", "state"])
    for kind in Operation.Kind.values:
        for state in (Operation.State.NOT_STARTED, Operation.State.RUNNING):
            family.add_metric([kind, state], Operation.objects.filter(kind=kind, state=state).count())
    yield family
