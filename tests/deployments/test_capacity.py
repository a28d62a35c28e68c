"""How much of a machine is promised: services of all groups on it, as far as they run."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from deployments.capacity import rooms
from deployments.targets.base import Check
from tests import factories

pytestmark = pytest.mark.django_db
SEEN = [asdict(Check("It answers", True, "2 CPUs", cores=4, memory=8 * 2**30))]


@pytest.fixture
def machines(group):
    """Two groups' environments of one machine, one of another, and one that nobody has tested."""
    other = factories.make_group("other")
    mine = factories.make_environment(group, checks=SEEN, is_default=True)
    theirs = factories.make_environment(other, checks=SEEN)
    apart = factories.make_environment(group, name="docker", target="docker", checks=SEEN)
    factories.make_environment(group, name="unknown", target="docker")
    image = factories.make_image(group)
    sizes = {"cpu": 0.5, "memory": 2**30}
    factories.make_service(group, name="one", image=image, environment=mine, replicas=2, **sizes)
    factories.make_service(other, name="two", image=image, environment=theirs, replicas=1, **sizes)
    factories.make_service(group, name="never", image=image, environment=mine, state="Failed", **sizes)
    factories.make_service(group, name="off", image=image, environment=mine, stopped=True, **sizes)
    factories.make_service(group, name="going", image=image, environment=mine, deleting=True, **sizes)
    return mine, apart


def test_what_live_services_of_all_groups_ask_for_is_promised(machines, django_assert_num_queries):
    mine, apart = machines
    with django_assert_num_queries(1):
        found = rooms([mine, apart])
    room = found[str(mine.pk)]
    assert (room.services, room.free_cores, room.free_memory) == (2, 2.5, 5 * 2**30)
    assert found[str(apart.pk)].free_cores == 4
    mine.checks = [{"name": "old", "ok": True, "detail": "", "cure": ""}]
    assert rooms([mine]) == {}


def test_pages_and_rest_say_it(machines, group, contributor, client_for, client):
    listed = client_for(contributor).get("/api/v1/groups/demo/environments/").json()["value"]
    assert {one["name"]: one["capacity"] and one["capacity"]["askedCores"] for one in listed} == {
        "local": 1.5,
        "docker": 0,
        "unknown": None,
    }
    one = client_for(contributor).get("/api/v1/groups/demo/environments/local/").json()
    assert one["capacity"] == {"cores": 4.0, "memory": 8 * 2**30, "services": 2, "askedCores": 1.5, "askedMemory": 3 * 2**30}
    client.force_login(contributor)
    page = client.get("/g/demo/deploy").content.decode()
    assert "2.5 of 4 cores" in page and "5 GiB" in page and "2 services run there." in page and "unknown</strong>" not in page
