"""Manifests that are being written: one person's, for a while."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from portal.accounts.permissions import scoped


class ManifestDraft(models.Model):
    """What stands in the form, as JSON text: people may write what no database keeps as JSON. Nobody else sees it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    group = models.ForeignKey("accounts.ResourceGroup", on_delete=models.CASCADE, related_name="manifest_drafts")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="manifest_drafts")
    name = models.CharField(max_length=64, blank=True)
    content = models.TextField()
    updated_at = models.DateTimeField(auto_now=True)
    expires_at = models.DateTimeField(db_index=True)

    objects = scoped("group").as_manager()

    class Meta:
        ordering = ["-updated_at"]

    def __str__(self) -> str:
        return self.name or "a manifest"
