"""The golden tab of a service: saved requests, what new revisions answered, and the decision about them."""

from __future__ import annotations

import json

from django.contrib import messages
from django.db.models import Q
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from deployments import swagger
from deployments.actions import golden as actions
from deployments.models import GoldenCheck, GoldenRequest, GoldenRun, Operation
from frontend.forms.golden import GoldenPolicyForm, GoldenRequestForm
from frontend.views.base import ActionView, PostView
from frontend.views.operations import OperationMixin
from frontend.views.services import ServiceMixin
from portal.accounts.permissions import Permission

SHOWN_RUNS = 5


class GoldenPage(ServiceMixin):
    tab, title = "golden", _("Golden requests")

    @property
    def here(self) -> str:
        return reverse("pages:service_golden", args=[self.group.name, self.object.name])

    @cached_property
    def requests(self) -> list[GoldenRequest]:
        return list(self.object.golden_requests.select_related("created_by"))

    def golden(self):
        return self.one(self.object.golden_requests, pk=self.kwargs["golden"])


class ServiceGoldenView(GoldenPage, ActionView):
    """The list, and the form that adds one or writes one anew."""

    template_name, form_class = "frontend/services/golden.html", GoldenRequestForm
    submit, busy, done = _("Save request"), _("Saving…"), _("Saved. The next revision is asked it before it takes traffic.")
    permission = Permission.SERVICE_WRITE
    asks = {"whole": True}

    def get_initial(self):
        asked = self.request.GET.get("edit", "")
        if edited := next((golden for golden in self.requests if golden.name == asked), None):
            return {name: getattr(edited, name) for name in ("name", "body", "expected", "tolerances")}
        sample = swagger.sample(self.object)
        return {"body": json.dumps(sample, indent=2, ensure_ascii=False) if sample is not None else ""}

    def act(self, **values):
        return actions.save_golden_request(user=self.request.user, service=self.object, **values)

    def get_success_url(self):
        return self.here

    def get_template_names(self):
        return ["frontend/services/golden.html#asked"] if self.request.htmx and not self.request.htmx.boosted else [self.template_name]

    def get_context_data(self, **kwargs):
        service = self.object
        runs = list(
            GoldenRun.objects.filter(revision__service=service)
            .select_related("revision__image", "decided_by")
            .order_by("-created_at")[:SHOWN_RUNS]
        )
        check = GoldenCheck.objects.filter(revision__service=service).select_related("revision__image").order_by("-created_at").first()
        asked = service.operations.filter(kind=Operation.Kind.GOLDEN).order_by("-created_at")
        held = service.operations.filter(state=Operation.State.WAITING)
        operations = list(service.operations.filter(Q(pk__in=asked.values("pk")[:1]) | Q(pk__in=held.values("pk")[:1])))
        asking = next((one for one in operations if one.kind == Operation.Kind.GOLDEN), None)
        waiting = next((one for one in operations if one.state == Operation.State.WAITING), None)
        newest = max((each for each in (check, *runs[:1]) if each), key=lambda each: each.created_at, default=None)
        last = {result["name"]: result for result in (newest.results if newest else [])}
        for golden in self.requests:
            golden.last = last.get(golden.name)
        return super().get_context_data(
            requests=self.requests,
            runs=runs,
            waiting=waiting,
            check=check,
            changed=sum(result["outcome"] != "same" for result in check.results) if check else 0,
            asking=asking if asking and asking.state != Operation.State.SUCCEEDED else None,
            live=asking is not None and not asking.is_finished,
            pending=next((run for run in runs if waiting and run.revision_id == waiting.revision_id), None),
            policy=GoldenPolicyForm(initial={"policy": service.golden_policy}),
            edited="edit" in self.request.GET,
            **kwargs,
        )


class DraftGoldenView(ServiceGoldenView):
    """The form with a request and its answer in it, as *Try it* sends them; nothing is kept yet."""

    http_method_names = ["post"]

    def get_initial(self):
        return {name: self.request.POST.get(name, "") for name in ("body", "expected")}

    def get_form_kwargs(self):
        return {"initial": self.get_initial(), "prefix": None}

    def post(self, request, *args, **kwargs):
        return self.render_to_response(self.get_context_data(drafted=True))


class AskNowView(GoldenPage, PostView):
    def act(self):
        actions.ask_now(user=self.request.user, service=self.object)
        return f"{self.here}#asked"


class DeleteGoldenRequestView(GoldenPage, PostView):
    def act(self):
        actions.delete_golden_request(user=self.request.user, golden=self.golden())
        messages.success(self.request, gettext("Deleted."))
        return self.here


class GoldenPolicyView(GoldenPage, PostView):
    def act(self):
        actions.set_golden_policy(user=self.request.user, service=self.object, policy=self.request.POST.get("policy", ""))
        messages.success(self.request, gettext("Saved."))
        return self.here


class DecideView(OperationMixin, PostView):
    """Approve, approve and keep the new answers, or reject."""

    def act(self):
        said = self.request.POST.get("decision", "")
        if said == "reject":
            actions.reject_answers(user=self.request.user, operation=self.object)
        else:
            actions.approve_answers(user=self.request.user, operation=self.object, save=said == "save")
        return self.address
