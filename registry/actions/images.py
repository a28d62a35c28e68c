"""Images. Only these functions write them; building is the business of deployments, which calls the first three."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.events import EventTag, record
from portal.accounts.permissions import Permission, require
from portal.errors import Conflict
from registry.faults import Faults
from registry.models import Image, Manifest
from registry.models import Sequence as Numbers
from registry.usage import refuse_if_used


@transaction.atomic
def draft_image(*, user, group, name: str, manifest: Manifest, format: str, description: str = "") -> Image:
    """An image that has a name and number and no digest yet; `record_built_image` completes it, `discard_image_draft` removes it."""
    require(user, Permission.IMAGE_WRITE, group)
    if manifest.group_id != group.pk:
        raise Conflict(
            _("%(manifest)s belongs to another resource group.") % {"manifest": manifest},
            code="OtherGroup",
            details=[{"code": "Invalid", "message": str(manifest), "field": "manifest"}],
        )
    faults = Faults()
    faults.name(name)
    if len(description) > 20_000 or "\0" in description:
        faults.add("description", "Use at most 20,000 characters and no null character.")
    faults.check()
    number = Numbers.next(group, "image", name)
    image = Image.objects.create(
        group=group, name=name, number=number, manifest=manifest, format=Image.Format(format), description=description, created_by=user
    )
    record(user, EventTag.IMAGE_REQUESTED, image, manifest=str(manifest))
    return image


@transaction.atomic
def record_built_image(
    image: Image,
    *,
    location: str,
    digest: str,
    bundle_digest: str,
    size: int = 0,
    platform: str = "",
    base: str = "",
    packages: list[dict] | None = None,
    probe: dict | None = None,
    build_seconds: float | None = None,
    held_by=None,
) -> Image:
    """Completes a draft, once: a second writer (a worker whose lease was lost) is refused with Conflict."""
    facts = {
        "location": location,
        "digest": digest,
        "bundle_digest": bundle_digest,
        "size": size,
        "platform": platform,
        "base": base,
        "packages": packages or [],
        "probe": probe or {},
        "build_seconds": build_seconds,
        "held_by": held_by,
        "built_at": timezone.now(),
    }
    if not digest or not Image.objects.filter(pk=image.pk, digest="").update(**facts):
        raise Conflict(_("%(image)s is built already, or was discarded.") % {"image": image}, code="ImageNotDrafted")
    image.refresh_from_db()
    record(image.created_by, EventTag.IMAGE_RECORDED, image, digest=digest, size=size, seconds=build_seconds)
    return image


def discard_image_draft(image: Image) -> None:
    """Removes a draft whose build failed or was cancelled; a built image is left alone. Safe to repeat."""
    Image.objects.filter(pk=image.pk, digest="").delete()


@transaction.atomic
def delete_image(*, user, image: Image) -> None:
    """Refused (409) while a service uses it or remembers it, and while it is being built.

    What the engine holds is the caller's to remove.
    """
    require(user, Permission.IMAGE_WRITE, image.group)
    if not image.is_built:
        raise Conflict(_("%(image)s is being built. Cancel its operation instead.") % {"image": image}, code="ImageNotBuilt")
    refuse_if_used(image)
    record(user, EventTag.IMAGE_DELETED, image, digest=image.digest)
    image.delete()
