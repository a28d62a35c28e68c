"""An image is what a manifest was built into. It is completed once, when its digest is known."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.accounts.permissions import ScopedQuerySet
from portal.names import name_validators


class ImageQuerySet(ScopedQuerySet):
    def built(self) -> ImageQuerySet:
        return self.exclude(digest="")


class Image(models.Model):
    """Drafted when a build is asked for; *built* exactly when it has a digest. A failed draft is removed."""

    class Format(models.TextChoices):
        OCI = "oci", _("Container image")
        DIRECTORY = "directory", _("Folder with a virtual environment")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    group = models.ForeignKey("accounts.ResourceGroup", on_delete=models.PROTECT, related_name="images")
    name = models.CharField(max_length=32, validators=name_validators)
    number = models.PositiveIntegerField()
    description = models.TextField(max_length=20_000, blank=True)
    manifest = models.ForeignKey("registry.Manifest", on_delete=models.PROTECT, related_name="images")
    format = models.CharField(max_length=16, choices=Format.choices)
    #: the environment whose engine holds it; null once it is in a registry that everybody reaches
    held_by = models.UUIDField(null=True, blank=True)
    location = models.CharField(max_length=500, blank=True)
    digest = models.CharField(max_length=80, blank=True)
    #: what the replica says about itself: the digest in bundle.json
    bundle_digest = models.CharField(max_length=80, blank=True)
    size = models.BigIntegerField(default=0)
    platform = models.CharField(max_length=64, blank=True)
    base = models.CharField(max_length=500, blank=True)
    packages = models.JSONField(default=list, blank=True)
    probe = models.JSONField(default=dict, blank=True)
    build_seconds = models.FloatField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    built_at = models.DateTimeField(null=True, blank=True)

    objects = ImageQuerySet.as_manager()

    class Meta:
        ordering = ["name", "-number"]
        constraints = [models.UniqueConstraint(fields=["group", "name", "number"], name="one_image_per_number")]
        indexes = [
            models.Index(fields=["group", "-created_at"], name="images_newest_first"),
            models.Index(fields=["group"], condition=~models.Q(digest=""), name="built_images"),
        ]

    def __str__(self) -> str:
        return f"{self.name}:{self.number}"

    @property
    def shares_calls(self) -> bool:
        """The probe has shown that run() on the rows of several callers answers as run() on each."""
        found = self.probe.get("batching")
        return isinstance(found, dict) and found.get("verdict") == "rows"

    @property
    def documents(self) -> dict:
        """What its replicas say of their calls: {"2": Swagger, "3": OpenAPI, "own": [...]}; {} where it was not told."""
        found = self.probe.get("documents")
        return found if isinstance(found, dict) else {}

    @property
    def is_built(self) -> bool:
        return bool(self.digest)
