"""What is worth remembering, by tag; written in the transaction of the change."""

from __future__ import annotations

from enum import StrEnum

from portal.accounts.models import Event
from portal.middleware import current_request_id


class EventTag(StrEnum):
    ALIAS_MOVED = "alias.moved"
    ALIAS_REMOVED = "alias.removed"
    CODES_MADE = "codes.made"
    COLLECTED_DELETED = "collected.deleted"
    COLLECTED_DOWNLOADED = "collected.downloaded"
    ENVIRONMENT_CREATED = "environment.created"
    ENVIRONMENT_DELETED = "environment.deleted"
    ENVIRONMENT_UPDATED = "environment.updated"
    FACTOR_ADDED = "factor.added"
    FACTOR_REMOVED = "factor.removed"
    GROUP_CREATED = "group.created"
    IMAGE_DELETED = "image.deleted"
    IMAGE_RECORDED = "image.recorded"
    IMAGE_REQUESTED = "image.requested"
    KEY_REGENERATED = "key.regenerated"
    KEY_SESSION = "key.session"
    KEY_STOPPED = "key.stopped"
    MANIFEST_CREATED = "manifest.created"
    MANIFEST_DELETED = "manifest.deleted"
    MEMBER_ADDED = "member.added"
    MEMBER_CHANGED = "member.changed"
    MEMBER_REMOVED = "member.removed"
    MODEL_CHANGED = "model.changed"
    MODEL_DELETED = "model.deleted"
    MODEL_REGISTERED = "model.registered"
    OPERATION_APPROVED = "operation.approved"
    OPERATION_CANCELLED = "operation.cancelled"
    OPERATION_REJECTED = "operation.rejected"
    SERVICE_CREATED = "service.created"
    SERVICE_DELETED = "service.deleted"
    SERVICE_FOLLOWING = "service.following"
    SERVICE_STARTED = "service.started"
    SERVICE_STOPPED = "service.stopped"
    SERVICE_UNHEALTHY = "service.unhealthy"
    SERVICE_UPDATED = "service.updated"
    SESSION_ENDED = "session.ended"
    SUPPORT_DOWNLOADED = "support.downloaded"
    TOKEN_ISSUED = "token.issued"
    TOKEN_REVOKED = "token.revoked"
    USER_CREATED = "user.created"


def record(user, tag: EventTag, subject=None, *, group=None, **data) -> Event:
    """One line: who did what to what. `data` holds no secret; the subject may be deleted later, its label stays."""
    if group is None and subject is not None:
        group = getattr(subject, "group", None)
    return Event.objects.create(
        group=group,
        actor=user if user is not None and user.pk else None,
        actor_label=str(user) if user is not None else "system",
        tag=tag,
        subject_type=subject._meta.model_name if subject is not None else "",
        subject_id=str(subject.pk) if subject is not None and subject.pk else "",
        subject_label=str(subject)[:200] if subject is not None else "",
        data=data,
        request_id=current_request_id.get(),
    )
