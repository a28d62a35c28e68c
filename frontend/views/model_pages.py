"""A model by its name, one version, a file of it, and two versions side by side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import gt, lt, or_

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import View

from frontend.views.base import DetailView, ScopedMixin
from frontend.views.models import ModelMixin, with_followers
from portal.accounts.permissions import Permission
from portal.errors import NotFound
from portal.names import find
from registry import cards, comparing, usage
from registry.downloads import send_image
from registry.highlighting import lines_of
from registry.models import ModelFile, ModelVersion, RegisteredModel
from registry.storage import read_asset

SHOWN = 500
#: versions on the page of their model, and versions to compare with; the list has the others
SHOWN_VERSIONS = 50
#: versions on that page whose users are shown
SHOWN_CHAINS = 3
#: a text up to this size is shown
MOST_TEXT = 2**20
#: texts of a comparison that are shown line by line
MOST_DIFFS = 10


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of a listing: what lies below it."""

    name: str
    path: str
    files: int
    size: int


def listing(version: ModelVersion, inside: str) -> tuple[list[Folder], list[ModelFile], int]:
    """(folders, files, files left out) directly in the folder `inside` ("" or "a/b/"); 404 when there is none."""
    below = version.files.select_related("asset").filter(path__startswith=inside) if inside else version.files.select_related("asset")
    folders: dict[str, list[int]] = {}
    files: list[ModelFile] = []
    for file in below.iterator(chunk_size=2000):
        first, slash, _rest = file.path[len(inside) :].partition("/")
        if slash:
            counted = folders.setdefault(first, [0, 0])
            counted[0] += 1
            counted[1] += file.asset.size
        else:
            files.append(file)
    if inside and not folders and not files:
        raise Http404
    found = [Folder(name, f"{inside}{name}/", *counted) for name, counted in sorted(folders.items())]
    return found, files[:SHOWN], max(0, len(files) - SHOWN)


def snippets(version: ModelVersion, api: str, portal_url: str) -> list[tuple[str, str]]:
    """The version from the command line, with curl, in Python."""
    return [
        (_("Command line"), f"modelport model download -m {version}"),
        ("curl", f'curl -OJ -H "Authorization: Bearer $MODELPORT_TOKEN" {portal_url}{api}/download'),
        ("Python", f'from modelport import Portal\n\nwith Portal.saved() as portal:\n    portal.models.get("{version}").download(".")'),
    ]


class VersionView(ModelMixin, DetailView):
    """`/models/iris:3`, or by an alias."""

    template_name = "frontend/models/detail.html"
    TABS = ("files", "card", "used")

    def get_context_data(self, **kwargs):
        version = self.object
        asked = self.request.GET.get("tab")
        tab = asked if asked in self.TABS else "files"
        inside = self.request.GET.get("in", "").strip("/")
        inside = f"{inside}/" if inside else ""
        card = comparing.card_of(version)
        if tab == "files":
            folders, files, more = listing(version, inside)
            kwargs |= {"folders": folders, "files": files, "more": more, "inside": inside, "trail": _trail(inside)}
        elif tab == "card":
            kwargs["card"] = cards.render(card)
        else:
            kwargs |= used_by(version)
        numbers = self.scope(ModelVersion, Permission.MODEL_READ).filter(model=version.model)
        kwargs |= _neighbours(numbers, version)
        api = f"/api/v1/groups/{self.group.name}/models/{version}"
        return super().get_context_data(
            tab=tab,
            here=reverse("pages:model", args=[self.group.name, str(version)]),
            license=cards.render(card).license if card else "",
            tags=version.tags.all(),
            aliases=version.aliases.all(),
            snippets=snippets(version, api, self.request.build_absolute_uri("/").rstrip("/")),
            api=api,
            **kwargs,
        )


def used_by(version: ModelVersion) -> dict[str, QuerySet]:
    return {
        "manifests": usage.manifests_of(version)[: usage.SHOWN],
        "images": usage.images_of(version).select_related("manifest")[: usage.SHOWN],
        "services": usage.services_of(version)[: usage.SHOWN],
    }


