"""Services: list, show with snippets, deploy, update, stop, start, delete."""

from __future__ import annotations

import json

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.http import JsonResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import ensure_csrf_cookie

from deployments import swagger, traffic
from deployments.actions import services as actions
from deployments.filters import ServiceFilter
from deployments.logs import replica_log
from deployments.models import Environment, Replica, Revision, Service, ServiceKey
from deployments.states import for_states, running_operation, service_state
from frontend import snippets
from frontend.flash import keep_keys, take_keys
from frontend.forms.deployments import ConfirmForm, CreateServiceForm, DangerForm, UpdateServiceForm
from frontend.tables import ServiceTable
from frontend.templatetags.portal import in_units
from frontend.views.base import ActionView, DetailView, ListView, ObjectMixin, PostView
from portal.accounts.permissions import Permission
from portal.api.errors import json_error
from portal.errors import PortalError
from registry.models import Image

OFFERED = 500
TABS = [
    ("overview", "Overview", "service"),
    ("docs", "Try it", "service_docs"),
    ("keys", "Keys", "service_keys"),
    ("logs", "Logs", "service_logs"),
    ("history", "History", "service_history"),
    ("settings", "Settings", "service_settings"),
]


class ServiceListView(ListView):
    title, model, permission = "Services", Service, Permission.SERVICE_READ
    table_class, filterset_class = ServiceTable, ServiceFilter
    empty = {
        "icon": "rocket",
        "title": "No services yet",
        "what": "A service is an image at a stable URL, protected by two keys. Deploy the first one.",
    }

    def get_queryset(self):
        return for_states(super().get_queryset())

    def get_context_data(self, **kwargs):
        self.create = ("Deploy a service", reverse("pages:new_service", args=[self.group.name]), Permission.SERVICE_WRITE)
        return super().get_context_data(**kwargs)


class ServiceMixin(ObjectMixin):
    tab = ""

    def get_object(self) -> Service:
        service = self.one(for_states(self.scope(Service, Permission.SERVICE_READ)), name=self.kwargs["name"])
        service.shown = service_state(service)
        return service

    def get_crumbs(self):
        crumbs = [("Services", reverse("pages:services", args=[self.group.name]))]
        return crumbs if self.tab == "overview" else [*crumbs, (self.object.name, self.address)]

    @property
    def address(self) -> str:
        return reverse("pages:service", args=[self.group.name, self.object.name])

    @property
    def serving(self) -> Revision | None:
        return next((revision for revision in self.object.revisions.all() if revision.state == Revision.State.SERVING), None)

    def get_context_data(self, **kwargs):
        tabs = [(key, words, reverse(f"pages:{page}", args=[self.group.name, self.object.name])) for key, words, page in TABS]
        return super().get_context_data(
            tab=self.tab, tabs=tabs, shown=self.object.shown, serving=self.serving, operation=running_operation(self.object), **kwargs
        )


class ServiceView(ServiceMixin, DetailView):
    template_name, tab = "frontend/services/detail.html", "overview"

    def get_context_data(self, **kwargs):
        service = self.object
        body = swagger.sample(service)
        context = super().get_context_data(
            snippets=snippets.all_of(service, body),
            sample=json.dumps(body, indent=2) if body is not None else "",
            traffic=traffic.summary(service, hours=1),
            replicas=Replica.objects.filter(revision__service=service)
            .exclude(revision__state=Revision.State.RETIRED)
            .select_related("revision"),
            **kwargs,
        )
        return {**context, "live": True}


class ServiceKeysView(ServiceMixin, DetailView):
    template_name, tab, title = "frontend/services/keys.html", "keys", "Keys"

    def get_context_data(self, **kwargs):
        service = self.object
        found = service.keys.exclude(slot=ServiceKey.Slot.SESSION).select_related("created_by")
        return super().get_context_data(keys=found, values=take_keys(self.request, service), **kwargs)


