"""Images: list, show, build, delete."""

from __future__ import annotations

import json

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from deployments.actions import images as actions
from deployments.models import Environment, Operation
from frontend.forms.deployments import ConfirmForm, CreateImageForm
from frontend.tables import ImageTable
from frontend.views.base import ActionView, DetailView, ListView, ObjectMixin
from frontend.views.services import MOST_ANSWER
from portal.accounts.permissions import Permission
from registry import usage
from registry.filters import ImageFilter
from registry.models import Image, Manifest

#: manifests in the form, the newest
OFFERED = 100


class ImageListView(ListView):
    title, model, permission = _lazy("Images"), Image, Permission.IMAGE_READ
    table_class, filterset_class = ImageTable, ImageFilter
    empty = {
        "icon": "package",
        "title": _lazy("No images yet"),
        "what": _lazy("An image is what a manifest was built into: models, code and packages in one, ready to run."),
        "command": "modelport image create -n iris --manifest-id iris:1",
    }

    def get_queryset(self):
        rows = super().get_queryset().select_related("manifest").defer("packages", "probe").order_by("-created_at")
        return rows.annotate(service_count=usage.how_many_services())

    def get_context_data(self, **kwargs):
        self.create = (_("Build image"), reverse("pages:new_image", args=[self.group.name]), Permission.IMAGE_WRITE)
        return super().get_context_data(**kwargs)


class ImageMixin(ObjectMixin):
    def get_object(self) -> Image:
        rows = self.scope(Image, Permission.IMAGE_READ).select_related("group", "manifest", "created_by")
        return self.find(rows, self.kwargs["said"], "image")

    def get_crumbs(self):
        return [(_("Images"), reverse("pages:images", args=[self.group.name]))]


class ImageView(ImageMixin, DetailView):
    template_name = "frontend/images/detail.html"

    def get_context_data(self, **kwargs):
        image = self.object
        build = image.operations.filter(kind=Operation.Kind.IMAGE).order_by("-created_at").first()
        return super().get_context_data(
            build=build,
            answer=json.dumps(image.probe.get("sample_result"), indent=2, ensure_ascii=False)[:MOST_ANSWER],
            services=usage.services_of(image)[: usage.SHOWN],
            holder=Environment.objects.filter(pk=image.held_by).first() if image.held_by else None,
            live=not image.is_built,
            **kwargs,
        )


class CreateImageView(ActionView):
    form_class = CreateImageForm
    title, submit, busy = _lazy("Build an image"), _lazy("Build image"), _lazy("Starting…")
    permission = Permission.IMAGE_WRITE

    def get_crumbs(self):
        return [(_("Images"), reverse("pages:images", args=[self.group.name]))]

    def get_form_kwargs(self):
        return {
            **super().get_form_kwargs(),
            "manifests": self.scope(Manifest, Permission.MANIFEST_READ).order_by("-created_at")[:OFFERED],
            "environments": self.scope(Environment, Permission.ENVIRONMENT_READ).order_by("-is_default", "name"),
        }

    def get_initial(self):
        asked = self.request.GET.get("manifest", "")
        return {"manifest": asked, "name": asked.rpartition(":")[0]}

    def act(self, **values):
        return actions.create_image(user=self.request.user, group=self.group, **values)

    def get_success_url(self):
        return reverse("pages:operation", args=[self.group.name, self.result.pk])

    def get_context_data(self, **kwargs):
        intro = _("The packages are installed once and kept; another image with the same packages is ready in seconds.")
        return super().get_context_data(back=reverse("pages:images", args=[self.group.name]), intro=intro, **kwargs)


class DeleteImageView(ImageMixin, ActionView):
    form_class = ConfirmForm
    template_name = "frontend/confirm.html"
    permission = Permission.IMAGE_WRITE
    submit, busy, danger, done = _lazy("Delete this image"), _lazy("Deleting…"), True, _lazy("Deleted.")

    def get_title(self):
        return _("Delete %(thing)s?") % {"thing": self.object}

    def act(self):
        actions.delete_image(user=self.request.user, image=self.object)

    def get_success_url(self):
        return reverse("pages:images", args=[self.group.name])

    def get_context_data(self, **kwargs):
        back = reverse("pages:image", args=[self.group.name, str(self.object)])
        return super().get_context_data(
            back=back,
            goes=_("The image here and at its engine."),
            stays=_("Its manifest and models."),
            users=usage.users_of(self.object),
            **kwargs,
        )
