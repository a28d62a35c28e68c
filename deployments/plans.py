"""Writes what is wanted: services, revisions and the operations that will bring them about. Rings no bell.

Actions call these after they asked permission; `deployments.work` calls them for
what follows an operation. Everything is checked before the first row is written.
"""

from __future__ import annotations

import re
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from deployments import engines
from deployments.collected.rules import clean_rules
from deployments.models import Environment, Following, Operation, Revision, Service, ServiceKey
from deployments.quantities import show_memory
from portal import keys
from portal.accounts.events import EventTag, record
from portal.errors import Conflict
from registry.models import Image

#: what a rollout is made of; changing one of these makes a new revision
REVISION_FIELDS = ("cpu", "memory", "gpus", "workers", "collect_data", "collect_rules", "batching", "timeout")

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?")


def clean_origins(origins) -> list[str]:
    """Sorted and without doubles; anything that is not an origin is refused, since these end in the gateway's configuration."""
    for origin in origins or []:
        if not isinstance(origin, str) or not _ORIGIN.fullmatch(origin):
            raise ValidationError(
                {
                    "allowed_origins": _("%(origin)r is not an origin. Write it like https://app.example.org, without a path.")
                    % {"origin": origin}
                }
            )
    return sorted(set(origins or []))


#: what a field's value must pass before it is set
CLEANERS = {"allowed_origins": clean_origins, "collect_rules": clean_rules}


def check_size(environment: Environment, *, replicas: int, cpu: float, memory: int, gpus: int = 0) -> None:
    """Raises ValidationError with every limit of the environment that is passed."""
    found = {}
    if not 1 <= replicas <= environment.max_replicas:
        found["replicas"] = f"Choose 1 to {environment.max_replicas} replicas: that is the limit of the environment {environment}."
    if not 0.1 <= cpu <= environment.max_cpu:
        found["cpu"] = f"Choose 0.1 to {environment.max_cpu:g} cores: that is the limit of the environment {environment}."
    if not 64 * 2**20 <= memory <= environment.max_memory:
        found["memory"] = f"Choose 64Mi to {show_memory(environment.max_memory)}: that is the limit of the environment {environment}."
    if gpus and not environment.offers_gpus:
        found["gpus"] = (
            f"The environment {environment} offers no GPUs. Where its engine has an NVIDIA runtime, test the connection again; else choose 0."
        )
    if found:
        raise ValidationError(found)


def check_image(image: Image, environment: Environment) -> None:
    """The image is built, of the environment's group, in a format it runs, and where its engine can reach it."""
    if image.group_id != environment.group_id:
        raise Conflict(
            _("%(image)s and %(environment)s belong to different resource groups.") % {"image": image, "environment": environment},
            details=[_at("image", _("Choose an image of this group."))],
        )
    if not image.is_built:
        raise Conflict(_("%(image)s is not built yet.") % {"image": image}, details=[_at("image", _("Wait for its build to end."))])
    needed = engines.image_format(environment.target)
    if image.format != needed:
        words = dict(Image.Format.choices)
        message = _("%(environment)s cannot run %(image)s: it runs a %(needed)s, and the image is a %(format)s.") % {
            "environment": environment,
            "image": image,
            "needed": words[needed].lower(),
            "format": words[image.format].lower(),
        }
        raise ValidationError(
            {
                "image": _("%(message)s Build the manifest %(manifest)s again for this environment.")
                % {"message": message, "manifest": image.manifest}
            }
        )
    if image.held_by and image.held_by != environment.pk:
        holder = Environment.objects.filter(pk=image.held_by).first()
        if holder is None or holder.target != environment.target:
            raise ValidationError(
                {
                    "image": _("%(image)s lies on another engine than %(environment)s's. Build it here, or set up a registry.")
                    % {"image": image, "environment": environment}
                }
            )


def _at(field: str, message: str) -> dict:
    return {"code": "Conflict", "message": message, "field": field}


def new_key(service: Service, slot: str, user, *, grace: timedelta | None = None) -> str:
    """Replaces the key of a slot; the value is returned this once. With `grace` the old value goes on for that long.

    A value that was replaced before it stops now.
    """
    new = keys.make(keys.SERVICE)
    ServiceKey.objects.filter(service=service, slot=f"{slot}-old").delete()
    replaced = ServiceKey.objects.filter(service=service, slot=slot)
    if grace:
        replaced.update(slot=f"{slot}-old", expires_at=timezone.now() + grace)
    else:
        replaced.delete()
    ServiceKey.objects.create(service=service, slot=slot, key_id=new.key_id, hash=new.hash, last_four=new.last_four, created_by=user)
    return new.value


