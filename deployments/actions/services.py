"""Changes to services. Each writes what is desired and sends off the operation that brings it about."""

from __future__ import annotations

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from deployments import plans, tasks
from deployments.actions.operations import call_off
from deployments.models import Environment, Operation, Revision, Service, ServiceKey
from portal import keys
from portal.accounts.events import EventTag, record
from portal.accounts.permissions import Permission, require
from portal.errors import BadRequest, Conflict, NotFound
from portal.told import told
from registry.models import Image

SESSION_MINUTES = 15
MOST_GRACE_HOURS = 7 * 24
#: what a person may change on a service without a new image
SIZE_FIELDS = ("replicas", "cpu", "memory", "gpus", "workers", "collect_data", "collect_rules", "batching", "timeout")
FREE_FIELDS = ("description", "contact", "access", "allowed_origins", "collect_days", "open_page")


@transaction.atomic
def create_service(*, user, group, name: str, image: Image, environment: Environment, **fields) -> tuple[Operation, dict[str, str]]:
    """The operation that rolls it out and, this once, the values of its two keys ({"primary": …, "secondary": …})."""
    require(user, Permission.SERVICE_WRITE, group)
    plans.check_image(image, environment)
    service, values = plans.plan_service(user=user, group=group, name=name, environment=environment, **fields)
    operation = plans.plan_revision(user=user, service=service, image=image)
    tasks.ring_after_commit(operation)
    return operation, values


@transaction.atomic
def update_service(*, user, service: Service, image: Image | None = None, note: str = "", **changes) -> Operation | None:
    """Another image, another size, other rules; what is left out stays. URL and keys never change.

    A new image, CPU, memory, collection or time limit makes a revision; another number
    of replicas only scales. None when nothing has to be rolled out.
    """
    require(user, Permission.SERVICE_WRITE, service.group)
    service = plans.hold_service(service)
    unknown = set(changes) - set(SIZE_FIELDS) - set(FREE_FIELDS)
    if unknown:
        raise BadRequest(_("%(unknown)s cannot be changed.") % {"unknown": sorted(unknown)[0]}, field=sorted(unknown)[0])
    changes = {field: value for field, value in changes.items() if value is not None}
    before = {field: getattr(service, field) for field in changes}
    plans.check_changes(service, changes)
    service.save()
    changed = {field for field in changes if before[field] != changes[field]}
    serving = service.revisions.filter(state=Revision.State.SERVING).first()
    operation = None
    if image is not None:
        for begun in Operation.objects.filter(following__service=service).exclude(state__in=Operation.FINISHED):
            call_off(begun, told("%(service)s is updated to %(image)s by hand.", service=service, image=image))
    if image is not None or changed & set(plans.REVISION_FIELDS):
        wanted = image or plans.wanted_revision(service).image
        operation = plans.plan_revision(user=user, service=service, image=wanted, note=note)
    elif "replicas" in changed and serving and not service.stopped:
        operation = plans.plan_rollout(
            user=user, service=service, revision=serving, label=f"{service}: {before['replicas']} to {service.replicas} replicas"
        )
    opened = {"open_page": service.open_page} if "open_page" in changed else {}
    record(user, EventTag.SERVICE_UPDATED, service, fields=sorted(changed), image=str(image) if image else "", **opened)
    if operation:
        tasks.ring_after_commit(operation)
    if changed & set(FREE_FIELDS):
        tasks.sync_gateway.delay_on_commit()
    return operation


@transaction.atomic
def _set_stopped(*, user, service: Service, stopped: bool, tag: EventTag, label: str) -> Operation:
    require(user, Permission.SERVICE_WRITE, service.group)
    service = plans.hold_service(service)
    service.stopped = stopped
    service.save(update_fields=["stopped", "updated_at"])
    serving = service.revisions.filter(state=Revision.State.SERVING).first()
    if not stopped:
        # An update that came while it was stopped waits for this.
        serving = service.revisions.filter(state=Revision.State.PENDING).order_by("-number").first() or serving
    if serving is None and not stopped:
        raise Conflict(
            _("%(service)s has no revision that could serve. Update it to an image.") % {"service": service}, code="NothingToStart"
        )
    operation = plans.plan_rollout(user=user, service=service, revision=serving, label=label)
    record(user, tag, service)
    tasks.ring_after_commit(operation)
    return operation


