"""Bytes under their SHA-256, stored once, and files that are on their way in."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone
from django.utils.functional import cached_property

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


@dataclass(frozen=True, slots=True)
class Progress:
    """`size` and `offset` are bytes of all files that were begun: announced, and arrived."""

    files: int
    unfinished: int
    size: int
    offset: int
    #: one of the paths, to know the set by
    first: str


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

    @cached_property
    def progress(self) -> Progress:
        """How much of what was begun has arrived, of a set from `open_sets`; the size of each staging file is asked for."""
        return Progress(
            self.file_count,
            len(self.begun),
            self.file_size + sum(each.size for each in self.begun),
            self.file_size + sum(each.offset for each in self.begun),
            self.begun[0].path if self.begun else self.first_path,
        )


class UploadedFile(models.Model):
    """One whole, hashed file of an upload set, at a relative POSIX path."""

    upload_set = models.ForeignKey(UploadSet, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=512)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="uploads")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["path"]
        constraints = [models.UniqueConstraint(fields=["upload_set", "path"], name="one_upload_per_path")]


class ResumableUpload(models.Model):
    """One file of an upload set that may arrive in pieces (tus 1.0), today, tomorrow, from another browser.

    What has arrived is the length of its staging file, and nothing else: it is true after any crash. `asset` is set
    once, when the last byte was there and the hash was right.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    upload_set = models.ForeignKey(UploadSet, on_delete=models.CASCADE, related_name="resumable")
    path = models.CharField(max_length=512)
    size = models.BigIntegerField()
    #: what the bytes must hash to, when the sender knew it beforehand
    sha256 = models.CharField(max_length=64, blank=True)
    #: the file's own time on the sender's side, as the sender writes it: the same path with another time is another file
    modified = models.CharField(max_length=32, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    asset = models.ForeignKey(Asset, null=True, on_delete=models.PROTECT, related_name="resumed")

    class Meta:
        ordering = ["path"]
        constraints = [models.UniqueConstraint(fields=["upload_set", "path"], name="one_resumable_upload_per_path")]

    def __str__(self) -> str:
        return self.path

    @property
    def staging_path(self) -> Path:
        return Path(settings.STAGING_DIR) / f"{self.pk}.tus"

    @property
    def offset(self) -> int:
        """Bytes that have arrived."""
        if self.asset_id is not None:
            return self.size
        try:
            return self.staging_path.stat().st_size
        except FileNotFoundError:
            return 0

    def forget(self) -> None:
        """The row now, the bytes when the transaction is through."""
        path = self.staging_path
        self.delete()
        transaction.on_commit(lambda: path.unlink(missing_ok=True))
