"""Manifests: list, show, write, delete."""

from __future__ import annotations

import json

from django.db.models import Max
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_for_filename
from pygments.util import ClassNotFound

from frontend.forms.deployments import ConfirmForm
from frontend.tables import ManifestTable
from frontend.views.base import ActionView, DetailView, ListView, ObjectMixin, count_of
from portal.accounts.permissions import Permission
from registry import usage
from registry.actions import manifests as actions
from registry.filters import ManifestFilter
from registry.manifest_changes import compare_manifests
from registry.models import Image, Manifest, ManifestFile, ManifestModel, ModelVersion
from registry.storage import open_asset

#: larger texts are offered for download only
MOST_SHOWN = 64 * 2**10
OFFERED = 20
#: extra files on the page
SHOWN = 200


class ManifestListView(ListView):
    title, model, permission = _lazy("Manifests"), Manifest, Permission.MANIFEST_READ
    table_class, filterset_class = ManifestTable, ManifestFilter
    empty = {
        "icon": "list-details",
        "title": _lazy("No manifests yet"),
        "what": _lazy("A manifest is the recipe of an image: models, a score.py, the schema of its input and the packages it needs."),
        "command": "modelport manifest create -n iris -i iris:1 -f score.py -s service_schema.json -p requirements.txt",
    }

    def get_queryset(self):
        rows = super().get_queryset().select_related("created_by").prefetch_related("uses__version__model")
        return rows.annotate(image_count=count_of(Image, "manifest")).order_by("-created_at")

    def get_context_data(self, **kwargs):
        self.create = (_("New manifest"), reverse("pages:new_manifest", args=[self.group.name]), Permission.MANIFEST_WRITE)
        return super().get_context_data(**kwargs)


class ManifestMixin(ObjectMixin):
    def get_object(self) -> Manifest:
        rows = self.scope(Manifest, Permission.MANIFEST_READ).select_related("group", "created_by")
        return self.find(rows, self.kwargs["said"], "manifest")

    def get_crumbs(self):
        return [(_("Manifests"), reverse("pages:manifests", args=[self.group.name]))]


class ManifestView(ManifestMixin, DetailView):
    template_name = "frontend/manifests/detail.html"

    def get_context_data(self, **kwargs):
        manifest = self.object
        files = list(manifest.files.select_related("asset"))
        texts = [file for file in files if file.role != ManifestFile.Role.FILE]
        for file in texts:
            file.shown = shown_text(file)
        extra = [file for file in files if file.role == ManifestFile.Role.FILE]
        uses = list(manifest.uses.select_related("version__model"))
        images = list(usage.images_of(manifest)[: usage.SHOWN])
        return super().get_context_data(
            texts=texts,
            extra=extra[:SHOWN],
            more=len(extra) - SHOWN,
            uses=uses,
            tried=next(
                (image for image in sorted(images, key=lambda one: one.built_at or one.created_at, reverse=True) if image.probe), None
            ),
            images=images,
            services=usage.services_of(manifest)[: usage.SHOWN],
            newer=self.newer(uses),
            others=self.others(),
            api=f"/api/v1/groups/{self.group.name}/manifests/{manifest}",
            **kwargs,
        )

    def others(self):
        """What it can be compared with, its own earlier numbers first."""
        rows = self.scope(Manifest, Permission.MANIFEST_READ).exclude(pk=self.object.pk).only("name", "number").order_by("-created_at")
        own = list(rows.filter(name=self.object.name)[:OFFERED])
        # Two questions by an index, instead of one that sorts all of them.
        return own + list(rows.exclude(name=self.object.name)[: OFFERED - len(own)]) if len(own) < OFFERED else own

    def newer(self, uses: list[ManifestModel]) -> list[tuple[str, str]]:
        """(used, newest) of the models that have a newer version."""
        used_versions = {use.version.model_id: use.version for use in uses}
        rows = self.scope(ModelVersion, Permission.MODEL_READ).filter(model__in=used_versions).order_by()
        newest = dict(rows.values_list("model").annotate(Max("number")))
        return [(str(used), f"{used.name}:{newest[key]}") for key, used in used_versions.items() if newest.get(key, 0) > used.number]


class CompareManifestsView(ManifestMixin, DetailView):
    """`/manifests/iris:3/compare?with=iris:2`"""

    template_name = "frontend/manifests/compare.html"

    def get_title(self):
        return _("Compare manifests")

    def get_context_data(self, **kwargs):
        rows = self.scope(Manifest, Permission.MANIFEST_READ).select_related("group")
        before = self.find(rows, self.request.GET.get("with", ""), "manifest")
        return super().get_context_data(before=before, found=compare_manifests(before, self.object), **kwargs)


def shown_text(file: ManifestFile) -> str:
    """The file coloured as HTML, or "" when it is too large or no text. Nothing in it is executed."""
    if file.asset.size > MOST_SHOWN:
        return ""
    with open_asset(file.asset) as data:
        try:
            text = data.read().decode()
        except UnicodeDecodeError:
            return ""
    if file.path.endswith(".json"):
        try:
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            pass  # shown as it is
    try:
        lexer = get_lexer_for_filename(file.path)
    except ClassNotFound:
        lexer = get_lexer_for_filename("file.txt")
    return highlight(text, lexer, HtmlFormatter(nowrap=True, classprefix="hl-"))


class DeleteManifestView(ManifestMixin, ActionView):
    form_class = ConfirmForm
    template_name = "frontend/confirm.html"
    permission = Permission.MANIFEST_WRITE
    submit, busy, danger, done = _lazy("Delete this manifest"), _lazy("Deleting…"), True, _lazy("Deleted.")

    def get_title(self):
        return _("Delete %(thing)s?") % {"thing": self.object}

    def act(self):
        actions.delete_manifest(user=self.request.user, manifest=self.object)

    def get_success_url(self):
        return reverse("pages:manifests", args=[self.group.name])

    def get_context_data(self, **kwargs):
        back = reverse("pages:manifest", args=[self.group.name, str(self.object)])
        return super().get_context_data(
            back=back,
            goes=_("The recipe and its number."),
            stays=_("The models that it used."),
            users=usage.users_of(self.object),
            **kwargs,
        )
