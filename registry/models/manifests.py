"""A manifest is the recipe of an image: models, driver, schema, dependencies, runtime. Immutable."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.accounts.permissions import ScopedQuerySet
from portal.names import name_validators


class Manifest(models.Model):
    """Written once. `service_schema` is our own JSON form, converted when the manifest was made."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    group = models.ForeignKey("accounts.ResourceGroup", on_delete=models.PROTECT, related_name="manifests")
    name = models.CharField(max_length=32, validators=name_validators)
    number = models.PositiveIntegerField()
    description = models.TextField(max_length=20_000, blank=True)
    runtime = models.CharField(max_length=16)
    python = models.CharField("Python version", max_length=8)
    #: normalised requirement lines, ready to be resolved; what was uploaded is kept as a file
    requirements = models.TextField(blank=True)
    #: notes of the parser, for the page ("azure-ml-api-sdk is left out: the runtime has it")
    requirement_notes = models.JSONField(default=list, blank=True)
    service_schema = models.JSONField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    model_versions = models.ManyToManyField("registry.ModelVersion", through="registry.ManifestModel", related_name="manifests")

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["name", "-number"]
        constraints = [models.UniqueConstraint(fields=["group", "name", "number"], name="one_manifest_per_number")]
        indexes = [models.Index(fields=["group", "-created_at"], name="manifests_newest_first")]

    def __str__(self) -> str:
        return f"{self.name}:{self.number}"

    def file(self, role: str) -> ManifestFile | None:
        return next((file for file in self.files.all() if file.role == role), None)

    @property
    def driver(self) -> ManifestFile:
        return self.file(ManifestFile.Role.DRIVER)


class ManifestModel(models.Model):
    """Which model versions a manifest uses; a version that is used cannot be deleted."""

    manifest = models.ForeignKey(Manifest, on_delete=models.CASCADE, related_name="uses")
    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="used_by")
    order = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["order"]
        constraints = [models.UniqueConstraint(fields=["manifest", "version"], name="a_manifest_uses_a_version_once")]


class ManifestFile(models.Model):
    """One file of a manifest at its path beside score.py."""

    class Role(models.TextChoices):
        DRIVER = "driver", _("Scoring file")
        SCHEMA = "schema", _("Schema")
        PIP = "pip", "requirements.txt"
        CONDA = "conda", _("Conda file")
        FILE = "file", _("Extra file")

    manifest = models.ForeignKey(Manifest, on_delete=models.CASCADE, related_name="files")
    role = models.CharField(max_length=8, choices=Role.choices)
    path = models.CharField(max_length=512)
    asset = models.ForeignKey("registry.Asset", on_delete=models.PROTECT, related_name="manifest_files")

    class Meta:
        ordering = ["role", "path"]
        constraints = [models.UniqueConstraint(fields=["manifest", "path"], name="one_manifest_file_per_path")]