def _trail(inside: str) -> list[tuple[str, str]]:
    parts = inside.rstrip("/").split("/") if inside else []
    return [(part, "/".join(parts[: place + 1]) + "/") for place, part in enumerate(parts)]


def _neighbours(numbers: QuerySet, version: ModelVersion) -> dict:
    """The versions before and after it, the newest, and an earlier one with the same content, whose bytes are stored once."""
    by_number = numbers.order_by("-number")
    earlier, later = by_number.filter(number__lt=version.number), numbers.filter(number__gt=version.number).order_by("number")
    parts = {
        "before": earlier.values("pk")[:1],
        "after": later.values("pk")[:1],
        "twin": earlier.filter(digest=version.digest).values("pk")[:1],
        "newest": by_number.values("pk")[:12],
    }
    rows = list(by_number.filter(reduce(or_, (Q(pk__in=part) for part in parts.values()))).select_related("model"))
    lower, higher = ([row for row in rows if wanted(row.number, version.number)] for wanted in (lt, gt))
    return {
        "before": next(iter(lower), None),
        "after": next(reversed(higher), None),
        "twin": next((row for row in lower if row.digest == version.digest), None),
        "others": rows[:12],
    }


class ModelNameView(ModelMixin, DetailView):
    """`/models/iris/`: the name, over all its versions."""

    template_name = "frontend/models/name.html"
    TABS = ("card", "versions", "used")

    def get_object(self) -> ModelVersion:
        """The newest version."""
        rows = self.scope(ModelVersion, Permission.MODEL_READ).select_related("model__group", "created_by")
        of_model = ModelVersion.objects.order_by().filter(model=OuterRef("model")).values("model").annotate(count=Count("pk"))
        rows = rows.annotate(written=F("card__text"), all_versions=Subquery(of_model.values("count")))
        found = rows.filter(model__name=self.kwargs["name"]).order_by("-number").first()
        if found is None:
            raise Http404
        return found

    def get_title(self):
        return self.object.name

    def get_crumbs(self):
        return super().get_crumbs()[:1]

    def get_context_data(self, **kwargs):
        latest = self.object
        asked = self.request.GET.get("tab")
        tab = asked if asked in self.TABS else "card"
        versions = self.scope(ModelVersion, Permission.MODEL_READ).filter(model=latest.model).order_by("-number")
        aliases = with_followers(latest.model.aliases.select_related("version__model"))
        if tab == "versions":
            shown = versions.select_related("model", "created_by").prefetch_related("tags")
            kwargs["versions"] = list(shown[:SHOWN_VERSIONS])
            for version in kwargs["versions"]:
                version.said_as = [alias for alias in aliases if alias.version_id == version.pk]
        if tab == "used":
            users = usage.users_of_each(versions, most=SHOWN_CHAINS, serving=latest)
            kwargs["chains"] = [one for one in users.values() if one.version]
            services = users[latest.pk].services
        else:
            services = usage.services_of(latest)[: usage.SHOWN]
        return super().get_context_data(
            tab=tab,
            card=cards.render(latest.written or ""),
            count=latest.all_versions,
            aliases=aliases,
            tags=latest.tags.all(),
            services=services,
            api=f"/api/v1/groups/{self.group.name}/models/{latest}",
            **kwargs,
        )


class VersionFileView(ModelMixin, DetailView):
    """One file: text with colours and numbered lines, a picture, or what it is. Nothing is ever run."""

    template_name = "frontend/models/file.html"

    def get_crumbs(self):
        return [*super().get_crumbs(), (str(self.object), reverse("pages:model", args=[self.group.name, str(self.object)]))]

    def get_title(self):
        return self.kwargs["path"].rsplit("/", 1)[-1]

    def get_context_data(self, **kwargs):
        file = self.one(self.object.files.select_related("asset"), path=self.kwargs["path"])
        return super().get_context_data(
            file=file,
            lines=self.lines(file),
            picture=picture_type(file) is not None,
            api=f"/api/v1/groups/{self.group.name}/models/{self.object}",
            **kwargs,
        )

    def lines(self, file: ModelFile) -> list[str] | None:
        if file.asset.size > MOST_TEXT:
            return None
        data = read_asset(file.asset)
        if b"\0" in data:
            return None
        try:
            return lines_of(data.decode("utf-8-sig").replace("\r\n", "\n"), file.path)
        except UnicodeDecodeError:
            return None


