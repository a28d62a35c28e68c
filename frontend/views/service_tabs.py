"""The other tabs of a service: keys, logs, history, and its Swagger page."""

from __future__ import annotations

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.http import JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.csrf import ensure_csrf_cookie

from deployments import swagger
from deployments.actions import services as actions
from deployments.models import Revision, Service, ServiceKey
from deployments.open_pages import open_service
from deployments.quantities import show_gpus
from frontend.flash import keep_keys, take_keys
from frontend.forms.deployments import ConfirmForm
from frontend.forms.services import RegenerateKeyForm
from frontend.templatetags.portal import in_units
from frontend.views.base import ActionView, DetailView, PostView
from frontend.views.services import ServiceMixin
from portal.accounts.permissions import Permission
from portal.api.errors import json_error
from portal.errors import PortalError


class ServiceKeysView(ServiceMixin, DetailView):
    template_name, tab, title = "frontend/services/keys.html", "keys", lazy("Keys")

    def get_context_data(self, **kwargs):
        service = self.object
        found = {key.slot: key for key in service.keys.live().exclude(slot=ServiceKey.Slot.SESSION).select_related("created_by")}
        standing = [found[slot] for slot in (ServiceKey.Slot.PRIMARY, ServiceKey.Slot.SECONDARY) if slot in found]
        for key in standing:
            key.old = found.get(f"{key.slot}-old")
        return super().get_context_data(keys=standing, values=take_keys(self.request, service), service=service, **kwargs)


class RegenerateKeyView(ServiceMixin, ActionView):
    form_class = RegenerateKeyForm
    template_name = "frontend/services/regenerate.html"
    permission, tab = Permission.KEY_WRITE, "keys"
    submit, busy, danger = lazy("Regenerate"), lazy("Regenerating…"), True

    def get_title(self):
        return _("Regenerate the primary key?") if self.kwargs["slot"] == ServiceKey.Slot.PRIMARY else _("Regenerate the secondary key?")

    def act(self, grace_hours):
        slot = self.kwargs["slot"]
        value = actions.regenerate_key(user=self.request.user, service=self.object, slot=slot, grace_hours=grace_hours)
        keep_keys(self.request, self.object, {slot: value})

    def get_success_url(self):
        return reverse("pages:service_keys", args=[self.group.name, self.object.name])

    def get_context_data(self, **kwargs):
        other = {"primary": "secondary", "secondary": "primary"}[self.kwargs["slot"]]
        return super().get_context_data(slot=self.kwargs["slot"], other=other, back=self.get_success_url(), **kwargs)


class StopOldKeyView(ServiceMixin, PostView):
    """The value before the present one stops now."""

    def act(self):
        actions.stop_old_key(user=self.request.user, service=self.object, slot=self.kwargs["slot"])
        messages.success(self.request, _("The old value does not work any more."))
        return reverse("pages:service_keys", args=[self.group.name, self.object.name])


class SessionKeyView(ServiceMixin, PostView):
    """A quarter of an hour's key for *Try it*, for the page's script."""

    def post(self, request, *args, **kwargs):
        try:
            return JsonResponse({"value": actions.session_key(user=request.user, service=self.object)})
        except PortalError as error:
            return json_error(error)


class ServiceHistoryView(ServiceMixin, DetailView):
    template_name, tab, title = "frontend/services/history.html", "history", lazy("History")

    def get_context_data(self, **kwargs):
        revisions = list(Revision.objects.filter(service=self.object).select_related("image", "created_by")[:100])
        for revision, before in zip(revisions, [*revisions[1:], None], strict=True):
            revision.changes = changes_between(before, revision)
            revision.served = seconds_served(revision)
        return super().get_context_data(revisions=revisions, **kwargs)


def seconds_served(revision: Revision) -> float | None:
    """How long it took calls; None when it never did."""
    if revision.serving_at is None:
        return None
    return ((revision.ended_at or timezone.now()) - revision.serving_at).total_seconds()


