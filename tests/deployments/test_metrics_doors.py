"""The numbers at their doors: REST in columns and as CSV, and `/metrics` for Prometheus."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.test import APIClient

from deployments.telemetry import rollup
from portal.accounts.actions import issue_token
from tests import factories
from tests.deployments.test_traffic import call, count

pytestmark = pytest.mark.django_db
BASE = "/api/v1/groups/demo/services/iris/metrics"


@pytest.fixture
def service(group):
    return factories.make_service(group, name="iris")


@pytest.fixture
def scraped(settings):
    """{(metric, labels): value} as Prometheus would read it."""
    settings.METRICS_TOKEN = "a-token-for-the-scraper"

    def read() -> dict:
        answer = Client().get("/metrics", headers={"Authorization": "Bearer a-token-for-the-scraper"})
        assert answer.status_code == 200 and answer["Content-Type"].startswith("text/plain")
        families = text_string_to_metric_families(answer.content.decode())
        return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}

    return read


def at(name: str, **labels) -> tuple:
    return name, frozenset({"group": "demo", "service": "iris", **labels}.items())


def test_rest_answers_in_columns_for_readers_and_not_for_strangers(service, reader, stranger):
    count(call(service), call(service, status=503))
    rest = APIClient()
    rest.force_login(reader)
    found = rest.get(f"{BASE}/", {"range": "15m"}).json()
    assert (found["totals"]["calls"], found["totals"]["errorPercent"], sum(found["calls"]["5xx"])) == (2, 50.0, 1)
    refused = rest.get(f"{BASE}/", {"range": "ever"})
    assert refused.status_code == 400 and refused.json()["details"][0]["field"] == "range"
    rest.force_login(stranger)
    assert rest.get(f"{BASE}/").status_code == rest.get(f"{BASE}.csv").status_code == 404


def test_csv_holds_a_row_a_step(service, reader):
    count(call(service))
    rest = APIClient()
    rest.force_login(reader)
    answer = rest.get(f"{BASE}.csv", {"range": "15m"})
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert answer["Content-Type"].startswith("text/csv") and len(rows) in (90, 91)
    assert sum(int(row["calls 2xx"]) for row in rows) == 1


def test_prometheus_reads_counters_that_only_grow(service, scraped):
    count(call(service, total_us=3000), call(service, status=404))
    first = scraped()
    assert first[at("modelport_service_calls_total", revision="1", status="200")] == 1
    assert first[at("modelport_service_call_seconds_bucket", le="+Inf")] == first[at("modelport_service_call_seconds_count")] == 2
    assert first[at("modelport_service_call_seconds_sum")] == pytest.approx(0.005)
    buckets = sorted((float(dict(labels)["le"]), value) for (name, labels), value in first.items() if name.endswith("call_seconds_bucket"))
    assert [value for _, value in buckets] == sorted(value for _, value in buckets) and len(buckets) > 10
    count(call(service))
    assert scraped()[at("modelport_service_calls_total", revision="1", status="200")] == 2
    assert first[at("modelport_service_replicas_ready")] == 0


def test_only_the_scraper_and_administrators_read_prometheus(service, owner, settings):
    settings.METRICS_TOKEN = ""
    assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401
    assert Client().get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
    signed_in = Client()
    signed_in.force_login(owner)
    assert signed_in.get("/metrics").status_code == 403
    administrator = factories.make_user(is_superuser=True)
    _, token = issue_token(user=administrator, name="scraper")
    assert Client().get("/metrics", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    signed_in.force_login(administrator)
    assert signed_in.get("/metrics").status_code == 200


def test_the_page_says_how_the_numbers_differ_from_the_time_before(client, service, reader):
    count(*(call(service) for _ in range(3)), call(service, ago=timedelta(minutes=20)))
    revision = service.revisions.get()
    rollup.store_usage(revision, {"r1": (0.5, 1000), "r2": (0.25, 2000)}, {"r1": (1, 3)})
    client.force_login(reader)
    shown = client.get("/g/demo/services/iris/metrics?range=15m&compare=1&replica=r2")
    assert shown.context["changes"]["calls"] == "+200 %" and "+200 %" in shown.content.decode()
    assert [one["replica"] for one in shown.context["found"]["usage"]] == ["r2"]
    assert 'value="r1"' in shown.content.decode()  # the others can still be chosen
    found = client.get(f"{BASE}/", {"range": "15m", "compare": "1"}).json()
    assert (found["totals"]["calls"], found["previous"]["totals"]["calls"]) == (3, 1)
    assert [value for value in found["usage"][0]["waiting"] if value is not None] == [3.0]
