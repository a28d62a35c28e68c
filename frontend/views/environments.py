"""Environments: list, show, create, change, test, delete."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from deployments import engines
from deployments.actions import environments as actions
from deployments.models import Environment, Service
from deployments.states import for_states, service_state
from frontend.filters import EnvironmentFilter
from frontend.forms.deployments import ConfirmForm, EnvironmentForm
from frontend.tables import EnvironmentTable
from frontend.views.base import ActionView, DetailView, ListView, ObjectMixin, PostView
from frontend.views.edited import EditedMixin
from frontend.words import environment_state
from portal.accounts.permissions import Permission

#: how long a page waits for the answer of a connection test
TEST_PATIENCE = timedelta(seconds=30)


class EnvironmentListView(ListView):
    title, model, permission = _lazy("Environments"), Environment, Permission.ENVIRONMENT_READ
    table_class, filterset_class = EnvironmentTable, EnvironmentFilter
    empty = {
        "icon": "server-2",
        "title": _lazy("No environments"),
        "what": _lazy("An environment is where images are built and services run."),
    }

    def get_queryset(self):
        return super().get_queryset().annotate(service_count=Count("services"))

    def get_context_data(self, **kwargs):
        self.create = (_("New environment"), reverse("pages:new_environment", args=[self.group.name]), Permission.ENVIRONMENT_WRITE)
        return super().get_context_data(**kwargs)


class EnvironmentMixin(ObjectMixin):
    def get_object(self) -> Environment:
        rows = self.scope(Environment, Permission.ENVIRONMENT_READ).select_related("group")
        return self.one(rows, name=self.kwargs["name"])

    def get_crumbs(self):
        return [(_("Environments"), reverse("pages:environments", args=[self.group.name]))]

    @property
    def address(self) -> str:
        return reverse("pages:environment", args=[self.group.name, self.object.name])


class EnvironmentView(EnvironmentMixin, DetailView):
    template_name = "frontend/environments/detail.html"

    def get_context_data(self, **kwargs):
        environment = self.object
        services = list(for_states(environment.services.all())[:50])
        for service in services:
            service.shown = service_state(service)
        asked = self.request.session.get(f"tested-{environment.pk}")
        waiting, answered = False, True
        if asked:
            since = timezone.datetime.fromisoformat(asked)
            answered = environment.checked_at and environment.checked_at >= since
            waiting = not answered and timezone.now() - since < TEST_PATIENCE
        return super().get_context_data(
            kind=engines.title(environment.target),
            kind_about=engines.about(environment.target),
            state=environment_state(environment),
            services=services,
            waiting=waiting,
            overdue=bool(asked) and not waiting and not answered,
            live=waiting,
            **kwargs,
        )


class TestEnvironmentView(EnvironmentMixin, PostView):
    """Sends a worker to look; the page asks until it has."""

    def act(self):
        self.request.session[f"tested-{self.object.pk}"] = timezone.now().isoformat()
        actions.test_environment(user=self.request.user, environment=self.object)
        return self.address


class CreateEnvironmentView(ActionView):
    form_class = EnvironmentForm
    title, submit, busy = _lazy("New environment"), _lazy("Create environment"), _lazy("Creating…")
    done = _lazy("Created. The connection is being tested.")
    permission = Permission.ENVIRONMENT_WRITE

    def get_crumbs(self):
        return [(_("Environments"), reverse("pages:environments", args=[self.group.name]))]

    def act(self, **values):
        return actions.create_environment(user=self.request.user, group=self.group, **values)

    def get_success_url(self):
        return reverse("pages:environment", args=[self.group.name, self.result.name])

    def get_context_data(self, **kwargs):
        return super().get_context_data(back=reverse("pages:environments", args=[self.group.name]), **kwargs)


class EditEnvironmentView(EditedMixin, EnvironmentMixin, ActionView):
    form_class = EnvironmentForm
    title, done = _lazy("Edit environment"), _lazy("Saved.")
    permission = Permission.ENVIRONMENT_WRITE
    FIELDS = ("description", "max_replicas", "max_cpu", "max_memory", "is_default")

    def get_form_kwargs(self):
        return {**super().get_form_kwargs(), "editing": True}

    def get_initial(self):
        return {name: getattr(self.object, name) for name in self.FIELDS}

    def act(self, **values):
        return actions.update_environment(user=self.request.user, environment=self.object, **values)

    def get_success_url(self):
        return self.address

    def get_crumbs(self):
        return [*super().get_crumbs(), (self.object.name, self.address)]

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            back=self.address, intro=_("New limits hold for the next deployment; what runs keeps running."), **kwargs
        )


class DeleteEnvironmentView(EnvironmentMixin, ActionView):
    form_class = ConfirmForm
    template_name = "frontend/confirm.html"
    permission = Permission.ENVIRONMENT_WRITE
    submit, busy, danger, done = _lazy("Delete this environment"), _lazy("Deleting…"), True, _lazy("Deleted.")

    def get_title(self):
        return _("Delete %(thing)s?") % {"thing": self.object}

    def act(self):
        actions.delete_environment(user=self.request.user, environment=self.object)

    def get_success_url(self):
        return reverse("pages:environments", args=[self.group.name])

    def get_context_data(self, **kwargs):
        users = [("service", service.name) for service in Service.objects.filter(environment=self.object)[:20]]
        return super().get_context_data(
            back=self.address, goes=_("The environment and its limits."), stays=_("Images that were built here."), users=users, **kwargs
        )
