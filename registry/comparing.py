"""Two versions side by side: what differs, and nothing else."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

from django.db import models

from registry.models import Card, Manifest, ModelFile, ModelVersion
from registry.storage import read_asset

#: texts up to this size are compared line by line
MOST_DIFF_BYTES = 256 * 1024
MOST_DIFF_LINES = 2000


@dataclass(frozen=True, slots=True)
class Change:
    what: str
    before: object = None
    after: object = None


@dataclass(frozen=True, slots=True)
class FileChange:
    path: str
    before_file: ModelFile | None
    after_file: ModelFile | None

    @property
    def change(self) -> str:
        if self.before_file is None:
            return "added"
        return "removed" if self.after_file is None else "changed"


@dataclass(frozen=True, slots=True)
class Comparison:
    before: ModelVersion
    after: ModelVersion
    facts: list[Change] = field(default_factory=list)
    schema: list[Change] = field(default_factory=list)
    files: list[FileChange] = field(default_factory=list)
    unchanged_files: int = 0
    #: a unified diff, without its two head lines
    card: list[str] = field(default_factory=list)


def compare(before: ModelVersion, after: ModelVersion) -> Comparison:
    """With as many questions for the two as for one."""
    models.prefetch_related_objects([before, after], "tags", "aliases")
    schema = Manifest.objects.filter(uses__version=models.OuterRef("pk"), service_schema__isnull=False).order_by("-created_at")
    asked = ModelVersion.objects.order_by().filter(pk__in=[before.pk, after.pk])
    asked = asked.annotate(written=models.F("card__text"), schema=models.Subquery(schema.values("service_schema")[:1]))
    told = {pk: (written or "", found) for pk, written, found in asked.values_list("pk", "written", "schema")}
    (old_card, old_schema), (new_card, new_schema) = told[before.pk], told[after.pk]
    files, unchanged = _files(before, after)
    return Comparison(before, after, _facts(before, after), _schema(old_schema, new_schema), files, unchanged, _diff(old_card, new_card))


def card_of(version: ModelVersion) -> str:
    return Card.objects.filter(version=version).values_list("text", flat=True).first() or ""


def _facts(before: ModelVersion, after: ModelVersion) -> list[Change]:
    def told(version: ModelVersion) -> dict[str, object]:
        return {
            "name": version.name,
            "kind": version.kind,
            "root": version.root,
            "framework": version.framework,
            "size": version.size,
            "fileCount": version.file_count,
            "description": version.description,
            "tags": [tag.word for tag in version.tags.all()],
            "aliases": [alias.name for alias in version.aliases.all()],
            "digest": version.digest,
        }

    old, new = told(before), told(after)
    return [Change(key, old[key], new[key]) for key in old if old[key] != new[key]]


def _files(before: ModelVersion, after: ModelVersion) -> tuple[list[FileChange], int]:
    old, new = {}, {}
    for file in ModelFile.objects.filter(version__in=[before, after]).select_related("asset", "version").order_by("path"):
        (old if file.version_id == before.pk else new)[file.path] = file
    if before.pk == after.pk:
        new = old
    if before.kind == after.kind == ModelVersion.Kind.FILE and len(old) == len(new) == 1:
        # A single file may be called otherwise each time; it is the model all the same.
        old = {next(iter(new)): next(iter(old.values()))}
    changed = [
        FileChange(path, old.get(path), new.get(path))
        for path in sorted({*old, *new})
        if path not in old or path not in new or old[path].asset_id != new[path].asset_id
    ]
    return changed, len({*old, *new}) - len(changed)


def _schema(before: dict | None, after: dict | None) -> list[Change]:
    """Of the newest manifest with a schema that uses each version; fields by their path."""
    old, new = _fields(before), _fields(after)
    if not old or not new:
        return []  # one of them has none yet, which is no difference of the model
    return [Change(path, old.get(path), new.get(path)) for path in sorted({*old, *new}) if old.get(path) != new.get(path)]


def _fields(schema: object, path: str = "") -> dict[str, object]:
    """{"input.data.age": "int"}: the leaves, by where they are."""
    if isinstance(schema, dict) and schema:
        return {key: value for name, part in schema.items() for key, value in _fields(part, f"{path}.{name}".strip(".")).items()}
    return {path: schema} if path else {}


def text_diff(change: FileChange) -> list[str]:
    """The lines that differ between two texts; empty when one of them is no text, or too long."""
    texts = []
    for file in (change.before_file, change.after_file):
        if file is not None and file.asset.size > MOST_DIFF_BYTES:
            return []
        data = read_asset(file.asset) if file is not None else b""
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return []
        if "\0" in text:
            return []
        texts.append(text)
    return _diff(*texts)


def _diff(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=3)
    return [line for index, line in enumerate(lines) if 2 <= index < MOST_DIFF_LINES]
