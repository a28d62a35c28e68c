"""A model is a name with numbered versions; a version is a tree of paths to bytes."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.accounts.permissions import ScopedQuerySet, scoped
from portal.names import name_validators


class RegisteredModel(models.Model):
    """The name. Registering it again makes the next version."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    group = models.ForeignKey("accounts.ResourceGroup", on_delete=models.PROTECT, related_name="models")
    name = models.CharField(max_length=32, validators=name_validators)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["group", "name"], name="one_model_per_name")]

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    """A word on a model version; the original's `--tag`."""

    version = models.ForeignKey("registry.ModelVersion", on_delete=models.CASCADE, related_name="tags")
    word = models.CharField(max_length=64, db_index=True)

    class Meta:
        ordering = ["word"]
        constraints = [models.UniqueConstraint(fields=["version", "word"], name="one_tag_per_word")]

    def __str__(self) -> str:
        return self.word


class ModelVersion(models.Model):
    """Written once: its files, number and digest never change. Description and tags may."""

    class Kind(models.TextChoices):
        FILE = "file", _("File")
        FOLDER = "folder", _("Folder")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    #: its model's group, kept here too: lists are by group and newest first, and need one index for both
    group = models.ForeignKey("accounts.ResourceGroup", on_delete=models.PROTECT, related_name="model_versions")
    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="versions")
    #: its model's name, which never changes
    name = models.CharField(max_length=32, editable=False)
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=Kind.choices)
    #: the file's or folder's own name, which is its path beside score.py in an image
    root = models.CharField(max_length=255)
    description = models.TextField(max_length=20_000, blank=True)
    framework = models.CharField(max_length=64, blank=True)
    #: sha256 over the sorted (path, sha256) lines; the same content has the same digest
    digest = models.CharField(max_length=71, db_index=True)
    size = models.BigIntegerField()
    file_count = models.PositiveIntegerField()
    #: what is searched: name, framework, description and tags in one lower-case text, so that a list of all asks one column
    words = models.TextField(blank=True, default="", editable=False)
    #: how many manifests use it; `registry.usage.count_manifests` keeps it true
    manifest_count = models.PositiveIntegerField(default=0, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    #: the person's name then, as in the audit log; it stays when the person goes
    registered_by = models.CharField(max_length=150, blank=True, default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["model__name", "-number"]
        constraints = [models.UniqueConstraint(fields=["model", "number"], name="one_version_per_number")]
        indexes = [
            models.Index(fields=["group", "-created_at", "id"], name="versions_newest_first"),
            models.Index(fields=["group", "size"], name="versions_by_size"),
            models.Index(fields=["group", "framework"], name="versions_by_framework"),
            models.Index(fields=["group", "name", "-number"], name="versions_by_name"),
            models.Index(fields=["group", "manifest_count", "created_at", "-id"], name="versions_by_use"),
            models.Index(fields=["group", "registered_by", "-created_at", "id"], name="versions_by_person"),
        ]

    def __str__(self) -> str:
        return f"{self.name}:{self.number}"

    def gather_words(self, tags: Iterable[str]) -> None:
        """For whoever changes one of them; saving is the caller's."""
        self.words = "\n".join([self.name, self.framework, self.description, *tags]).lower()


class Alias(models.Model):
    """A word that points at one version of a model and can be moved: `iris@champion`."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="aliases")
    name = models.CharField(max_length=32, validators=name_validators)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="aliases")
    moved_at = models.DateTimeField(auto_now=True)
    moved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = scoped("model__group").as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["model", "name"], name="one_alias_per_name")]

    def __str__(self) -> str:
        return f"{self.model.name}@{self.name}"


class Card(models.Model):
    """The model card of a version: Markdown, apart from the version so that lists do not carry it."""

    version = models.OneToOneField(ModelVersion, on_delete=models.CASCADE, related_name="card")
    text = models.TextField(max_length=256 * 1024)

    def __str__(self) -> str:
        return f"the card of {self.version}"


class ModelFile(models.Model):
    """One file of a version; `path` is relative to the version's root ("" never occurs: a single file has its own name)."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=512)
    asset = models.ForeignKey("registry.Asset", on_delete=models.PROTECT, related_name="model_files")

    class Meta:
        ordering = ["path"]
        constraints = [models.UniqueConstraint(fields=["version", "path"], name="one_file_per_path")]

    def __str__(self) -> str:
        return self.path

    @property
    def app_path(self) -> str:
        """Where it lies in an image, relative to the working directory."""
        return self.path if self.version.kind == ModelVersion.Kind.FILE else f"{self.version.root}/{self.path}"
