"""Bytes under their SHA-256, stored once, and files that are on their way in."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from portal.accounts.permissions import ScopedQuerySet


class Asset(models.Model):
    """Content-addressed, write-once bytes at `sha256/ab/<hex>` of the blob storage.

    An asset belongs to nobody: what a person may read is decided by the version,
    manifest or upload that points to it.
    """

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    #: when these bytes last arrived; what arrived lately is not swept, since a reference may follow
    stored_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.sha256[:12]


class UploadSet(models.Model):
    """Files of one person on their way into one group; closed by registering, expires by itself."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    group = models.ForeignKey("accounts.ResourceGroup", on_delete=models.CASCADE, related_name="upload_sets")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="upload_sets")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = ScopedQuerySet.as_manager()

    def __str__(self) -> str:
        return f"upload set {self.id}"

    @property
    def is_open(self) -> bool:
        return self.closed_at is None and self.expires_at > timezone.now()


class UploadedFile(models.Model):
    """One whole, hashed file of an upload set, at a relative POSIX path."""

    upload_set = models.ForeignKey(UploadSet, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=512)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="uploads")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["path"]
        constraints = [models.UniqueConstraint(fields=["upload_set", "path"], name="one_upload_per_path")]
