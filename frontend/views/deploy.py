"""One step: files in, a service out."""

from __future__ import annotations

from django.urls import reverse

from deployments.actions.deploy import deploy
from deployments.models import Environment
from frontend.flash import keep_keys
from frontend.forms.deployments import DeployForm
from frontend.views.base import ActionView
from frontend.views.uploads import StagedUploadsMixin
from portal.accounts.permissions import Permission


class DeployView(StagedUploadsMixin, ActionView):
    template_name = "frontend/deploy.html"
    form_class = DeployForm
    title, submit, busy = "Deploy in one step", "Deploy", "Starting…"
    permission = Permission.SERVICE_WRITE

    def get_form_kwargs(self):
        environments = self.scope(Environment, Permission.ENVIRONMENT_READ).order_by("-is_default", "name")
        return {**super().get_form_kwargs(), "environments": environments}

    def form_valid(self, form):
        self.form = form
        return super().form_valid(form)

    def act(self, **values):
        model_set = self.collect(self.form, values, field="model_files", set_field="model_set")
        extra_set = self.collect(self.form, values, field="files", set_field="upload_set")
        size = {name: values[name] for name in ("replicas", "cpu", "memory", "access", "collect_data") if values[name] not in (None, "")}
        return deploy(
            user=self.request.user,
            group=self.group,
            name=values["name"],
            model_name=values["model_name"],
            model_files=files_of(model_set),
            files=files_of(extra_set),
            environment=values["environment"],
            image_only=values["image_only"],
            service_fields=size,
            **self.form.recipe(values),
        )

    def get_success_url(self):
        if self.result.service is not None:
            keep_keys(self.request, self.result.service, self.result.keys)
        return reverse("pages:operation", args=[self.group.name, self.result.operation.pk])

    def get_context_data(self, **kwargs):
        kwargs = super().get_context_data(**kwargs)
        kwargs["attached"] = self.attached(kwargs["form"], "upload_set")
        kwargs["attached_models"] = self.attached(kwargs["form"], "model_set")
        kwargs["back"] = reverse("pages:home", args=[self.group.name])
        return kwargs


def files_of(upload_set) -> list:
    return [(file.path, file.asset) for file in upload_set.files.select_related("asset")] if upload_set is not None else []
