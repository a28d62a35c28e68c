"""The database's counting of services, against the rule that derives the state of one."""

from __future__ import annotations

from itertools import product

import pytest
from django.utils import timezone

from deployments import standing
from deployments.models import Replica, Revision, Service
from deployments.standing import telling
from deployments.states import for_states, service_state
from tests import factories

pytestmark = pytest.mark.django_db
PAST = [(), ("Failed",), ("Retired", "Failed")]
LATEST = ["", "Pending", "Rolling", "Serving"]
STARTING, READY, AWAY, CRASHED = Replica.State
REPLICAS = [(), (STARTING,), (READY,), (READY, READY), (READY, AWAY), (STARTING, AWAY), (CRASHED, CRASHED), (READY, READY, READY)]
FLAGS = [{}, {"stopped": True}, {"deleting": True}, {"trouble": "No image came."}]


def every_kind(group) -> None:
    """A service of each combination; two replicas are wanted."""
    image, environment = factories.make_image(group), factories.make_environment(group)
    number = 0
    for past, serving, latest, flags in product(PAST, [None, *REPLICAS], LATEST[:3], FLAGS):
        number += 1
        service = Service.objects.create(group=group, name=f"service-{number}", environment=environment, replicas=2, **flags)
        states = [*past, *(["Serving"] if serving is not None else []), *([latest] if latest else [])]
        for place, state in enumerate(states, 1):
            revision = Revision.objects.create(service=service, number=place, image=image, cpu=1, memory=2**29, state=state)
            if state == "Serving":
                for index, seen in enumerate(serving):
                    Replica.objects.create(revision=revision, name=f"r{index}", state=seen, observed_at=timezone.now())


def test_the_numbers_are_those_of_the_states(group):
    every_kind(group)
    services = Service.objects.filter(group=group)
    words = {service.name: service_state(service).word for service in for_states(services)}
    found = standing.not_running(services)
    running = standing.settled(services).count() - len(found)
    named = {row.pk: row.name for row in services}
    troubled, gone = [named[pk] for pk in found.troubled], [named[pk] for pk in found.gone]

    assert running == sum(word == "Running" for word in words.values()) > 0
    assert sorted(troubled) == sorted(name for name, word in words.items() if word in ("Degraded", "Failed"))
    assert found.short and set(gone) <= {name for name, word in words.items() if word == "Failed"}
    assert gone == sorted(gone)
    assert set(standing.running(services).values_list("pk", flat=True)) == {row.pk for row in services if words[row.name] == "Running"}
    assert set(standing.short(services).values_list("pk", flat=True)) == set(found.short)
    assert set(standing.gone(services).values_list("pk", flat=True)) == set(found.gone)


def test_a_state_is_the_same_without_the_history(group):
    every_kind(group)
    with_all = {service.pk: service_state(service) for service in Service.objects.filter(group=group)}
    assert {service.pk: service_state(service) for service in for_states(Service.objects.filter(group=group))} == with_all


def test_a_list_does_not_read_what_images_hold(group, django_assert_num_queries):
    factories.make_service(group)
    with django_assert_num_queries(3):
        (service,) = for_states(Service.objects.filter(group=group))
        assert "packages" in telling(service)[0].image.get_deferred_fields() and str(telling(service)[0].image)


def test_the_history_can_still_be_asked_for(group):
    service = factories.make_service(group, state="Retired")
    Revision.objects.create(service=service, number=2, image=factories.make_image(group), cpu=1, memory=2**29, state="Serving")
    (found,) = for_states(Service.objects.filter(group=group))
    assert [revision.number for revision in telling(found)] == [2] and found.revisions.order_by("number").first().number == 1
