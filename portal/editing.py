"""Two people at one thing: how both doors notice that it changed since somebody read it, and who changed it.

A page keeps a mark of each field that it showed; REST gives all of them one tag, as `ETag`.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import datetime
from hashlib import blake2s
from typing import Any

from django.db import models, transaction

from portal.accounts.events import EventTag
from portal.accounts.models import Event
from portal.accounts.permissions import Permission
from portal.errors import PreconditionFailed

#: the events that tell of a change to what people can edit
CHANGES = [
    *(EventTag.MODEL_REGISTERED, EventTag.MODEL_CHANGED, EventTag.ENVIRONMENT_CREATED, EventTag.ENVIRONMENT_UPDATED),
    *(EventTag.SERVICE_CREATED, EventTag.SERVICE_UPDATED, EventTag.SERVICE_STARTED, EventTag.SERVICE_STOPPED, EventTag.SERVICE_DELETED),
]


def mark_of(value: object) -> str:
    """Equal for what looks equal on a page: a browser sends other line ends, and no False."""
    text = "" if value in (None, False) else "on" if value is True else str(value)
    return _hash(text.replace("\r\n", "\n").strip())


def tag_of(values: dict[str, Any]) -> str:
    """One short word for all values; with its quotation marks, as HTTP writes it."""
    return f'"{_hash(json.dumps(values, sort_keys=True, default=str))}"'


def _hash(text: str) -> str:
    return blake2s(text.encode(), digest_size=6).hexdigest()


def last_change(user, row: models.Model) -> Event | None:
    """The newest change of a row that this person may know of."""
    seen = Event.objects.allowing(user, Permission.EVENT_READ)
    return seen.filter(subject_type=row._meta.model_name, subject_id=str(row.pk), tag__in=CHANGES).order_by("-pk").first()


@contextmanager
def held(row: models.Model):
    """A transaction in which the second of two who write at once waits, and then sees what the first has written."""
    with transaction.atomic():
        type(row)._base_manager.select_for_update().filter(pk=row.pk).first()
        yield


def changed_meanwhile(row: models.Model, tag: str, last: tuple[str, datetime] | None) -> PreconditionFailed:
    """The refusal: who changed it last, when, and the tag that it has now."""
    message, details = f"{row} was changed after you read it. Read it again.", []
    if last is not None:
        who, at = last[0], f"{last[1]:%Y-%m-%dT%H:%M:%SZ}"
        message = f"{row} was changed after you read it, last by {who} at {at}. Read it again."
        details = [
            {"code": "ChangedBy", "message": who, "field": ""},
            {"code": "ChangedAt", "message": at, "field": ""},
        ]
    return PreconditionFailed(message, details=details, headers={"ETag": tag})
