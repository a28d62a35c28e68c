"""Whether calls reach a service already: what the database has is also what the running gateway has."""

from __future__ import annotations

import subprocess
import threading

import pytest
from django.core.management import call_command
from django.db import connections
from django.utils import timezone

from deployments import routing
from deployments.models import Replica
from tests import factories
from tests.deployments.gateway_parts import until
from tests.live_portal import free_port

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def running(tmp_path, settings):
    """The portal's own gateway, with no route yet."""
    settings.GATEWAY_PORT = free_port()
    gateway = routing.gateway()
    gateway.ensure_initial()
    with open(tmp_path / "haproxy.log", "wb") as log:
        process = subprocess.Popen(gateway.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
    until(lambda: gateway.running_generation() is not None, "HAProxy answers")
    yield
    process.terminate()
    process.wait(10)


def tell() -> None:
    """As a worker would, in a thread."""
    routing.sync()
    connections.close_all()


def test_a_ready_replica_is_awaited_until_the_gateway_has_it(group, running):
    iris = factories.make_service(group, name="iris")
    other = factories.make_service(group, name="other")
    routing.sync()
    Replica.objects.create(revision=iris.revisions.get(), name="r0", state="ready", address="127.0.0.1:9", observed_at=timezone.now())
    assert not routing.routed(iris) and routing.routed(other), "the gateway was not told"
    told = threading.Timer(0.5, tell)
    told.start()
    call_command("await_replica", "demo/iris", seconds=30)
    assert routing.routed(iris)
    told.join()
    other.access = "public"
    other.save()
    assert routing.routed(iris) and not routing.routed(other), "what is on its way for another does not count"


def test_without_a_running_gateway_nothing_is_routed(group):
    iris = factories.make_service(group, name="iris")
    routing.gateway().ensure_initial()
    routing.sync()
    assert not routing.routed(iris)