class RegenerateKeyView(ServiceMixin, ActionView):
    form_class = ConfirmForm
    template_name = "frontend/services/regenerate.html"
    permission, tab = Permission.KEY_WRITE, "keys"
    submit, busy, danger = "Regenerate", "Regenerating…", True

    def get_title(self):
        return f"Regenerate the {self.kwargs['slot']} key?"

    def act(self):
        slot = self.kwargs["slot"]
        keep_keys(self.request, self.object, {slot: actions.regenerate_key(user=self.request.user, service=self.object, slot=slot)})

    def get_success_url(self):
        return reverse("pages:service_keys", args=[self.group.name, self.object.name])

    def get_context_data(self, **kwargs):
        other = {"primary": "secondary", "secondary": "primary"}[self.kwargs["slot"]]
        return super().get_context_data(slot=self.kwargs["slot"], other=other, back=self.get_success_url(), **kwargs)


class SessionKeyView(ServiceMixin, PostView):
    """A quarter of an hour's key for *Try it*, for the page's script."""

    def post(self, request, *args, **kwargs):
        try:
            return JsonResponse({"value": actions.session_key(user=request.user, service=self.object)})
        except PortalError as error:
            return json_error(error)


class ServiceLogsView(ServiceMixin, DetailView):
    template_name, tab, title = "frontend/services/logs.html", "logs", "Logs"
    LINES = 500

    def get_context_data(self, **kwargs):
        replicas = list(
            Replica.objects.filter(revision__service=self.object).select_related("revision").order_by("-revision__number", "name")[:50]
        )
        asked = self.request.GET.get("replica", "")
        chosen = next((replica for replica in replicas if replica.name == asked), replicas[0] if replicas else None)
        lines = replica_log(self.object, chosen.name, self.LINES) if chosen else []
        search = self.request.GET.get("q", "")
        if search:
            lines = [line for line in lines if search.casefold() in line.casefold()]
        return super().get_context_data(
            replicas=replicas, chosen=chosen, lines=lines, search=search, most=self.LINES, live=bool(chosen), **kwargs
        )


class ServiceHistoryView(ServiceMixin, DetailView):
    template_name, tab, title = "frontend/services/history.html", "history", "History"

    def get_context_data(self, **kwargs):
        revisions = list(self.object.revisions.select_related("image", "created_by")[:100])
        for revision, before in zip(revisions, [*revisions[1:], None], strict=True):
            revision.changes = changes_between(before, revision)
        return super().get_context_data(revisions=revisions, **kwargs)


def changes_between(before: Revision | None, after: Revision) -> list[str]:
    """Sentences: image iris:1 to iris:2, memory 512 MiB to 1 GiB."""
    if before is None:
        return ["first revision"]
    found = []
    if before.image_id != after.image_id:
        found.append(f"image {before.image} to {after.image}")
    if before.cpu != after.cpu:
        found.append(f"CPU {before.cpu:g} to {after.cpu:g}")
    if before.memory != after.memory:
        found.append(f"memory {in_units(before.memory)} to {in_units(after.memory)}")
    if before.collect_data != after.collect_data:
        found.append("data collection on" if after.collect_data else "data collection off")
    if before.timeout != after.timeout:
        found.append(f"time limit {before.timeout} s to {after.timeout} s")
    return found or ["rolled out again"]


class RollBackView(ServiceMixin, ActionView):
    """An update to the image and size of an earlier revision."""

    form_class = ConfirmForm
    template_name = "frontend/services/roll_back.html"
    permission, tab = Permission.SERVICE_WRITE, "history"
    busy = "Starting…"

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        if request.user.is_authenticated:
            self.revision = self.one(self.object.revisions.select_related("image"), number=kwargs["number"])

    def get_title(self):
        return f"Roll back to revision {self.revision.number}?"

    def act(self):
        old = self.revision
        return actions.update_service(
            user=self.request.user,
            service=self.object,
            image=old.image,
            note=f"Back to revision {old.number}",
            cpu=old.cpu,
            memory=old.memory,
            timeout=old.timeout,
            collect_data=old.collect_data,
        )

    def get_success_url(self):
        return reverse("pages:operation", args=[self.group.name, self.result.pk])

    def get_context_data(self, **kwargs):
        back = reverse("pages:service_history", args=[self.group.name, self.object.name])
        return super().get_context_data(revision=self.revision, submit="Roll back", back=back, **kwargs)


