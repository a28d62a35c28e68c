"""Services: list, show with snippets, deploy, update, stop, start, delete."""

from __future__ import annotations

import json

from django.contrib import messages
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from deployments import swagger
from deployments.actions import services as actions
from deployments.filters import ServiceFilter
from deployments.models import Environment, Following, Operation, Revision, Service
from deployments.standing import telling
from deployments.states import following_states, for_states, service_state, with_following, work_on
from deployments.telemetry import series
from deployments.telemetry.window import Window
from frontend import snippets, sparklines
from frontend.flash import keep_keys
from frontend.forms.deployments import CreateServiceForm, DangerForm, UpdateServiceForm
from frontend.tables import ServiceTable
from frontend.views.base import ActionView, DetailView, ListView, ObjectMixin, PostView
from frontend.views.edited import EditedMixin
from portal.accounts.permissions import Permission
from portal.names import parse_id
from registry.models import Image

#: images in the forms: the newest, and the one that was asked for
OFFERED = 100
#: characters of the sample answer on the page
MOST_ANSWER = 4000
TABS = [
    ("overview", _("Overview"), "service"),
    ("try", _("Try it"), "service_try"),
    ("docs", _("API"), "service_docs"),
    ("metrics", _("Metrics"), "service_metrics"),
    ("logs", _("Logs"), "service_logs"),
    ("collected", _("Collected data"), "service_collected"),
    ("keys", _("Keys"), "service_keys"),
    ("golden", _("Golden requests"), "service_golden"),
    ("history", _("History"), "service_history"),
    ("settings", _("Settings"), "service_settings"),
]


def offered(images, asked: str) -> list[Image]:
    """Without what they hold: a form shows names."""
    rows = images.built().select_related("manifest").defer("packages", "probe", "manifest__service_schema", "manifest__requirements")
    found = list(rows.order_by("-created_at")[:OFFERED])
    said = parse_id(asked)
    missing = said is not None and asked not in {str(image) for image in found}
    return found + list(rows.filter(**said)) if missing else found


class ServiceListView(ListView):
    title, model, permission = _("Services"), Service, Permission.SERVICE_READ
    table_class, filterset_class = ServiceTable, ServiceFilter
    quick = [(_("All"), ""), (_("In trouble"), "state=trouble"), (_("Stopped"), "state=stopped")]
    empty = {
        "icon": "rocket",
        "title": _("No services yet"),
        "what": _("A service is an image at a stable URL, protected by two keys. Deploy the first one."),
        "command": "modelport service create realtime -n iris --image-id iris:1",
    }

    def get_queryset(self):
        return for_states(super().get_queryset())

    def get_context_data(self, **kwargs):
        self.create = (_("Deploy a service"), reverse("pages:new_service", args=[self.group.name]), Permission.SERVICE_WRITE)
        return super().get_context_data(**kwargs)


class ServiceMixin(ObjectMixin):
    tab = ""
    #: what the page needs of the service's revisions, for `telling_revisions`
    asks: dict[str, object] = {}

    def rows(self):
        return self.scope(Service, Permission.SERVICE_READ)

    def get_object(self) -> Service:
        service = self.one(for_states(self.rows(), **self.asks), name=self.kwargs["name"])
        service.shown = service_state(service)
        return service

    def get_crumbs(self):
        crumbs = [(_("Services"), reverse("pages:services", args=[self.group.name]))]
        return crumbs if self.tab == "overview" else [*crumbs, (self.object.name, self.address)]

    @property
    def address(self) -> str:
        return reverse("pages:service", args=[self.group.name, self.object.name])

    @property
    def serving(self) -> Revision | None:
        return next((revision for revision in telling(self.object) if revision.state == Revision.State.SERVING), None)

    def get_context_data(self, **kwargs):
        tabs = [(key, words, reverse(f"pages:{page}", args=[self.group.name, self.object.name])) for key, words, page in TABS]
        return super().get_context_data(tab=self.tab, tabs=tabs, shown=self.object.shown, serving=self.serving, **kwargs)


def follow_of(service) -> dict | None:
    """{row, now}: what the service follows and how it stands; None, and no question to the database, when it follows nothing."""
    if getattr(service, "following", None) is None:
        return None
    return next(({"row": row, "now": now} for row, now in following_states(Following.objects.filter(service=service))), None)


