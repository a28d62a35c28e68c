"""Services that follow an alias. Moving it is an ordinary update: a manifest, an image, a rollout with its checks.

There is one update under way for a service at most: the one to where the alias points now.
What an earlier move began is called off, so several moves end at the last one.
Locks are taken in one order: the model, the service, its operations.
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from deployments import plans, tasks
from deployments.actions.images import create_image
from deployments.actions.operations import call_off
from deployments.models import Following, Operation, Revision, Service
from portal.accounts.events import EventTag, record
from portal.accounts.permissions import Permission, allows, require
from portal.errors import BadRequest, Conflict, NotAllowed, NotFound
from portal.told import told
from registry.actions.aliases import hold_alias
from registry.actions.manifests import copy_manifest
from registry.models import Alias, Manifest, ModelVersion

#: newest manifests of a name that are looked at for one that says the same
MOST_KNOWN = 20


@transaction.atomic
def follow_alias(*, user, service: Service, alias: Alias) -> Operation | None:
    """From now on, and at once: answers the update to where the alias points, or None when the service is there already.

    An alias that was followed before is not followed any more.
    """
    require(user, Permission.SERVICE_WRITE, service.group)
    if alias.model.group_id != service.group_id:
        raise Conflict(
            _("%(alias)s belongs to another resource group.") % {"alias": alias}, code="OtherGroup", details=[_at("alias", str(alias))]
        )
    alias, service = hold_alias(alias), plans.hold_service(service)
    base = plans.wanted_revision(service)
    if base is None or not base.image.manifest.uses.filter(version__model=alias.model_id).exists():
        raise ValidationError({"alias": _("%(service)s does not use the model %(model)s.") % {"service": service, "model": alias.model}})
    following, created = Following.objects.get_or_create(service=service, defaults={"alias": alias, "created_by": user})
    if not created:
        _call_off(following, told("%(service)s follows %(alias)s now.", service=service, alias=alias))
        following.alias, following.paused, following.trouble = alias, False, ""
        following.save()
    record(user, EventTag.SERVICE_FOLLOWING, service, alias=str(alias), change="started")
    return _catch_up(user, following)


@transaction.atomic
def catch_up(*, user, service: Service) -> Operation | None:
    """Ends a pause, and begins the update again that failed or was passed by; None when the service is where the alias points."""
    following = _held(user, service)
    if following.paused:
        following.paused = False
        following.save(update_fields=["paused"])
        record(user, EventTag.SERVICE_FOLLOWING, following.service, alias=str(following.alias), change="resumed")
    return _catch_up(user, following)


@transaction.atomic
def pause_following(*, user, service: Service) -> Following:
    """The alias may be moved and the service stays; an update that is under way is called off."""
    following = _held(user, service)
    following.paused, following.trouble = True, ""
    following.save(update_fields=["paused", "trouble"])
    _call_off(following, told("%(service)s does not follow %(alias)s for now.", service=following.service, alias=following.alias))
    record(user, EventTag.SERVICE_FOLLOWING, following.service, alias=str(following.alias), change="paused")
    return following


@transaction.atomic
def stop_following(*, user, service: Service) -> None:
    """What serves goes on serving; an update that is under way is called off."""
    following = _held(user, service)
    _call_off(following, told("%(service)s does not follow %(alias)s any more.", service=following.service, alias=following.alias))
    record(user, EventTag.SERVICE_FOLLOWING, following.service, alias=str(following.alias), change="ended")
    following.delete()


def update_followers(*, user, alias: Alias) -> None:
    """The alias was moved, in the transaction around this. Moving it deploys, so it needs the right to deploy."""
    following = (
        Following.objects.filter(alias=alias, paused=False, service__deleting=False).select_related("service").order_by("service_id")
    )
    following = list(following)
    if following and not allows(user, Permission.SERVICE_WRITE, alias.model.group):
        names = ", ".join(sorted(one.service.name for one in following))
        raise NotAllowed(
            _(
                "Moving %(alias)s updates %(names)s, which needs the right to deploy. Somebody who has it can move it, or pause the following."
            )
            % {"alias": alias, "names": names},
            details=[{"code": "MissingPermission", "message": Permission.SERVICE_WRITE, "field": ""}],
        )
    for one in following:
        one.service, one.alias = plans.hold_service(one.service), alias
        _catch_up(user, one)


def _held(user, service: Service) -> Following:
    require(user, Permission.SERVICE_WRITE, service.group)
    following = Following.objects.select_related("alias").filter(service=service).first()
    if following is None:
        raise NotFound(_("%(service)s follows no alias.") % {"service": service})
    following.alias, following.service = hold_alias(following.alias), plans.hold_service(service)
    return following


def _call_off(following: Following, why: str) -> None:
    for operation in following.unfinished():
        call_off(operation, why)


def _catch_up(user, following: Following) -> Operation | None:
    service, alias = following.service, following.alias
    for operation in following.unfinished().select_related("image"):
        if operation.image is not None and operation.image.manifest.uses.filter(version=alias.version).exists():
            return operation
        call_off(operation, told("%(alias)s points at %(version)s now.", alias=alias, version=alias.version))
    base = plans.wanted_revision(service)
    try:
        with transaction.atomic():
            manifest = _manifest(user, base, alias)
            operation = manifest and _begin(user, following, manifest, base.image.name)
        trouble = ""
    except (ValidationError, BadRequest, Conflict) as error:
        # The alias is moved all the same: it is a fact about the model. That the service could not follow is told with it.
        operation, trouble = None, " ".join(error.messages) if isinstance(error, ValidationError) else error.message
    if trouble != following.trouble:
        following.trouble = trouble[:500]
        following.save(update_fields=["trouble"])
    if operation:
        record(user, EventTag.SERVICE_UPDATED, service, fields=["image"], image=str(operation.image), alias=str(alias))
    return operation


def _begin(user, following: Following, manifest: Manifest, name: str) -> Operation:
    """The rollout of an image that was built before, so that moving an alias back takes no build; else the build, which it follows."""
    service, note = following.service, f"{following.alias} points at {following.alias.version}"
    for image in manifest.images.built().filter(name=name).order_by("-number"):
        try:
            plans.check_image(image, service.environment)
        except (ValidationError, Conflict):
            continue  # it lies on another engine, or is of another kind
        operation = plans.plan_revision(user=user, service=service, image=image, note=note, following=following)
        tasks.ring_after_commit(operation)
        return operation
    return create_image(
        user=user,
        group=service.group,
        manifest=manifest,
        environment=service.environment,
        name=name,
        then={"service": str(service.pk), "note": note},
        following=following,
    )


def _manifest(user, base: Revision | None, alias: Alias) -> Manifest | None:
    """The recipe with the alias's version in the place of its model's; None when it is in it already."""
    if base is None:
        raise Conflict("It has no image yet.")
    old = base.image.manifest
    versions = [use.version for use in old.uses.select_related("version__model__group")]
    if alias.version in versions:
        return None
    places = [place for place, version in enumerate(versions) if version.model_id == alias.model_id]
    if len(places) != 1:
        said = "does not use" if not places else "uses several versions of"
        raise Conflict(f"Its manifest {old} {said} the model {alias.model}.")
    versions[places[0]] = alias.version
    known = Manifest.objects.filter(group=old.group, name=old.name, uses__version=alias.version).order_by("-number")[:MOST_KNOWN]
    return next((one for one in known if _says(one) == _says(old, versions)), None) or copy_manifest(
        user=user, manifest=old, models=versions
    )


def _says(manifest: Manifest, versions: list[ModelVersion] | None = None) -> tuple:
    """What a manifest's images are made of."""
    files = sorted(manifest.files.values_list("role", "path", "asset"))
    used = [version.pk for version in versions] if versions else list(manifest.uses.values_list("version", flat=True))
    return manifest.runtime, manifest.python, files, used


def _at(field: str, message: str) -> dict:
    return {"code": "Conflict", "message": message, "field": field}