class CreateServiceView(ActionView):
    form_class = CreateServiceForm
    template_name = "frontend/services/form.html"
    title, submit, busy = "Deploy a service", "Deploy", "Starting…"
    permission = Permission.SERVICE_WRITE

    def get_crumbs(self):
        return [("Services", reverse("pages:services", args=[self.group.name]))]

    def get_form_kwargs(self):
        return {
            **super().get_form_kwargs(),
            "images": self.scope(Image, Permission.IMAGE_READ).built().select_related("manifest").order_by("-created_at")[:OFFERED],
            "environments": self.scope(Environment, Permission.ENVIRONMENT_READ).order_by("-is_default", "name"),
        }

    def get_initial(self):
        asked = self.request.GET.get("image", "")
        return {"image": asked, "name": asked.rpartition(":")[0]}

    def act(self, **values):
        operation, keys = actions.create_service(user=self.request.user, group=self.group, **values)
        keep_keys(self.request, operation.service, keys)
        return operation

    def get_success_url(self):
        return reverse("pages:operation", args=[self.group.name, self.result.pk])

    def get_context_data(self, **kwargs):
        return super().get_context_data(back=reverse("pages:services", args=[self.group.name]), **kwargs)


class ServiceSettingsView(ServiceMixin, ActionView):
    form_class = UpdateServiceForm
    template_name = "frontend/services/settings.html"
    tab, title, submit, busy = "settings", "Settings", "Update service", "Starting…"
    permission = Permission.SERVICE_WRITE
    FIELDS = ("replicas", "cpu", "memory", "access", "timeout", "collect_data", "description")

    def get_form_kwargs(self):
        images = self.scope(Image, Permission.IMAGE_READ).built().select_related("manifest").order_by("-created_at")[:OFFERED]
        return {**super().get_form_kwargs(), "images": images}

    def get_initial(self):
        current = self.serving or next(iter(self.object.revisions.all()), None)
        found = {name: getattr(self.object, name) for name in self.FIELDS}
        asked = self.request.GET.get("image") or (str(current.image) if current else "")
        return {**found, "image": asked, "allowed_origins": "\n".join(self.object.allowed_origins)}

    def act(self, image, **values):
        current = self.serving
        same = current is not None and image == current.image
        return actions.update_service(user=self.request.user, service=self.object, image=None if same else image, **values)

    def get_success_url(self):
        if self.result is None:
            messages.success(self.request, "Saved. Nothing had to be rolled out.")
            return reverse("pages:service_settings", args=[self.group.name, self.object.name])
        return reverse("pages:operation", args=[self.group.name, self.result.pk])


class StopServiceView(ServiceMixin, PostView):
    def act(self):
        operation = actions.stop_service(user=self.request.user, service=self.object)
        return reverse("pages:operation", args=[self.group.name, operation.pk])


class StartServiceView(ServiceMixin, PostView):
    def act(self):
        operation = actions.start_service(user=self.request.user, service=self.object)
        return reverse("pages:operation", args=[self.group.name, operation.pk])


class DeleteServiceView(ServiceMixin, ActionView):
    form_class = DangerForm
    template_name = "frontend/confirm.html"
    permission, tab = Permission.SERVICE_DELETE, "settings"
    submit, busy, danger = "Delete this service", "Deleting…", True

    def get_form_kwargs(self):
        return {**super().get_form_kwargs(), "expected": self.object.name}

    def get_title(self):
        return f"Delete {self.object}?"

    def act(self, confirm):
        return actions.delete_service(user=self.request.user, service=self.object)

    def get_success_url(self):
        return reverse("pages:operation", args=[self.group.name, self.result.pk])

    def get_context_data(self, **kwargs):
        goes = "Callers get 404 at once. The URL, both keys, the history and the counts go."
        return super().get_context_data(back=self.address, goes=goes, stays="Its image, manifest and models.", users=[], **kwargs)


class ServiceDocsView(ServiceMixin, DetailView):
    """Swagger UI on the service's own document; this page alone may call the gateway."""

    template_name, tab, title = "frontend/services/docs.html", "docs", "Try it"

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

    def get(self, request, *args, **kwargs):
        make = swagger.swagger_2 if kwargs["version"] == "swagger" else swagger.openapi
        return JsonResponse(make(self.object))