def changes_between(before: Revision | None, after: Revision) -> list[str]:
    """Sentences: image iris:1 to iris:2, memory 512 MiB to 1 GiB."""
    if before is None:
        return [_("first revision")]
    found = []
    if before.image_id != after.image_id:
        found.append(_("image %(before)s to %(after)s") % {"before": before.image, "after": after.image})
    if before.cpu != after.cpu:
        found.append(_("CPU %(before)s to %(after)s") % {"before": f"{before.cpu:g}", "after": f"{after.cpu:g}"})
    if before.memory != after.memory:
        found.append(_("memory %(before)s to %(after)s") % {"before": in_units(before.memory), "after": in_units(after.memory)})
    if before.gpus != after.gpus:
        found.append(_("GPUs %(before)s to %(after)s") % {"before": show_gpus(before.gpus), "after": show_gpus(after.gpus)})
    if before.workers != after.workers:
        found.append(
            _("processes %(before)s to %(after)s") % {"before": before.workers or _("automatic"), "after": after.workers or _("automatic")}
        )
    if before.collect_data != after.collect_data:
        found.append(_("data collection on") if after.collect_data else _("data collection off"))
    if before.batching != after.batching:
        found.append(_("shared calls on") if after.batching else _("shared calls off"))
    if before.timeout != after.timeout:
        found.append(_("time limit %(before)s s to %(after)s s") % {"before": before.timeout, "after": after.timeout})
    return found or [_("rolled out again")]


class RollBackView(ServiceMixin, ActionView):
    """An update to the image and size of an earlier revision."""

    form_class = ConfirmForm
    template_name = "frontend/services/roll_back.html"
    permission, tab = Permission.SERVICE_WRITE, "history"
    submit, busy = lazy("Roll back"), lazy("Starting…")

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        if request.user.is_authenticated:
            self.revision = self.one(Revision.objects.filter(service=self.object).select_related("image"), number=kwargs["number"])

    def get_title(self):
        return _("Roll back to revision %(number)s?") % {"number": self.revision.number}

    def act(self):
        old = self.revision
        return actions.update_service(
            user=self.request.user,
            service=self.object,
            image=old.image,
            note=f"Back to revision {old.number}",
            cpu=old.cpu,
            memory=old.memory,
            gpus=old.gpus,
            workers=old.workers,
            timeout=old.timeout,
            collect_data=old.collect_data,
            batching=old.batching,
        )

    def get_success_url(self):
        return reverse("pages:operation", args=[self.group.name, self.result.pk])

    def get_context_data(self, **kwargs):
        back = reverse("pages:service_history", args=[self.group.name, self.object.name])
        return super().get_context_data(revision=self.revision, back=back, **kwargs)


class ServiceDocsView(ServiceMixin, DetailView):
    """Swagger UI on the service's own document; this page alone may call the gateway."""

    template_name, tab, title = "frontend/services/docs.html", "docs", lazy("API")
    asks = {"whole": True}

    def handle_no_permission(self):
        """The gateway sends refused callers here; where the page is open they need no account to read on."""
        service = None if self.request.user.is_authenticated else open_service(self.kwargs["group"], self.kwargs["name"])
        return redirect("pages:open_service", service.group.name, service.name) if service else super().handle_no_permission()

    @method_decorator(ensure_csrf_cookie)
    def dispatch(self, request, *args, **kwargs):
        return csp_update({"connect-src": [settings.GATEWAY_URL]})(super().dispatch)(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        name, service = self.group.name, self.object.name
        config = {"url": reverse("pages:service_openapi", args=[name, service]), "scheme": "key"}
        schemes = swagger.openapi(self.object).get("components", {}).get("securitySchemes", {})
        config["scheme"] = next(iter(schemes), "key")
        if self.object.access == Service.Access.KEY:
            config["keyUrl"] = reverse("pages:service_session_key", args=[name, service])
        return super().get_context_data(config=config, **kwargs)


class ServiceOpenAPIView(ServiceMixin, DetailView):
    """The service's documents, from the portal's origin, so that the page needs nothing of the gateway to show them."""

    asks = {"whole": True}

    def get(self, request, *args, **kwargs):
        make = swagger.swagger_2 if kwargs["version"] == "swagger" else swagger.openapi
        return JsonResponse(make(self.object))
