"""Where one lands: the groups, and a group's home."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth import login
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views import View

from deployments import standing, system
from deployments.models import Operation, OperationStep, Service, ServiceKey, TrafficBucket
from deployments.states import for_states, service_state
from frontend.context import THEMES
from frontend.forms.people import FirstAdministratorForm
from frontend.frame import RUNNING
from frontend.paging import MOST_COUNTED, told
from frontend.tables import LAST_MINUTES, ServiceTable
from frontend.views.base import ActionView, DetailView, how_many_of
from frontend.words import event_words
from portal.accounts import actions
from portal.accounts.models import Event, ResourceGroup
from portal.accounts.permissions import Permission
from registry.models import Image, Manifest, ModelVersion

YEAR = 365 * 24 * 3600
#: services in the table, and services in trouble above it
SHOWN = 8
#: states that come first
TROUBLE = ("Failed", "Degraded")
#: services whose keys are old
OLD_KEYS = 5


class StartView(LoginRequiredMixin, View):
    """To the only group, to a choice of groups, or to a welcome for who is in none."""

    def get(self, request):
        groups = list(ResourceGroup.objects.allowing(request.user, Permission.GROUP_READ))
        if len(groups) == 1:
            return HttpResponseRedirect(reverse("pages:home", args=[groups[0].name]))
        return render(request, "frontend/groups.html", {"title": _("Resource groups") if groups else _("Welcome"), "groups": groups})


class SetupView(ActionView):
    """The first administrator, by the one-time link that the console printed."""

    template_name = "frontend/setup.html"
    form_class = FirstAdministratorForm
    title = _lazy("Create the first administrator")
    submit, busy = _lazy("Create administrator"), _lazy("Creating…")
    login_url = None

    def dispatch(self, request, *args, **kwargs):
        """No sign-in: there is nobody yet. A link that is used up or wrong says so, whatever it was."""
        if not actions.setup_link_is_good(kwargs["link"]):
            return render(request, "frontend/setup_gone.html", {"title": _("This link does not work any more")}, status=404)
        return View.dispatch(self, request, *args, **kwargs)

    def act(self, username, email, password, **rest):
        return actions.create_first_administrator(link=self.kwargs["link"], username=username, email=email, password=password)

    def form_valid(self, form):
        answer = super().form_valid(form)
        if hasattr(self, "result"):
            login(self.request, self.result, backend="django.contrib.auth.backends.ModelBackend")
        return answer

    def get_success_url(self):
        return "/"


class ThemeView(View):
    """Light, dark or as the system, in a cookie, so that the server paints the first frame right."""

    http_method_names = ["post"]

    def post(self, request):
        theme = request.POST.get("theme", "")
        back = request.POST.get("next", "/")
        safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure())
        answer = HttpResponseRedirect(back if safe else "/")
        if theme in THEMES:
            answer.set_cookie("modelport-theme", theme, max_age=YEAR, samesite="Lax", secure=request.is_secure())
        return answer


class HomeView(DetailView):
    template_name = "frontend/home.html"

    def get_object(self):
        return self.group

    def get_context_data(self, **kwargs):
        all_services = self.scope(Service, Permission.SERVICE_READ)
        operations = self.scope(Operation, Permission.OPERATION_READ)
        counts = how_many_of(
            models=self.scope(ModelVersion, Permission.MODEL_READ),
            manifests=self.scope(Manifest, Permission.MANIFEST_READ)[:1],
            images=self.scope(Image, Permission.IMAGE_READ).built(),
            services=all_services,
            settled=standing.settled(all_services),
            called=TrafficBucket.objects.filter(service__in=all_services.values("pk"))[:1],
        )
        down = standing.not_running(all_services) if counts["services"] else standing.NotRunning()
        counts["up"] = counts["settled"] if counts["settled"] > MOST_COUNTED else counts["settled"] - len(down)
        services = self.services(all_services, down) if counts["services"] else []
        trouble = [service for service in services if service.shown.word in TROUBLE][:SHOWN]
        running, failed = self.work(operations)
        events = list(self.scope(Event, Permission.EVENT_READ)[:10])
        for event in events:
            event.words, event.address = event_words(event)
        return super().get_context_data(
            title=_("Home"),
            services=services[:SHOWN],
            table=self.table(services) if services else None,
            trouble=trouble,
            troubled=len(down.troubled),
            running=running,
            failed=failed,
            old_keys=[service.old_key for service in services if service.old_key],
            counts=counts,
            said={name: told(number) for name, number in counts.items()},
            events=events,
            disk=system.storage(),
            steps=self.getting_started(counts, services),
            live=bool(running),
            **kwargs,
        )

    def table(self, services: list[Service]) -> ServiceTable:
        """How they do; the list tells the rest."""
        rest = ("environment", "access", "updated_at")
        return ServiceTable(services[:SHOWN], request=self.request, group=self.group, orderable=False, exclude=rest)

    def services(self, every, down: standing.NotRunning) -> list[Service]:
        """The busiest, the first by name, those in trouble and those with the oldest keys; `old_key` is the oldest from before half a year.

        Those in trouble come first, then by the calls of the last minutes, which the table tells as well.
        """
        half_a_year = timezone.now() - timedelta(days=180)
        old = self.scope(ServiceKey, Permission.SERVICE_READ).exclude(slot=ServiceKey.Slot.SESSION).filter(created_at__lt=half_a_year)
        old = old.order_by("created_at")
        since = timezone.now() - timedelta(minutes=LAST_MINUTES)
        summed = TrafficBucket.objects.filter(span=60, starts_at__gte=since).order_by().values("service").annotate(all=Sum("calls"))
        busiest = summed.filter(service__in=every.order_by().values("pk"))
        first, *others = (
            Service.objects.order_by().filter(pk__in=some).values("pk")
            for some in (
                every.order_by("name").values("pk")[:SHOWN],
                busiest.order_by("-all", "service").values("service")[:SHOWN],
                [*down.short[:SHOWN], *down.gone[:SHOWN]],
                old.filter(service__deleting=False).values("service")[:OLD_KEYS],
            )
        )
        # Each finds its few by an index; with OR, every service of the group would be held against all four.
        wanted = first.union(*others)
        of_it, its_calls = old.filter(service=OuterRef("pk")), summed.filter(service=OuterRef("pk")).values("all")
        rows = (
            every.filter(pk__in=wanted)
            .order_by("name")
            .annotate(old_slot=Subquery(of_it.values("slot")[:1]), old_since=Subquery(of_it.values("created_at")[:1]))
            .annotate(lately=Coalesce(Subquery(its_calls), 0))
        )
        found, left = list(for_states(rows)), OLD_KEYS
        for service in found:
            service.shown, service.old_key = service_state(service), None
            if service.old_slot and left and not service.deleting:
                service.old_key, left = ServiceKey(service=service, slot=service.old_slot, created_at=service.old_since), left - 1
        return sorted(found, key=lambda service: (service.shown.word not in TROUBLE, -service.lately, service.name))

    @staticmethod
    def work(operations) -> tuple[list[Operation], list[Operation]]:
        """(what runs, what failed this week), the newest first; with the step that each is at."""
        lately = timezone.now() - timedelta(days=7)
        newest = operations.order_by("-created_at")
        running = newest.filter(state__in=RUNNING).values("pk")[:10]
        failed = newest.filter(state=Operation.State.FAILED, created_at__gte=lately).values("pk")[:5]
        last = OperationStep.objects.filter(operation=OuterRef("pk")).order_by("-order")
        # Which states and since when is said once more outside: that is what an index answers.
        both = newest.filter(Q(state__in=RUNNING) | Q(state=Operation.State.FAILED, created_at__gte=lately))
        both = both.filter(Q(pk__in=running) | Q(pk__in=failed))
        rows = list(both.annotate(step=Subquery(last.values("title")[:1]), step_at=Subquery(last.values("started_at")[:1])))
        for row in rows:
            row.step_seconds = (timezone.now() - row.step_at).total_seconds() if row.step_at else None
        ended = [row for row in rows if row.state == Operation.State.FAILED]
        return [row for row in rows if row.state != Operation.State.FAILED], ended

    def getting_started(self, counts: dict, services: list) -> list[dict]:
        """Five ticks; empty once all are done."""
        if len(services) > 3:
            return []
        name = self.group.name
        steps = [
            {
                "done": counts["models"],
                "words": _("Register a model"),
                "what": _("a file or folder with a name"),
                "url": reverse("pages:new_model", args=[name]),
            },
            {
                "done": counts["manifests"],
                "words": _("Write a manifest"),
                "what": _("score.py, schema, dependencies"),
                "url": reverse("pages:new_manifest", args=[name]),
            },
            {
                "done": counts["images"],
                "words": _("Build an image"),
                "what": _("everything in one, tried once"),
                "url": reverse("pages:new_image", args=[name]),
            },
            {
                "done": services,
                "words": _("Deploy a service"),
                "what": _("a URL and two keys"),
                "url": reverse("pages:new_service", args=[name]),
            },
            {
                "done": counts["called"],
                "words": _("Call it"),
                "what": _("curl or Python, from the service's page"),
                "url": reverse("pages:services", args=[name]),
            },
        ]
        return [] if all(step["done"] for step in steps) else steps


def help_page(request):
    return render(request, "frontend/help.html", {"title": _("Help")})
