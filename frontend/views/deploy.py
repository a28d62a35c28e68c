"""One page from a model to a service: drop it, look at what will happen, press the button, watch it come up."""

from __future__ import annotations

import re

from django.conf import settings
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from deployments import swagger
from deployments.actions.deploy import deploy
from deployments.capacity import rooms
from deployments.models import Environment, Operation, Service
from deployments.usual import steps_to_come, usual_seconds, usual_way
from frontend import snippets
from frontend.flash import keep_keys, take_keys
from frontend.forms.deploy import DeployForm
from frontend.forms.manifests import filled
from frontend.views.base import ActionView, DetailView
from frontend.views.operations import OperationMixin, OperationView, chain_of
from frontend.views.uploads import StagedUploadsMixin
from portal.accounts.permissions import Permission
from portal.errors import PortalError
from registry.actions.recipes import propose_recipe_for_upload
from registry.schemas import changed_inputs, described_inputs

#: environments whose room the rail shows
OFFERED_ROOMS = 5


class DeployView(StagedUploadsMixin, ActionView):
    template_name = "frontend/deploy.html"
    form_class = DeployForm
    title, submit, busy = _("Deploy a model"), _("Deploy"), _("Starting…")
    permission = Permission.SERVICE_WRITE

    def get_form_kwargs(self):
        environments = self.scope(Environment, Permission.ENVIRONMENT_READ).order_by("-is_default", "name")
        return {**super().get_form_kwargs(), "environments": environments}

    def post(self, request, *args, **kwargs):
        return self.look() if "look" in request.POST else super().post(request, *args, **kwargs)

    def look(self):
        """Reads the model's files and shows the form with what would be deployed. Nothing is registered."""
        given = self.get_form()
        given.is_valid()
        sent = {name: given.cleaned_data.get(name) for name in ("model_files", "model_set")}
        model_set = self.collect(given, {**sent, "model_set": sent["model_set"] or ""}, field="model_files", set_field="model_set")
        typed, found = given.typed(), {"looked": True}
        if model_set is not None:
            typed["model_set"] = str(model_set.pk)
            first = model_set.files.first()
            typed["name"] = typed["name"] or name_for(first.path if first else "")
            try:
                recipe = propose_recipe_for_upload(
                    user=self.request.user,
                    upload_set=model_set,
                    name=typed["model_name"] or typed["name"] or "model",
                    sample=typed["sample"],
                )
                typed = filled(typed, recipe)
                found |= {"recipe": recipe, "inputs": described_inputs(recipe.schema)}
            except (PortalError, ValidationError) as error:
                found["trouble"] = error.message if isinstance(error, PortalError) else " ".join(error.messages)
        else:
            found["trouble"] = _("Choose the model first.")
        form = DeployForm(initial=typed, environments=self.get_form_kwargs()["environments"])
        return self.render_to_response(self.get_context_data(form=form, **found))

    def form_valid(self, form):
        self.form = form
        return super().form_valid(form)

    def act(self, **values):
        model_set = self.collect(self.form, values, field="model_files", set_field="model_set")
        extra_set = self.collect(self.form, values, field="files", set_field="upload_set")
        size = {name: values[name] for name in ("replicas", "cpu", "memory", "access", "collect_data") if values[name] not in (None, "")}
        recipe = self.form.recipe(values)
        if self.form.is_proposal and model_set is not None:
            recipe["driver"] = None
        return deploy(
            user=self.request.user,
            group=self.group,
            name=values["name"],
            model_name=values["model_name"],
            model_upload_set=model_set,
            upload_set=extra_set,
            environment=values["environment"],
            image_only=values["image_only"],
            service_fields=size,
            **recipe,
        )

    def get_success_url(self):
        if self.result.service is not None:
            keep_keys(self.request, self.result.service, self.result.keys)
        return reverse("pages:deploying", args=[self.group.name, self.result.operation.pk])

    def get_context_data(self, **kwargs):
        kwargs = super().get_context_data(**kwargs)
        form = kwargs["form"]
        for key, field in (("attached", "upload_set"), ("attached_models", "model_set")):
            kwargs[key] = self.attached(form, field)
        kwargs["back"] = reverse("pages:home", args=[self.group.name])
        name = form["name"].value() or ""
        kwargs["there"] = self.scope(Service, Permission.SERVICE_READ).filter(name=name, deleting=False).first() if name else None
        if kwargs["there"] and kwargs.get("recipe"):
            kwargs["changed"] = changed_inputs(swagger.shown_schema(kwargs["there"]), kwargs["recipe"].schema)
        environments = list(self.scope(Environment, Permission.ENVIRONMENT_READ).order_by("-is_default", "name")[:OFFERED_ROOMS])
        found = rooms(environments)
        kwargs["rooms"] = [(one, found[str(one.pk)]) for one in environments if str(one.pk) in found]
        kwargs["usual"] = usual_way(self.group)
        kwargs["open"] = bool(form.errors) or "trouble" in kwargs
        return kwargs


class DeployingView(OperationMixin, DetailView):
    """The whole way of a one-step deployment on one page, to the live URL and a call of it."""

    template_name = "frontend/deploying.html"
    title = _("Deploying")

    def get_crumbs(self):
        return [(_("Deploy a model"), reverse("pages:deploy", args=[self.group.name]))]

    def get_context_data(self, **kwargs):
        chain = chain_of(self.object)
        last = chain[-1]
        service = next((one.service for one in chain if one.service), None) or OperationView.meant(self, self.object)
        expected = OperationView.expects_more(last)
        failed = next((one for one in chain if one.state in (Operation.State.FAILED, Operation.State.CANCELLED)), None)
        # The image alone is all that was asked for when no service waits for it.
        done = last.state == Operation.State.SUCCEEDED and not expected
        words = {
            "chain": [{"operation": one, "steps": (steps := list(one.steps.all())), "to_come": steps_to_come(one, steps)} for one in chain],
            "service": service,
            "failed": failed,
            "done": done,
            "waiting": last.state == Operation.State.WAITING,
            "took": (timezone.now() - self.object.created_at).total_seconds(),
            "usual": None if last.is_finished else usual_seconds(last),
            "now": last,
            "here_only": settings.ON_LOOPBACK,
            "live": not done and failed is None,
            "rollout_to_come": failed is None and len(chain) == 1 and bool(self.object.then),
        }
        if done and service is not None:
            words["snippets"] = snippets.all_of(service, swagger.sample(service))
        if not self.request.htmx:
            words["values"] = take_keys(self.request, service)
        return super().get_context_data(**words, **kwargs)


def name_for(path: str) -> str:
    """A name that a service may have, from a file's or folder's; "" when nothing is left of it."""
    first = path.split("/")[0].lower()
    stem = first.rsplit(".", 1)[0] if "." in first[1:] else first
    name = re.sub(r"[^a-z0-9.-]+", "-", stem)[:32].strip("-.")
    return name if len(name) >= 3 else (f"{name}-model" if name else "")