def plan_service(*, user, group, name: str, environment: Environment, **fields) -> tuple[Service, dict[str, str]]:
    """The service row and its two keys, with nothing running yet."""
    if environment.group_id != group.pk:
        raise Conflict(
            _("%(environment)s belongs to another resource group.") % {"environment": environment},
            details=[_at("environment", _("Choose an environment of this group."))],
        )
    fields["allowed_origins"] = clean_origins(fields.get("allowed_origins"))
    fields["collect_rules"] = clean_rules(fields.get("collect_rules") or [])
    service = Service(group=group, name=name, environment=environment, created_by=user, **fields)
    service.clean_fields(exclude=["created_by"])
    check_size(environment, replicas=service.replicas, cpu=service.cpu, memory=service.memory, gpus=service.gpus)
    if Service.objects.select_for_update().filter(group=group, name=name).exists():
        raise Conflict(
            _("A service called %(name)s exists already.") % {"name": name},
            code="NameTaken",
            details=[_at("name", "Choose another name, or update that service.")],
        )
    service.save()
    values = {slot: new_key(service, slot, user) for slot in (ServiceKey.Slot.PRIMARY, ServiceKey.Slot.SECONDARY)}
    opened = {"open_page": True} if service.open_page else {}
    record(user, EventTag.SERVICE_CREATED, service, environment=environment.name, **opened)
    return service, {str(slot): value for slot, value in values.items()}


def hold_service(service: Service) -> Service:
    """Its row, locked until the transaction around this ends; refuses what is being deleted."""
    held = Service.objects.select_for_update(of=("self",)).select_related("group", "environment").get(pk=service.pk)
    if held.deleting:
        raise Conflict(_("%(held)s is being deleted.") % {"held": held}, code="Deleting")
    return held


def wanted_revision(service: Service) -> Revision | None:
    """The newest that serves or is on its way to; what waits for a decision is not wanted yet. Without any, the newest there was."""
    rows = service.revisions.select_related("image__manifest__group").order_by("-number")
    coming = (Operation.State.NOT_STARTED, Operation.State.RUNNING, Operation.State.SUCCEEDED)
    alive = (Revision.State.PENDING, Revision.State.ROLLING, Revision.State.SERVING)
    for revision in rows.filter(state__in=alive):
        if revision.state == Revision.State.SERVING or revision.operations.filter(state__in=coming).exists():
            return revision
    return rows.first()


def plan_revision(
    *,
    user,
    service: Service,
    image: Image,
    note: str = "",
    follows: Operation | None = None,
    following: Following | None = None,
) -> Operation:
    """The next revision and the operation that rolls it out."""
    check_image(image, service.environment)
    last = Revision.objects.select_for_update().filter(service=service).order_by("-number").first()
    revision = Revision.objects.create(
        service=service,
        number=(last.number if last else 0) + 1,
        image=image,
        created_by=user,
        note=note,
        **{field: getattr(service, field) for field in REVISION_FIELDS},
    )
    Service.objects.filter(pk=service.pk).exclude(trouble="").update(trouble="")
    return plan_rollout(
        user=user,
        service=service,
        revision=revision,
        label=f"{service} revision {revision.number} ({image})",
        follows=follows,
        following=following,
    )


def plan_rollout(
    *,
    user,
    service: Service,
    revision: Revision | None = None,
    label: str,
    kind: str = Operation.Kind.SERVICE,
    follows: Operation | None = None,
    following: Following | None = None,
) -> Operation:
    return Operation.objects.create(
        group=service.group,
        kind=kind,
        label=label,
        service=service,
        revision=revision,
        image=revision.image if revision else None,
        environment=service.environment,
        created_by=user,
        follows=follows,
        following=following,
    )


def check_changes(service: Service, changes: dict) -> None:
    """Sets them on the row in memory and refuses what the service or its environment cannot have."""
    for field, value in changes.items():
        setattr(service, field, CLEANERS[field](value) if field in CLEANERS else value)
    service.clean_fields(exclude=["created_by"])
    check_size(service.environment, replicas=service.replicas, cpu=service.cpu, memory=service.memory, gpus=service.gpus)


@transaction.atomic
def follow_up(operation: Operation) -> Operation | None:
    """After an image: the rollout that the one-step call asked for, on the service it has made already."""
    service = Service.objects.filter(pk=(operation.then or {}).get("service"), deleting=False).first()
    if service is None or operation.image is None:
        return None
    operation.image.refresh_from_db()
    changes = operation.then.get("changes")
    if changes:
        check_changes(service, changes)
        service.save()
    return plan_revision(
        user=operation.created_by,
        service=service,
        image=operation.image,
        note=operation.then.get("note", ""),
        follows=operation,
        following=operation.following,
    )
