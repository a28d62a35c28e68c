"""How many processes score in a replica: chosen through both doors, and a reason for a new revision."""

from __future__ import annotations

import pytest

from deployments.actions.images import create_image
from deployments.models import Service
from deployments.specs import spec_of
from tests import factories


@pytest.mark.django_db(transaction=True)
def test_processes_are_chosen_through_both_doors(door, group, owner, environment, perform):
    manifest = factories.make_manifest(group, user=owner)
    perform(create_image(user=owner, group=group, manifest=manifest, environment=environment))
    asked = {"name": "iris", "image": "iris:1", "environment": "fake"}
    assert list(door(owner).create_service(group, **asked, workers="65").fields) == ["workers"]
    assert door(owner).create_service(group, **asked, workers="3").ok
    service = Service.objects.get()
    assert spec_of(service.revisions.get()).environment["MODELPORT_WORKERS"] == "3"

    perform(service.operations.get())
    assert door(owner).update_service(group, "iris", workers="0").ok
    assert [each.workers for each in service.revisions.order_by("number")] == [3, 0]
    assert spec_of(service.revisions.order_by("number").last()).environment["MODELPORT_WORKERS"] == "auto"