#: ending -> type and the first bytes that a file of it has; no SVG, which can hold script
PICTURES = {
    "png": ("image/png", b"\x89PNG\r\n\x1a\n"),
    "jpg": ("image/jpeg", b"\xff\xd8\xff"),
    "jpeg": ("image/jpeg", b"\xff\xd8\xff"),
    "gif": ("image/gif", b"GIF8"),
    "webp": ("image/webp", b"RIFF"),
}
MOST_PICTURE = 20 * 2**20


def picture_type(file: ModelFile) -> tuple[str, bytes] | None:
    return PICTURES.get(file.path.rsplit(".", 1)[-1].lower()) if file.asset.size <= MOST_PICTURE else None


class VersionPictureView(ModelMixin, View):
    """A picture's bytes, when they begin as its ending says."""

    def get(self, request, *args, **kwargs) -> HttpResponse:
        file = self.one(self.object.files.select_related("asset"), path=self.kwargs["path"])
        found = picture_type(file)
        if found is None:
            raise Http404
        return send_image(request, file.asset, *found)


class CompareView(ModelMixin, DetailView):
    """`/models/iris:3/compare?with=iris:2`"""

    template_name = "frontend/models/compare.html"

    def get_title(self):
        return _("Compare")

    def get_crumbs(self):
        return [*super().get_crumbs(), (str(self.object), reverse("pages:model", args=[self.group.name, str(self.object)]))]

    def get_context_data(self, **kwargs):
        rows = self.scope(ModelVersion, Permission.MODEL_READ).select_related("model")
        others = rows.filter(model=self.object.model).exclude(pk=self.object.pk).order_by("-number")
        said = self.request.GET.get("with", "")
        before, unknown = None, ""
        if said:
            try:
                before = find(rows, said, noun="model", name_path="model__name")
            except NotFound as error:
                unknown = error.message
        else:
            before = others.filter(number__lt=self.object.number).first()
        offered = list(others[:SHOWN_VERSIONS])
        found = comparing.compare(before, self.object) if before else None
        diffs = (
            [(change, comparing.text_diff(change)) for change in found.files[:MOST_DIFFS] if change.change == "changed"] if found else []
        )
        return super().get_context_data(
            others=offered + [before] * (before is not None and before.model_id == self.object.model_id and before not in offered),
            before=before,
            unknown=unknown,
            found=found,
            changed=found.files[:SHOWN] if found else (),
            more=len(found.files) - SHOWN if found else 0,
            diffs=[(change, lines) for change, lines in diffs if lines],
            **kwargs,
        )


class NameCheckView(ScopedMixin, View):
    """What registering under a name would make, said while it is typed; a fragment for htmx."""

    def get(self, request, *args, **kwargs) -> HttpResponse:
        name = request.GET.get("name", "").strip()
        latest = self.scope(ModelVersion, Permission.MODEL_READ).filter(model__name=name).order_by("-number").first()
        if latest is not None:
            return HttpResponse(_("Becomes the next version of %(name)s, after %(number)s.") % {"name": name, "number": latest.number})
        taken = RegisteredModel.objects.filter(group=self.group, name=name).exists()
        return HttpResponse("" if taken or not name else _("A new model: it begins with version 1."))


class CardPreviewView(ScopedMixin, View):
    """The card as it will look; a fragment for htmx."""

    http_method_names = ["post"]

    def post(self, request, *args, **kwargs) -> HttpResponse:
        text = request.POST.get("card", "")[: cards.MOST_BYTES]
        return HttpResponse(cards.render(text).html or _("Nothing to show yet."))
