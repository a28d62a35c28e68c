"""Calls and samples become rows of three spans; what is read from them are the same sums, in columns."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.utils import timezone

from deployments.models import ReadinessBucket, TrafficBucket, UsageBucket
from deployments.observer import usage
from deployments.plans import new_key
from deployments.telemetry import rollup, series
from deployments.telemetry.lines import Call
from deployments.telemetry.window import Window
from portal.errors import BadRequest
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def service(group):
    return factories.make_service(group)


def call(service, *, ago: timedelta = timedelta(), status: int = 200, total_us: int = 2000, key: str = "") -> Call:
    started = int((timezone.now() - ago).timestamp() * 1_000_000)
    return Call(started, service.pk.hex, 1, "r1", key, "POST", "score", status, 100, 50, total_us, "--", "id")


def count(*calls: Call) -> None:
    counter = rollup.Counter()
    for each in calls:
        counter.add(each)
    rollup.store(*counter.take())


def read(service, said: str = "15m", **narrowed) -> dict:
    return series.metrics(service, Window.asked({"range": said}), **narrowed)


def test_calls_are_added_up_by_status(service):
    count(call(service), call(service), call(service, status=404))
    count(call(service), call(service, status=0))
    found = read(service)
    assert found["totals"]["byStatus"] == {"0": 1, "200": 3, "404": 1}
    assert (found["totals"]["calls"], found["totals"]["errors"], found["totals"]["errorPercent"]) == (5, 1, 20.0)
    assert 1.5 < found["totals"]["p50Ms"] < 2.5
    assert {name: sum(values) for name, values in found["calls"].items()} == {"2xx": 3, "4xx": 1, "5xx": 1}
    assert found["totals"]["bytesIn"] == 500 and found["totals"]["bytesOut"] == 250


def test_columns_are_of_one_length_and_say_none_where_nothing_was(service):
    count(call(service, ago=timedelta(minutes=5)))
    rollup.store_usage(service.revisions.get(), {"r1": (0.5, 1000), "r2": (0.25, 2000)})
    found = read(service)
    columns = [*found["calls"].values(), *found["latencyMs"].values(), found["errorPercent"], *found["replicas"].values()]
    columns += [each[name] for each in found["usage"] for name in ("cpu", "memory")]
    assert {len(column) for column in columns} == {len(found["times"])} and len(found["times"]) in (90, 91)
    [value] = [value for value in found["latencyMs"]["p95"] if value is not None]
    assert 1.5 < value < 2.5


def test_a_browser_s_question_before_a_call_is_no_call(service):
    count(replace(call(service), method="OPTIONS", status=204))
    assert not TrafficBucket.objects.exists()


def test_calls_of_services_that_are_gone_are_dropped(service):
    counter = rollup.Counter()
    counter.add(call(service))
    service.delete()
    rollup.store(*counter.take())
    assert not TrafficBucket.objects.exists()


def test_a_key_remembers_its_last_use_but_not_a_refusal(service):
    new_key(service, "primary", None)
    key = service.keys.get()
    count(call(service, status=401, key=key.key_id))
    key.refresh_from_db()
    assert key.last_used_at is None
    count(call(service, key=key.key_id))
    key.refresh_from_db()
    assert timezone.now() - key.last_used_at < timedelta(seconds=5)


def test_calls_are_told_apart_by_revision_and_key(service):
    for slot in ("primary", "secondary"):
        new_key(service, slot, None)
    primary, secondary = service.keys.all()
    count(call(service, key=primary.key_id), replace(call(service, key=secondary.key_id), revision=2), call(service, status=401))
    assert read(service)["totals"]["calls"] == 3
    assert read(service, revision=2)["totals"]["calls"] == read(service, key="primary")["totals"]["calls"] == 1
    assert read(service, revision=2, key=primary.key_id)["totals"]["calls"] == 0
    assert series.choices(service)["revisions"] == [2, 1]


def test_every_span_holds_the_same_sums_and_old_rows_go(service):
    for minutes in (0, 61, 62, 200, 60 * 24 * 8, 60 * 24 * 8 + 1, 60 * 24 * 731):
        count(call(service, ago=timedelta(minutes=minutes), total_us=1000 + minutes))
    assert read(service, "30d")["totals"]["calls"] == 6
    rollup.prune()
    spans = {span: list(TrafficBucket.objects.filter(span=span)) for span in (10, 60, 3600, 0)}
    assert {span: sum(row.calls for row in rows) for span, rows in spans.items()} == {10: 1, 60: 4, 3600: 6, 0: 7}
    assert read(service, "30d")["totals"]["calls"] == 6 and read(service, "6h")["totals"]["calls"] == 4


def test_samples_become_averages_and_the_least_that_was_ready(service):
    revision = service.revisions.get()
    for cpu, memory in ((0.25, 100), (0.75, 300)):
        rollup.store_usage(revision, {"r1": (cpu, memory)})
    rollup.store_readiness()
    service.revisions.get().replicas.create(name="r1", state="ready", observed_at=timezone.now())
    rollup.store_readiness()
    found = series.metrics(service, Window.asked({"range": "1h", "step": "3600"}))
    [one] = found["usage"]
    assert [value for value in one["cpu"] if value is not None] == [0.5]
    assert [value for value in one["memory"] if value is not None] == [200]
    assert (one["cpuLimit"], one["memoryLimit"]) == (revision.cpu, revision.memory)
    assert [value for value in found["replicas"]["ready"] if value is not None] == [0]
    assert [value for value in found["replicas"]["desired"] if value is not None] == [1]
    assert set(UsageBucket.objects.values_list("cpu_most", flat=True)) == {0.75}
    assert set(ReadinessBucket.objects.values_list("samples", flat=True)) == {2}


@pytest.mark.parametrize(
    ("said", "step", "most"), [("15m", 10, 92), ("1h", 60, 62), ("6h", 60, 362), ("24h", 300, 290), ("7d", 3600, 170), ("30d", 10800, 242)]
)
def test_a_window_has_steps_that_are_still_kept(said, step, most):
    window = Window.asked({"range": said})
    assert window.step == step and len(window.times) <= most and window.end >= timezone.now()


def test_a_step_is_taken_as_asked_or_made_coarser():
    assert Window.asked({"range": "15m", "step": "40"}).step == 40
    assert Window.asked({"range": "7d", "step": "60"}).step == 3600
    assert len(Window.asked({"range": "700d", "step": "60"}).times) <= 2000


def test_times_of_ones_own_are_taken_as_they_are_written():
    later = timezone.now() - timedelta(minutes=10)
    earlier = later - timedelta(minutes=20)
    for write in (
        lambda moment: moment.isoformat(),
        lambda moment: str(int(moment.timestamp())),
        lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}Z",
    ):
        window = Window.asked({"from": write(earlier), "to": write(later)})
        assert window.start <= earlier and later.replace(microsecond=0) <= window.end <= later + timedelta(seconds=window.step)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"range": "1y"}, "range"),
        ({"range": "0m"}, "range"),
        ({"range": "9999d"}, "range"),
        ({"range": "1h", "step": "7"}, "step"),
        ({"range": "1h", "step": "-10"}, "step"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-13-01T00:00:00Z"}, "from"),
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "to"),
        ({"from": "1", "to": "2000000000"}, "to"),
    ],
)
def test_a_window_that_cannot_be_is_refused_by_field(given, field):
    with pytest.raises(BadRequest) as refused:
        Window.asked(given)
    assert refused.value.details[0]["field"] == field


def test_the_last_minutes_of_many_services_cost_one_query(group, django_assert_num_queries):
    services = [factories.make_service(group, name=f"one-{number}") for number in range(3)]
    count(*(call(each, status=500) for each in services[:2]))
    with django_assert_num_queries(1):
        found = series.last_minutes(services)
    assert [found[each.pk].calls if each.pk in found else 0 for each in services] == [1, 1, 0]
    assert found[services[0].pk].error_percent == 100


def test_what_the_gateway_refused_is_no_latency_of_the_service(service):
    count(replace(call(service, status=503, total_us=60), revision=None), call(service, total_us=4000))
    found = read(service)["totals"]
    assert (found["calls"], found["errors"]) == (2, 1) and 3.2 < found["p50Ms"] < 4.9


def test_the_last_use_of_a_key_is_the_latest(service):
    new_key(service, "primary", None)
    key = service.keys.get()
    count(call(service, key=key.key_id), call(service, key=key.key_id, ago=timedelta(hours=2)))
    count(call(service, key=key.key_id, ago=timedelta(hours=1)))
    key.refresh_from_db()
    assert timezone.now() - key.last_used_at < timedelta(seconds=60)


@pytest.mark.parametrize("said", ["15m", "1h", "7d"])
def test_the_time_before_is_as_long_and_has_as_many_steps(service, said):
    """The finest rows are gone after an hour: both are read in steps that the earlier time still has."""
    window, before = Window.asked({"range": said}).compared()
    assert (len(window.times), window.step, before.end) == (len(before.times), before.step, window.start)
    inside, outside = (timezone.now() - moment + timedelta(seconds=90) for moment in (before.end, before.start))
    count(*[call(service) for _ in range(3)], call(service, ago=inside, status=500, total_us=9000), call(service, ago=outside))
    rollup.prune()
    found = read(service, said, compare=True)
    previous = found["previous"]
    assert (found["totals"]["calls"], previous["totals"]["calls"], previous["totals"]["errorPercent"]) == (3, 1, 100.0)
    columns = [previous["calls"], previous["errorPercent"], previous["latencyMs"]["p95"], found["times"]]
    assert len({len(column) for column in columns}) == 1 and sum(previous["calls"]) == 1
    assert "previous" not in read(service, said)


def test_what_replicas_say_of_their_load_is_kept_and_what_is_strange_is_not(service, monkeypatch):
    said = {
        "r1": b"modelport_ready 1\nmodelport_running 1\nmodelport_queue_length 4\n",
        "r2": b"modelport_running 99999999999\nmodelport_queue_length 4\n",
        "r3": b"<html>",
        "r4": b"\nmodelport_running 2\n" + b"x" * 2**17,
    }
    revision = service.revisions.get()

    class Busy(BaseHTTPRequestHandler):
        def do_GET(self):
            right = self.path == "/metrics" and self.headers["X-Modelport-Secret"] == service.secret
            self.send_response(200 if right else 403)
            self.end_headers()
            self.wfile.write(said[self.server.name])

        def log_message(self, *args): ...

    servers = []
    for name in said:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
        server.name = name
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        address = f"127.0.0.1:{server.server_address[1]}"
        revision.replicas.create(name=name, state="ready", address=address, observed_at=timezone.now())
    revision.replicas.create(name="r5", state="ready", address="127.0.0.1:9", observed_at=timezone.now())
    monkeypatch.setattr("deployments.engines.target", lambda alias: Fixed())
    try:
        usage.sample()
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
    found = {one["replica"]: one for one in series.metrics(service, Window.asked({"range": "1h", "step": "3600"}))["usage"]}
    told = {
        name: ([v for v in one["running"] if v is not None], [v for v in one["waiting"] if v is not None]) for name, one in found.items()
    }
    assert told == {"r1": ([1.0], [4.0]), **{name: ([], []) for name in ("r2", "r3", "r4", "r5")}}
    assert [one["replica"] for one in read(service, replica="r2")["usage"]] == ["r2"]


class Fixed:
    """A target that measures the same of each replica."""

    def usage(self, name: str) -> dict:
        return {f"r{number}": (0.5, 1000) for number in range(1, 6)}
