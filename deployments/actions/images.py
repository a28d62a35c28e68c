"""Asking for an image, and letting one go."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from deployments import engines, tasks
from deployments.models import Environment, Following, Operation
from portal.accounts.permissions import Permission, require
from portal.errors import Conflict
from registry.actions.images import delete_image as delete_image_row
from registry.actions.images import draft_image
from registry.models import Image, Manifest


@transaction.atomic
def create_image(
    *,
    user,
    group,
    manifest: Manifest,
    environment: Environment,
    name: str = "",
    description: str = "",
    then: dict | None = None,
    following: Following | None = None,
) -> Operation:
    """Drafts the image and sends its build off. Without a name it is called as its manifest.

    `following` is what asked for it, when no person did.
    """
    require(user, Permission.IMAGE_WRITE, group)
    if manifest.group_id != group.pk or environment.group_id != group.pk:
        raise Conflict(_("The manifest and the environment must belong to this resource group."))
    image_format = engines.image_format(environment.target)
    image = draft_image(user=user, group=group, name=name or manifest.name, manifest=manifest, format=image_format, description=description)
    operation = Operation.objects.create(
        group=group,
        kind=Operation.Kind.IMAGE,
        label=str(image),
        manifest=manifest,
        image=image,
        environment=environment,
        created_by=user,
        then=then,
        following=following,
    )
    tasks.ring_after_commit(operation)
    return operation


@transaction.atomic
def delete_image(*, user, image: Image) -> None:
    """Refused while a service uses it or a build is at work on it; the engine's copy goes a little later."""
    if image.operations.exclude(state__in=Operation.FINISHED).exists():
        require(user, Permission.IMAGE_WRITE, image.group)
        raise Conflict(_("%(image)s is being built. Cancel that first.") % {"image": image}, code="InUse")
    location, environment = image.location, Environment.objects.filter(pk=image.held_by).first()
    delete_image_row(user=user, image=image)
    if location and environment:
        tasks.discard_image.delay_on_commit(environment.target, location)
