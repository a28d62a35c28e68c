"""Images are drafted, completed once, and stay while a service remembers them."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from portal.errors import Conflict, NotAllowed
from registry.actions.images import delete_image, discard_image_draft, draft_image, record_built_image
from registry.models import Image
from tests import factories

pytestmark = pytest.mark.django_db
BUILT = {
    "location": "sha256:1",
    "digest": "sha256:1",
    "bundle_digest": "sha256:2",
    "size": 5,
    "packages": [{"name": "numpy", "version": "1.26.4"}],
}


def test_a_draft_is_completed_once(group, contributor):
    image = draft_image(user=contributor, group=group, name="iris", manifest=factories.make_manifest(group), format="oci")
    assert not image.is_built and not Image.objects.built().exists()
    record_built_image(image, **BUILT)
    assert image.is_built and image.built_at and list(Image.objects.built()) == [image]
    with pytest.raises(Conflict, match="built already"):
        record_built_image(image, **{**BUILT, "digest": "sha256:other"})
    assert Image.objects.get().digest == "sha256:1"


def test_a_failed_draft_goes_and_a_built_image_does_not(group, contributor):
    manifest = factories.make_manifest(group)
    draft, built = factories.make_image(group, manifest=manifest, built=False), factories.make_image(group, manifest=manifest)
    for image in (draft, draft, built):
        discard_image_draft(image)
    assert list(Image.objects.all()) == [built]
    with pytest.raises(Conflict):
        record_built_image(draft, **BUILT)
    assert draft_image(user=contributor, group=group, name="iris", manifest=manifest, format="oci").number == 3


def test_bad_drafts(group, contributor, reader):
    manifest, theirs = factories.make_manifest(group), factories.make_manifest(factories.make_group("other"))
    with pytest.raises(ValidationError):
        draft_image(user=contributor, group=group, name="No", manifest=manifest, format="oci")
    with pytest.raises(Conflict):
        draft_image(user=contributor, group=group, name="iris", manifest=theirs, format="oci")
    with pytest.raises(NotAllowed):
        draft_image(user=reader, group=group, name="iris", manifest=manifest, format="oci")
    assert not Image.objects.exists()


def test_deleting_an_image(group, contributor, reader):
    image = factories.make_image(group)
    with pytest.raises(NotAllowed):
        delete_image(user=reader, image=image)
    with pytest.raises(Conflict, match="being built"):
        delete_image(user=contributor, image=factories.make_image(group, manifest=image.manifest, built=False))
    service = factories.make_service(group, name="prod", image=image)
    with pytest.raises(Conflict, match="iris:1 is used by service prod"):
        delete_image(user=contributor, image=image)
    service.revisions.update(state="Retired", ended_at="2026-01-01T00:00:00Z")
    with pytest.raises(Conflict, match="in its history"):
        delete_image(user=contributor, image=image)
    service.delete()
    delete_image(user=contributor, image=image)
    assert not Image.objects.filter(pk=image.pk).exists()
