"""GPUs: asked for through both doors, refused where none are offered, and passed on to the engine. No GPU is needed here."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from django.core.exceptions import ValidationError
from docker.types import HostConfig

from deployments import reconcile
from deployments.actions.images import create_image
from deployments.models import Service
from deployments.quantities import ALL_GPUS, parse_gpus, show_gpus
from deployments.specs import spec_of
from deployments.targets.base import Spec
from deployments.targets.docker import DockerTarget
from tests import factories
from tests.fakes import FakeTarget

SPEC = Spec("mp-1-r1", "sha256:1", "sha256:1", replicas=1, cpu=1, memory=2**28)


@pytest.fixture
def image(group, owner, environment, perform):
    manifest = factories.make_manifest(group, user=owner)
    return perform(create_image(user=owner, group=group, manifest=manifest, environment=environment)).image


@pytest.mark.django_db(transaction=True)
def test_they_are_asked_for_where_the_connection_test_has_found_them(door, group, owner, environment, image, perform, monkeypatch):
    asked = {"name": "iris", "image": "iris:1", "environment": "fake"}
    answer = door(owner).create_service(group, **asked, gpus="2")
    assert answer.status == 400 and "fake offers no GPUs" in answer.fields["gpus"][0] and not Service.objects.exists()
    assert list(door(owner).create_service(group, **asked, gpus="two").fields) == ["gpus"]

    monkeypatch.setattr(FakeTarget, "offers_gpus", lambda self: True)
    reconcile.check_environment(environment.pk)
    assert door(owner).create_service(group, **asked, gpus="2").ok
    service = Service.objects.get()
    assert spec_of(service.revisions.get()).gpus == 2

    perform(service.operations.get())
    assert door(owner).update_service(group, "iris", gpus="all").ok
    assert spec_of(service.revisions.first()).gpus == ALL_GPUS


def engine(**about):
    """An engine that keeps what it is asked to create; `about` is what it tells of itself."""
    asked: list[dict] = []
    answers = {
        "info": lambda: {"NCPU": 2, "MemTotal": 2**32, **about},
        "version": lambda: {"Version": "27.0", "ApiVersion": "1.46"},
        "networks": lambda **_: [],
        "create_network": lambda *_, **__: None,
        "create_host_config": lambda **options: HostConfig(version="1.46", **options),
        "create_container": lambda image, **options: asked.append(options["host_config"]),
        "start": lambda name: None,
    }
    return SimpleNamespace(api=lambda: SimpleNamespace(**answers), asked=asked)


def test_the_engine_is_asked_for_devices_by_number_or_for_all_and_else_not_at_all():
    target = DockerTarget(installation="test")
    target.engine = engine()
    for gpus in (2, ALL_GPUS, 0):
        target._start(replace(SPEC, gpus=gpus), "sha256:1", "fingerprint")
    two, every, none = target.engine.asked
    assert two["DeviceRequests"] == [{"Driver": "nvidia", "Count": 2, "DeviceIDs": [], "Capabilities": [["gpu"]], "Options": {}}]
    assert every["DeviceRequests"][0]["Count"] == -1 and "DeviceRequests" not in none
    assert two["CapDrop"] == ["ALL"] and two["ReadonlyRootfs"]


@pytest.mark.parametrize("runtimes", [{"runc": {}}, {"runc": {}, "nvidia": {"path": "nvidia-container-runtime"}}])
def test_the_connection_test_says_whether_there_are_any(runtimes):
    target = DockerTarget(installation="test")
    target.engine = engine(Runtimes=runtimes)
    said = next(check for check in target.check() if check.name == "GPUs")
    assert target.offers_gpus() is ("nvidia" in runtimes) and said.ok
    assert said.detail.startswith("An NVIDIA runtime" if "nvidia" in runtimes else "The engine has no NVIDIA runtime")


def test_they_are_part_of_what_a_replica_is_and_no_wish_changes_nothing():
    assert replace(SPEC, gpus=1).fingerprint() != SPEC.fingerprint()
    # What runs since before there was such a wish must not be replaced.
    assert SPEC.fingerprint() == "b04d70ae9b9bb19a01e3c3a425480fe2dd54ac41c4171c725dd15a0ec31bc24e"


def test_they_are_written_as_people_do():
    assert [parse_gpus(value) for value in ("0", 3, " All ")] == [0, 3, ALL_GPUS]
    assert [show_gpus(count) for count in (0, 3, ALL_GPUS)] == [0, 3, "all"]
    for value in ("-1", "1.5", "65", "many", "٣"):
        with pytest.raises(ValidationError):
            parse_gpus(value)
