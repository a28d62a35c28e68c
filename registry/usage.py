"""What uses what: model version -> manifests -> images -> services; read for pages, and for the refusal of deletions.

Services stand above the registry. They are reached through the reverse relations that
their foreign keys make, by name and in the query only.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.apps import apps
from django.db import models
from django.db.models.functions import Coalesce

from portal.accounts.permissions import Permission
from portal.errors import Conflict
from registry.models import Image, Manifest, ManifestFile, ManifestModel, ModelFile, ModelVersion, UploadedFile

SHOWN = 20


def manifests_of(version: ModelVersion) -> models.QuerySet:
    return Manifest.objects.filter(uses__version=version).order_by("name", "-number")


def manifest_count():
    """For `annotate` on model versions: how many manifests use each. Counted per row shown, not by grouping the whole table."""
    uses = ManifestModel.objects.filter(version=models.OuterRef("pk")).order_by().values("version").annotate(count=models.Count("pk"))
    return Coalesce(models.Subquery(uses.values("count")), 0)


def images_of(thing: ModelVersion | Manifest) -> models.QuerySet:
    path = "manifest" if isinstance(thing, Manifest) else "manifest__uses__version"
    return Image.objects.filter(**{path: thing}).distinct().order_by("name", "-number")


def services_of(thing: ModelVersion | Manifest | Image) -> models.QuerySet:
    """Services whose present or coming revision (not an ended one) runs something made of `thing`."""
    path = {ModelVersion: "image__manifest__uses__version", Manifest: "image__manifest", Image: "image"}[type(thing)]
    revisions = apps.get_model("deployments", "Revision").objects.filter(**{path: thing}, ended_at=None)
    return apps.get_model("deployments", "Service").objects.filter(pk__in=revisions.values("service")).order_by("name")


def revisions_of(image: Image) -> models.QuerySet:
    """Every revision that ever ran the image: history keeps it, so that rolling back stays possible."""
    return apps.get_model("deployments", "Revision").objects.filter(image=image).select_related("service")


def users_of(thing: ModelVersion | Manifest | Image) -> list[tuple[str, str]]:
    """(noun, label) of everything that stands directly or indirectly on `thing`, the nearest first."""
    found: list[tuple[str, str]] = []
    if isinstance(thing, ModelVersion):
        found += [("manifest", str(manifest)) for manifest in manifests_of(thing)[:SHOWN]]
    if isinstance(thing, ModelVersion | Manifest):
        found += [("image", str(image)) for image in images_of(thing)[:SHOWN]]
    found += [("service", str(service)) for service in services_of(thing)[:SHOWN]]
    return found


def blockers_of(thing: ModelVersion | Manifest | Image) -> list[tuple[str, str]]:
    """What keeps it from being deleted: its users, and the aliases that point at it."""
    aliases = thing.aliases.all() if isinstance(thing, ModelVersion) else ()
    return [("alias", f"{thing.name}@{alias.name}") for alias in aliases] + users_of(thing)


def known_to(user, sha256: str) -> bool:
    """Whether these bytes lie where the person may read them. That a stranger has the same file is nobody's business."""
    return sha256 in known_among(user, [sha256])


def known_among(user, hashes: Iterable[str]) -> set[str]:
    """Those of many that `known_to` holds for."""
    versions = ModelVersion.objects.allowing(user, Permission.MODEL_READ)
    manifests = Manifest.objects.allowing(user, Permission.MANIFEST_READ)
    readable = (
        ModelFile.objects.filter(version__in=versions),
        UploadedFile.objects.filter(upload_set__user=user),
        ManifestFile.objects.filter(manifest__in=manifests),
    )
    wanted, found = set(hashes), set()
    for rows in readable:
        found |= set(rows.filter(asset__in=wanted - found).order_by().values_list("asset", flat=True).distinct())
    return found


def _joined(labels: list[str]) -> str:
    return labels[0] if len(labels) == 1 else ", ".join(labels[:-1]) + " and " + labels[-1]


def refuse_if_used(thing: ModelVersion | Manifest | Image) -> None:
    """Raises Conflict (InUse) that names the users: "iris:3 is used by manifest iris:2 and service demo"."""
    users = blockers_of(thing)
    if not users and isinstance(thing, Image):
        old = sorted({str(revision.service) for revision in revisions_of(thing)[:SHOWN]})
        users = [("service", f"{name} (in its history)") for name in old]
    if users:
        raise Conflict(
            f"{thing} is used by {_joined([f'{noun} {label}' for noun, label in users])}. Delete what uses it first.",
            code="InUse",
            details=[{"code": "UsedBy", "message": f"{noun} {label}", "field": noun} for noun, label in users],
        )
