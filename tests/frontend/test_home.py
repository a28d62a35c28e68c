"""What a group's home puts first, and whom it tells of a full disk; what the images' list says of each."""

from __future__ import annotations

from collections import namedtuple

import pytest
from django.utils import timezone

from deployments.models import Revision, TrafficBucket
from tests import factories

Disk = namedtuple("Disk", "total used free")


def names(answer) -> list[str]:
    return [service.name for service in answer.context["services"]]


def test_what_is_in_trouble_comes_first_then_the_busiest(browse, things, group, owner):
    for number in range(10):
        # No replica was ever seen, and nothing was asked of them: neither is in trouble.
        factories.make_service(group, name=f"quiet-{number}", image=things.image, environment=things.environment, stopped=True)
    busy = factories.make_service(group, name="zz-busy", image=things.image, environment=things.environment, stopped=True)
    less = factories.make_service(group, name="zz-less", image=things.image, environment=things.environment, stopped=True)
    broken = factories.make_service(group, name="zzz-broken", image=things.image, environment=things.environment, state="Failed")
    minute = timezone.now().replace(second=0, microsecond=0)
    for service, calls, at in (
        (busy, 90, minute),
        (less, 4, minute),
        (group.services.get(name="quiet-9"), 5000, minute.replace(year=2020)),
    ):
        TrafficBucket.objects.create(service=service, revision=1, status=200, span=60, starts_at=at, calls=calls)
    found = names(browse(owner).get("/g/demo/"))
    assert len(found) == 8
    assert found[:3] == [broken.name, busy.name, less.name]
    assert found[3:] == sorted(found[3:]) and "quiet-9" not in found


@pytest.mark.parametrize(("free", "told"), [(50, False), (10, True), (1, True)])
def test_a_full_disk_is_told_to_those_who_can_make_room(free, told, browse, things, owner, reader, monkeypatch):
    monkeypatch.setattr("deployments.system.shutil.disk_usage", lambda folder: Disk(100 * 2**30, (100 - free) * 2**30, free * 2**30))
    said = f"{free}.0 of 100.0 GiB free"
    assert (said in browse(owner).get("/g/demo/").content.decode()) is told
    assert said not in browse(reader).get("/g/demo/").content.decode()


def test_images_say_their_platform_and_what_uses_them(browse, things, group, owner):
    type(things.image).objects.filter(pk=things.image.pk).update(platform="linux/amd64")
    factories.make_service(group, name="second", image=things.image, environment=things.environment)
    over = factories.make_service(group, name="over", image=things.image, environment=things.environment)
    Revision.objects.filter(service=over).update(ended_at=timezone.now())
    text = browse(owner).get("/g/demo/images/").content.decode()
    assert "linux/amd64" in text and "2 services" in text
