"""Requests that people keep for *Try it*: save, share, delete."""

from __future__ import annotations

import json

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from deployments.models import Service, ServiceExample
from portal.accounts.permissions import Permission, allows, require
from portal.errors import NotAllowed

MOST_CHARACTERS, MOST_EXAMPLES = 256 * 1024, 200


@transaction.atomic
def save_example(*, user, service: Service, name: str, body: str, shared: bool = False) -> ServiceExample:
    """Keeps a request body (JSON text) under a name; one's own example of that name is replaced."""
    require(user, Permission.SERVICE_SCORE, service.group)
    name, found = name.strip(), {}
    if not 1 <= len(name) <= 64 or not name.isprintable():
        found["name"] = "Give it a name of 1 to 64 characters."
    if len(body) > MOST_CHARACTERS:
        found["body"] = f"An example has at most {MOST_CHARACTERS // 1024} Ki characters."
    else:
        try:
            json.loads(body)
        except (ValueError, RecursionError) as error:
            found["body"] = f"This is not JSON: {error}"
    mine = ServiceExample.objects.filter(service=service, created_by=user)
    if not mine.filter(name=name).exists() and mine.count() >= MOST_EXAMPLES:
        found["name"] = f"You have {MOST_EXAMPLES} examples of this service. Delete one first."
    if found:
        raise ValidationError(found)
    example, _ = ServiceExample.objects.update_or_create(
        service=service, created_by=user, name=name, defaults={"body": body, "shared": shared}
    )
    return example


@transaction.atomic
def delete_example(*, user, example: ServiceExample) -> None:
    """One's own, or, with the right to change the service, any that is shared."""
    require(user, Permission.SERVICE_SCORE, example.group)
    if example.created_by_id != user.pk and not (example.shared and allows(user, Permission.SERVICE_WRITE, example.group)):
        raise NotAllowed(_("This example is %(created_by)s's.") % {"created_by": example.created_by})
    example.delete()
