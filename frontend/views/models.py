"""Models: list, show, register, describe, delete."""

from __future__ import annotations

from django.http import Http404, HttpResponseRedirect
from django.urls import reverse

from frontend.forms.deployments import ConfirmForm
from frontend.forms.models import DescribeModelForm, RegisterModelForm
from frontend.tables import ModelTable
from frontend.views.base import ActionView, DetailView, ListView, ObjectMixin
from frontend.views.uploads import StagedUploadsMixin
from portal.accounts.permissions import Permission
from registry import usage
from registry.actions import models as actions
from registry.filters import ModelFilter
from registry.models import ModelVersion

SHOWN_FILES = 500


class ModelListView(ListView):
    title, model, permission = "Models", ModelVersion, Permission.MODEL_READ
    table_class, filterset_class = ModelTable, ModelFilter
    empty = {"icon": "box", "title": "No models yet", "what": "A model is a file or folder with numbered versions. Register the first one."}

    def get_queryset(self):
        rows = super().get_queryset().select_related("model", "created_by").prefetch_related("tags")
        return rows.annotate(manifest_count=usage.manifest_count()).order_by("-created_at", "pk")

    def get_context_data(self, **kwargs):
        self.create = ("Register model", reverse("pages:new_model", args=[self.group.name]), Permission.MODEL_WRITE)
        return super().get_context_data(**kwargs)


class ModelMixin(ObjectMixin):
    def get_object(self) -> ModelVersion:
        rows = self.scope(ModelVersion, Permission.MODEL_READ).select_related("model__group", "created_by")
        return self.find(rows, self.kwargs["said"], "model", name_path="model__name")

    def get_crumbs(self):
        name = self.group.name
        return [
            ("Models", reverse("pages:models", args=[name])),
            (self.object.name, reverse("pages:models", args=[name]) + f"?name={self.object.name}"),
        ]


class ModelView(ModelMixin, DetailView):
    template_name = "frontend/models/detail.html"

    def get_context_data(self, **kwargs):
        version = self.object
        others = self.scope(ModelVersion, Permission.MODEL_READ).filter(model=version.model).order_by("-number")
        return super().get_context_data(
            files=version.files.select_related("asset")[:SHOWN_FILES],
            more=max(0, version.file_count - SHOWN_FILES),
            tags=version.tags.all(),
            manifests=usage.manifests_of(version)[: usage.SHOWN],
            images=usage.images_of(version)[: usage.SHOWN],
            services=usage.services_of(version)[: usage.SHOWN],
            others=others[:12],
            api=f"/api/v1/groups/{self.group.name}/models/{version}",
            **kwargs,
        )


class ModelNameView(ModelMixin, DetailView):
    """`/models/iris/` leads to the newest version."""

    def get_object(self):
        found = (
            self.scope(ModelVersion, Permission.MODEL_READ)
            .select_related("model")
            .filter(model__name=self.kwargs["name"])
            .order_by("-number")
            .first()
        )
        if found is None:
            raise Http404
        return found

    def get(self, request, *args, **kwargs):
        return HttpResponseRedirect(reverse("pages:model", args=[self.group.name, str(self.object)]))


class RegisterModelView(StagedUploadsMixin, ActionView):
    template_name = "frontend/models/form.html"
    form_class = RegisterModelForm
    title, submit, busy = "Register a model", "Register model", "Registering…"
    permission = Permission.MODEL_WRITE
    done = "Registered."

    def get_initial(self):
        return {"name": self.request.GET.get("name", "")}

    def get_crumbs(self):
        return [("Models", reverse("pages:models", args=[self.group.name]))]

    def act(self, **values):
        upload_set = self.collect(self.form, values, field="files", set_field="upload_set")
        return actions.register_model(user=self.request.user, group=self.group, upload_set=upload_set, **values)

    def form_valid(self, form):
        self.form = form
        return super().form_valid(form)

    def get_done(self):
        return f"Registered {self.result}: {self.result.file_count} file{'' if self.result.file_count == 1 else 's'}."

    def get_success_url(self):
        return reverse("pages:model", args=[self.group.name, str(self.result)])

    def get_context_data(self, **kwargs):
        kwargs = super().get_context_data(**kwargs)
        kwargs["attached"] = self.attached(kwargs["form"], "upload_set")
        kwargs["back"] = reverse("pages:models", args=[self.group.name])
        return kwargs


class ModelActionView(ModelMixin, ActionView):
    permission = Permission.MODEL_WRITE

    def get_crumbs(self):
        return [*super().get_crumbs(), (str(self.object), self.address)]

    @property
    def address(self) -> str:
        return reverse("pages:model", args=[self.group.name, str(self.object)])

    def get_success_url(self):
        return self.address

    def get_context_data(self, **kwargs):
        return super().get_context_data(back=self.address, **kwargs)


class DescribeModelView(ModelActionView):
    form_class = DescribeModelForm
    title, done = "Edit description and tags", "Saved."

    def get_initial(self):
        return {"description": self.object.description, "tags": ", ".join(tag.word for tag in self.object.tags.all())}

    def act(self, description, tags):
        return actions.change_model_version(user=self.request.user, version=self.object, description=description, tags=tags)


class DeleteModelView(ModelActionView):
    form_class = ConfirmForm
    template_name = "frontend/confirm.html"
    submit, busy, danger, done = "Delete this version", "Deleting…", True, "Deleted."

    def get_title(self):
        return f"Delete {self.object}?"

    def act(self):
        actions.delete_model_version(user=self.request.user, version=self.object)

    def get_success_url(self):
        return reverse("pages:models", args=[self.group.name])

    def get_context_data(self, **kwargs):
        goes = f"The {self.object.file_count} file{'' if self.object.file_count == 1 else 's'} of this version. Its number is not given out again."
        return super().get_context_data(
            goes=goes,
            stays="Other versions, and the same content where something else uses it.",
            users=usage.users_of(self.object),
            **kwargs,
        )
