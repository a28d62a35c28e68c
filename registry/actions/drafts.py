"""Drafts of manifests: kept while somebody writes, gone after a month or with the manifest that was made."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.permissions import Permission, require
from portal.errors import NotFound, TooLarge
from registry.models import ManifestDraft

LIFETIME = timedelta(days=30)
MOST_CHARACTERS, MOST_DRAFTS = 2 * 2**20, 20


def drafts_of(*, user, group):
    """One's own drafts in a group, newest first."""
    return ManifestDraft.objects.allowing(user, Permission.MANIFEST_WRITE).filter(user=user, group=group, expires_at__gt=timezone.now())


def find_draft(*, user, group, said: str) -> ManifestDraft:
    try:
        found = drafts_of(user=user, group=group).filter(pk=said).first()
    except (ValidationError, ValueError):
        found = None
    if found is None:
        raise NotFound(_("There is no such draft of yours; a draft is kept for 30 days."))
    return found


@transaction.atomic
def save_draft(*, user, group, content: dict[str, Any], draft: ManifestDraft | None = None) -> ManifestDraft:
    """Keeps what stands in the form; without `draft` a new one. Of more than 20 the oldest goes."""
    require(user, Permission.MANIFEST_WRITE, group)
    text = json.dumps(content)
    if len(text) > MOST_CHARACTERS:
        raise TooLarge(_("A draft has at most %(most_characters)s Mi characters.") % {"most_characters": MOST_CHARACTERS // 2**20})
    draft = draft or ManifestDraft(user=user, group=group)
    name = content.get("name")
    draft.name = name[:64].replace("\0", "") if isinstance(name, str) else ""
    draft.content, draft.expires_at = text, timezone.now() + LIFETIME
    draft.save()
    over = drafts_of(user=user, group=group).values_list("pk", flat=True)[MOST_DRAFTS:]
    ManifestDraft.objects.filter(pk__in=list(over)).delete()
    return draft


def content_of(draft: ManifestDraft) -> dict[str, Any]:
    return json.loads(draft.content)


def delete_draft(*, user, draft: ManifestDraft) -> None:
    require(user, Permission.MANIFEST_WRITE, draft.group)
    draft.delete()