class ServiceView(ServiceMixin, DetailView):
    template_name, tab = "frontend/services/detail.html", "overview"
    asks = {"whole": True}

    def rows(self):
        return with_following(super().rows())

    def get_context_data(self, **kwargs):
        service = self.object
        operation, follow = work_on(service)
        return super().get_context_data(
            live=True,
            follow=follow and {"row": follow[0], "now": follow[1]},
            operation=operation,
            unbuilt=self.unbuilt(service),
            sparks=sparklines.of(series.metrics(service, Window.asked({"range": "1h"}), small=True), ready_now=service.shown.ready),
            replicas=[
                replica for revision in telling(service) for replica in revision.replicas.all() if revision.state != Revision.State.RETIRED
            ],
            # What the page shows once is not made again for each look.
            **({} if self.request.htmx else self.calling(service)),
            **kwargs,
        )

    def unbuilt(self, service: Service) -> Operation | None:
        """The failed build that its first revision waited for: nothing has run, so no log of a replica says why."""
        if not service.trouble or swagger.shown_revision(service):
            return None
        built = self.scope(Operation, Permission.OPERATION_READ).filter(then__service=str(service.pk), state=Operation.State.FAILED)
        return built.order_by("-created_at").first()

    def calling(self, service: Service) -> dict:
        """Snippets with the schema's sample, and what the image answered to it when it was first started."""
        revision = swagger.shown_revision(service)
        answer = revision.image.probe.get("sample_result") if revision else None
        body, kept = snippets.body_of(service)
        return {
            "snippets": snippets.all_of(service, body),
            "kept": kept,
            "untold": body is None,
            "answer": json.dumps(answer, indent=2, ensure_ascii=False)[:MOST_ANSWER] if answer is not None else "",
            "models": [use.version for use in revision.image.manifest.uses.select_related("version__model")] if revision else [],
            "manifest": revision.image.manifest if revision else None,
        }


class CreateServiceView(ActionView):
    form_class = CreateServiceForm
    template_name = "frontend/services/form.html"
    title, submit, busy = _("Deploy a service"), _("Deploy"), _("Starting…")
    permission = Permission.SERVICE_WRITE

    def get_crumbs(self):
        return [(_("Services"), reverse("pages:services", args=[self.group.name]))]

    def get_form_kwargs(self):
        return {
            **super().get_form_kwargs(),
            "images": offered(self.scope(Image, Permission.IMAGE_READ), self.request.POST.get("image") or self.get_initial()["image"]),
            "environments": self.scope(Environment, Permission.ENVIRONMENT_READ).order_by("-is_default", "name"),
        }

    def get_initial(self):
        asked = self.request.GET.get("image", "")
        return {"image": asked, "name": asked.rpartition(":")[0]}

    def act(self, **values):
        # What is left empty keeps the usual value.
        given = {name: value for name, value in values.items() if value is not None}
        operation, keys = actions.create_service(user=self.request.user, group=self.group, **given)
        keep_keys(self.request, operation.service, keys)
        return operation

    def get_success_url(self):
        return reverse("pages:operation", args=[self.group.name, self.result.pk])

    def get_context_data(self, **kwargs):
        return super().get_context_data(back=reverse("pages:services", args=[self.group.name]), **kwargs)


class ServiceSettingsView(EditedMixin, ServiceMixin, ActionView):
    form_class = UpdateServiceForm
    template_name = "frontend/services/settings.html"
    tab, title, submit, busy = "settings", _("Settings"), _("Update service"), _("Starting…")
    permission = Permission.SERVICE_WRITE
    FIELDS = (
        "replicas",
        "cpu",
        "memory",
        "gpus",
        "workers",
        "access",
        "timeout",
        "collect_data",
        "batching",
        "description",
        "contact",
        "open_page",
    )

    def get_form_kwargs(self):
        images = offered(self.scope(Image, Permission.IMAGE_READ), self.request.POST.get("image") or self.get_initial()["image"])
        return {**super().get_form_kwargs(), "images": images}

    def get_initial(self):
        current = self.serving or next(iter(telling(self.object)), None)
        found = {name: getattr(self.object, name) for name in self.FIELDS}
        asked = self.request.GET.get("image") or (str(current.image) if current else "")
        return {**found, "image": asked, "allowed_origins": "\n".join(self.object.allowed_origins)}

    def get_context_data(self, **kwargs):
        return super().get_context_data(follow=follow_of(self.object), **kwargs)

    def act(self, image, **values):
        current = self.serving
        same = current is not None and image == current.image
        return actions.update_service(user=self.request.user, service=self.object, image=None if same else image, **values)

    def get_success_url(self):
        if self.result is None:
            messages.success(self.request, _("Saved. Nothing had to be rolled out."))
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
    submit, busy, danger = _("Delete this service"), _("Deleting…"), True

    def get_form_kwargs(self):
        return {**super().get_form_kwargs(), "expected": self.object.name}

    def get_title(self):
        return _("Delete %(thing)s?") % {"thing": self.object}

    def act(self, confirm):
        return actions.delete_service(user=self.request.user, service=self.object)

    def get_success_url(self):
        return reverse("pages:operation", args=[self.group.name, self.result.pk])

    def get_context_data(self, **kwargs):
        goes = _("Callers get 404 at once. The URL, both keys, the history, the counts and all collected data go.")
        return super().get_context_data(back=self.address, goes=goes, stays=_("Its image, manifest and models."), users=[], **kwargs)
