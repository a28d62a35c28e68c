"""What a target is told about a revision."""

from __future__ import annotations

import pytest

from deployments.specs import spec_of
from registry.models import Image
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("verdict", "wanted", "said"), [("rows", True, "on"), ("rows", False, "off"), ("alone", True, "off"), (None, True, "off")]
)
def test_calls_are_shared_only_where_the_probe_allows_and_the_person_wants(group, verdict, wanted, said):
    service = factories.make_service(group, batching=wanted)
    revision = service.revisions.get()
    revision.batching = wanted
    Image.objects.update(probe={"batching": {"verdict": verdict, "reason": ""}} if verdict else {})
    revision.image.refresh_from_db()
    assert spec_of(revision).environment["MODELPORT_BATCHING"] == said


def test_a_replica_knows_whose_it_is_and_never_more_threads_than_its_share(group):
    service = factories.make_service(group, cpu=2.5)
    spec = spec_of(service.revisions.get())
    assert spec.environment["MODELPORT_SERVICE"] == "demo/demo" and spec.environment["MODELPORT_CPUS"] == "2.5"
    assert "demo" not in spec.name, "names at the target come from uuids"


@pytest.mark.parametrize(("workers", "gpus", "said"), [(0, 0, "auto"), (3, 0, "3"), (0, 1, "1"), (2, 1, "2")])
def test_how_many_processes_score_is_said_or_left_to_the_replica(group, workers, gpus, said):
    revision = factories.make_service(group).revisions.get()
    revision.workers, revision.gpus = workers, gpus
    assert spec_of(revision).environment["MODELPORT_WORKERS"] == said


def test_spark_may_have_the_threads_that_it_keeps_waiting(group):
    revision = factories.make_service(group).revisions.get()
    usual = spec_of(revision)
    revision.image.manifest.runtime = "spark-py"
    assert (usual.threads, spec_of(revision).threads) == (256, 1024)
    assert spec_of(revision).fingerprint() != usual.fingerprint(), "a replica with the old limit is not what is wanted"
