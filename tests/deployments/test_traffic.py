"""Calls become buckets, buckets become coarser, and the sums stay the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from deployments import traffic
from deployments.models import TrafficBucket
from deployments.telemetry.lines import Call
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def service(group):
    return factories.make_service(group)


def call(service, *, ago: timedelta = timedelta(), status: int = 200, total_us: int = 2000, key: str = "") -> Call:
    started = int((timezone.now() - ago).timestamp() * 1_000_000)
    return Call(started, service.pk.hex, 1, "r1", key, "POST", "score", status, 100, 50, total_us, "--", "id")


def count(*calls: Call) -> None:
    counter = traffic.Counter()
    for each in calls:
        counter.add(each)
    traffic.store(*counter.take())


def test_calls_are_added_up_by_status(service):
    count(call(service), call(service), call(service, status=500))
    count(call(service), call(service, status=0))
    found = traffic.summary(service)
    assert (found["calls"], found["errors"], found["per_status"]) == (5, 2, {"0": 1, "200": 3, "500": 1})
    assert 1.5 < found["p50_ms"] < 2.5


def test_a_browser_s_question_before_a_call_is_no_call(service):
    count(replace(call(service), method="OPTIONS", status=204))
    assert not TrafficBucket.objects.exists()


def test_calls_of_services_that_are_gone_are_dropped(service):
    counter = traffic.Counter()
    counter.add(call(service))
    service.delete()
    traffic.store(*counter.take())
    assert not TrafficBucket.objects.exists()


def test_a_key_remembers_its_last_use_but_not_a_refusal(service):
    from deployments.plans import new_key

    new_key(service, "primary", None)
    key = service.keys.get()
    count(call(service, status=401, key=key.key_id))
    key.refresh_from_db()
    assert key.last_used_at is None
    count(call(service, key=key.key_id))
    key.refresh_from_db()
    assert timezone.now() - key.last_used_at < timedelta(seconds=5)


def test_folding_keeps_the_sums(service):
    for minutes in (61, 62, 63, 200, 60 * 24 * 8, 60 * 24 * 8 + 1):
        count(call(service, ago=timedelta(minutes=minutes), total_us=minutes * 10))
    count(call(service))
    before = traffic.summary(service, hours=24 * 30)
    traffic.fold()
    after = traffic.summary(service, hours=24 * 30)
    assert {row.span for row in TrafficBucket.objects.all()} == {10, 60, 3600}
    assert {key: after[key] for key in ("calls", "errors", "p50_ms", "p95_ms")} == {
        key: before[key] for key in ("calls", "errors", "p50_ms", "p95_ms")
    }
    traffic.fold()
    assert traffic.summary(service, hours=24 * 30)["calls"] == 7


def test_two_year_old_traffic_goes(service):
    count(call(service, ago=timedelta(days=731)))
    traffic.fold()
    assert not TrafficBucket.objects.exists()
