"""What uses what: model version -> manifests -> images -> services; read for pages, and for the refusal of deletions.

Services stand above the registry. They are reached through the reverse relations that
their foreign keys make, by name and in the query only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.apps import apps
from django.db import models
from django.db.models.functions import Coalesce, RowNumber
from django.utils.translation import gettext as _

from portal.accounts.permissions import Permission
from portal.errors import Conflict
from registry.models import Image, Manifest, ManifestFile, ManifestModel, ModelFile, ModelVersion, UploadedFile

SHOWN = 20


def manifests_of(version: ModelVersion) -> models.QuerySet:
    return Manifest.objects.filter(uses__version=version).order_by("name", "-number")


def count_manifests(versions: Iterable[object]) -> None:
    """Brings `manifest_count` of these versions (their ids) up to date: at the end of the transaction that adds or ends a use of them."""
    rows = ModelVersion.objects.order_by("pk").filter(pk__in=versions)
    # Whoever waits for the lock counts what the other one wrote; all lock in one order, and the foreign keys of uses do not wait for it.
    list(rows.select_for_update(no_key=True).values_list("pk", flat=True))
    uses = ManifestModel.objects.filter(version=models.OuterRef("pk")).order_by().values("version").annotate(count=models.Count("pk"))
    rows.order_by().update(manifest_count=Coalesce(models.Subquery(uses.values("count")), 0))


def images_of(thing: ModelVersion | Manifest) -> models.QuerySet:
    path = "manifest" if isinstance(thing, Manifest) else "manifest__uses__version"
    return Image.objects.filter(**{path: thing}).distinct().order_by("name", "-number")


def services_of(thing: ModelVersion | Manifest | Image) -> models.QuerySet:
    """Services whose present or coming revision (not an ended one) runs something made of `thing`."""
    path = {ModelVersion: "image__manifest__uses__version", Manifest: "image__manifest", Image: "image"}[type(thing)]
    revisions = apps.get_model("deployments", "Revision").objects.filter(**{path: thing}, ended_at=None)
    return apps.get_model("deployments", "Service").objects.filter(pk__in=revisions.values("service")).order_by("name")


def how_many_services() -> Coalesce:
    """For a queryset of images: how many services `services_of` would find for each; asked for the rows that are shown alone."""
    revisions = apps.get_model("deployments", "Revision").objects.filter(image=models.OuterRef("pk"), ended_at=None).order_by()
    counted = revisions.values("image").annotate(count=models.Count("service", distinct=True)).values("count")
    return Coalesce(models.Subquery(counted), 0)


@dataclass(slots=True)
class Users:
    """What stands on one version, at most SHOWN of each."""

    version: ModelVersion | None = None
    manifests: list[Manifest] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    services: list[models.Model] = field(default_factory=list)


def users_of_each(versions: models.QuerySet, *, most: int, serving: ModelVersion) -> dict[object, Users]:
    """By the version's id, for the first of `versions` that a manifest uses, by three questions.

    What runs `serving` is told too, whether it is one of them or not.
    """
    used = versions.filter(models.Exists(ManifestModel.objects.filter(version=models.OuterRef("pk")))).values("pk")[:most]
    found: dict[object, Users] = defaultdict(Users)

    def first(rows, wanted, path: str, *order: str) -> models.QuerySet:
        place = models.Window(RowNumber(), partition_by="of", order_by=order)
        return rows.annotate(of=models.F(path)).filter(of__in=wanted).annotate(place=place).filter(place__lte=SHOWN)

    heavy = ("manifest__service_schema", "manifest__requirements")
    uses = ManifestModel.objects.select_related("manifest", "version__model").defer(*heavy)
    for use in first(uses, used, "version", "manifest__name", "-manifest__number").order_by("-version__number", "place"):
        found[use.of].version = use.version
        found[use.of].manifests.append(use.manifest)
    # By their ids, which make the other questions small.
    known = list(found)
    images = Image.objects.select_related("manifest").defer("packages", "probe", *heavy)
    for image in first(images, known, "manifest__uses__version", "name", "-number").order_by("place"):
        found[image.of].images.append(image)
    revisions = apps.get_model("deployments", "Revision").objects.filter(ended_at=None).select_related("service")
    revisions = revisions.annotate(of=models.F("image__manifest__uses__version")).order_by("service__name")
    for revision in revisions.filter(of__in={*known, serving.pk}):
        services = found[revision.of].services
        if len(services) < SHOWN and revision.service not in services:
            services.append(revision.service)
    return found


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
            _("%(thing)s is used by %(users)s. Delete what uses it first.")
            % {"thing": thing, "users": _joined([f"{noun} {label}" for noun, label in users])},
            code="InUse",
            details=[{"code": "UsedBy", "message": f"{noun} {label}", "field": noun} for noun, label in users],
        )