def stop_service(*, user, service: Service) -> Operation:
    """Keeps URL and keys; callers get 503 `stopped`."""
    return _set_stopped(user=user, service=service, stopped=True, tag=EventTag.SERVICE_STOPPED, label=f"stop {service}")


def start_service(*, user, service: Service) -> Operation:
    return _set_stopped(user=user, service=service, stopped=False, tag=EventTag.SERVICE_STARTED, label=f"start {service}")


@transaction.atomic
def delete_service(*, user, service: Service) -> Operation:
    """Callers get 404 at once; replicas and the row go through the operation."""
    require(user, Permission.SERVICE_DELETE, service.group)
    service = plans.hold_service(service)
    service.deleting = True
    service.save(update_fields=["deleting", "updated_at"])
    for waiting in service.operations.filter(state__in=[Operation.State.NOT_STARTED, Operation.State.WAITING]):
        waiting.cancel()
    operation = plans.plan_rollout(user=user, service=service, label=f"delete {service}", kind=Operation.Kind.DELETE)
    record(user, EventTag.SERVICE_DELETED, service)
    tasks.ring_after_commit(operation)
    tasks.sync_gateway.delay_on_commit()
    return operation


@transaction.atomic
def regenerate_key(*, user, service: Service, slot: str, grace_hours: int = 0) -> str:
    """A new primary or secondary key, shown this once; the other key goes on.

    The old value stops at once, or after `grace_hours` (at most a week).
    """
    require(user, Permission.KEY_WRITE, service.group)
    _refuse_other_slots(slot)
    if not 0 <= grace_hours <= MOST_GRACE_HOURS:
        raise ValidationError({"grace_hours": _("Choose 0 to %(most_grace_hours)s hours.") % {"most_grace_hours": MOST_GRACE_HOURS}})
    value = plans.new_key(service, slot, user, grace=timedelta(hours=grace_hours) if grace_hours else None)
    record(user, EventTag.KEY_REGENERATED, service, slot=str(slot), grace_hours=grace_hours)
    tasks.sync_gateway.delay_on_commit()
    return value


@transaction.atomic
def stop_old_key(*, user, service: Service, slot: str) -> None:
    """Ends the time that a replaced primary or secondary key was given; callers that still use it get 401."""
    require(user, Permission.KEY_WRITE, service.group)
    _refuse_other_slots(slot)
    if not service.keys.filter(slot=f"{slot}-old").delete()[0]:
        raise NotFound(_("No old %(slot)s key of %(service)s is in use.") % {"slot": slot, "service": service})
    record(user, EventTag.KEY_STOPPED, service, slot=str(slot))
    tasks.sync_gateway.delay_on_commit()


def _refuse_other_slots(slot: str) -> None:
    if slot not in (ServiceKey.Slot.PRIMARY, ServiceKey.Slot.SECONDARY):
        raise ValidationError({"slot": _("Choose primary or secondary.")})


@transaction.atomic
def session_key(*, user, service: Service) -> str:
    """A person's key for *Try it*: one service, a quarter of an hour."""
    require(user, Permission.SERVICE_SCORE, service.group)
    new = keys.make(keys.SESSION)
    ServiceKey.objects.filter(service=service, slot=ServiceKey.Slot.SESSION, expires_at__lt=timezone.now()).delete()
    ServiceKey.objects.create(
        service=service,
        slot=ServiceKey.Slot.SESSION,
        user=user,
        created_by=user,
        key_id=new.key_id,
        hash=new.hash,
        last_four=new.last_four,
        expires_at=timezone.now() + timedelta(minutes=SESSION_MINUTES),
    )
    record(user, EventTag.KEY_SESSION, service, key_id=new.key_id)
    tasks.sync_gateway.delay_on_commit()
    return new.value
