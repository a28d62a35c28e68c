"""Operations: list, show with steps and log, cancel, run again."""

from __future__ import annotations

import platform

from django.conf import settings
from django.contrib import messages
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from deployments import steplog
from deployments.actions import operations as actions
from deployments.actions import proposals
from deployments.models import Operation, OperationStep, Revision, Service
from deployments.proposals import excerpt_of, proposal_for
from deployments.steps import step_log_path
from deployments.usual import place_in_queue, steps_to_come, usual_seconds
from frontend.filters import OperationFilter
from frontend.flash import take_keys
from frontend.logs.html import lines_html
from frontend.tables import OperationTable
from frontend.views.base import DetailView, ListView, ObjectMixin, PostView
from portal.accounts.permissions import Permission
from registry.models import Manifest

#: lines of a step that stand in the page at load; the rest is asked for
SHOWN_LINES = 500
#: seconds in the queue after which the page says why that may be
LONG_WAIT = 120


class OperationListView(ListView):
    title, model, permission = _l("Operations"), Operation, Permission.OPERATION_READ
    table_class, filterset_class = OperationTable, OperationFilter
    quick = [(_l("All"), ""), (_l("Running now"), "running=1"), (_l("Failed"), "state=Failed")]
    empty = {
        "icon": "activity",
        "title": _l("Nothing has run yet"),
        "what": _l("Builds and rollouts take a while and are shown here while they run and afterwards."),
    }

    def get_queryset(self):
        return super().get_queryset().select_related("created_by")


class OperationMixin(ObjectMixin):
    def get_object(self) -> Operation:
        rows = self.scope(Operation, Permission.OPERATION_READ)
        rows = rows.select_related(
            "group", "image", "service__group", "revision", "manifest", "environment", "created_by", "followed_by", "follows",
            "following__service", "following__alias__model",
        )  # fmt: skip
        return self.one(rows, pk=self.kwargs["pk"])

    def get_crumbs(self):
        return [(_("Operations"), reverse("pages:operations", args=[self.group.name]))]

    @property
    def address(self) -> str:
        return reverse("pages:operation", args=[self.group.name, self.object.pk])


def waited(operation: Operation) -> float | None:
    """Seconds in the queue, once they are more than a free worker ever needs."""
    if operation.state != Operation.State.NOT_STARTED:
        return None
    seconds = (timezone.now() - operation.created_at).total_seconds()
    return seconds if seconds > LONG_WAIT else None


class OperationView(OperationMixin, DetailView):
    template_name = "frontend/operations/detail.html"

    def get_context_data(self, **kwargs):
        operation = self.object
        chain = chain_of(operation)
        steps = list(operation.steps.all())
        service = operation.service or next((one.service for one in chain if one.service), None) or self.meant(operation)
        words = {
            "title": operation.label,
            "chain": chain if len(chain) > 1 or operation.then else [],
            "steps": steps,
            "to_come": steps_to_come(operation, steps),
            "service": service,
            "next_one": getattr(operation, "followed_by", None),
            "live": any(not one.is_finished for one in chain) or self.expects_more(operation),
            "queue": place_in_queue(operation),
            "stuck": waited(operation),
            "usual": usual_seconds(operation) if not operation.is_finished else None,
            "took": took(operation),
            "proposal": proposal_for(operation),
            "excerpt": excerpt_of(operation),
            "to_mend": manifest_to_mend(operation),
            "still_serves": still_serves(operation, service),
        }
        if not self.request.htmx:
            words |= self.log(steps) | {"values": take_keys(self.request, service), "report": report(operation, steps)}
        return super().get_context_data(**words, **kwargs)

    def log(self, steps: list[OperationStep]) -> dict:
        """The end of each step's log, or the part that `?from=<line>` asks for; and where the stream goes on."""
        asked = self.request.GET.get("from", "")
        wanted = int(asked) if asked.isdecimal() else None
        folds, before, place = [], 0, "0:0"
        for step in steps:
            path = step_log_path(step)
            part = steplog.tail(path, SHOWN_LINES)
            place = f"{step.order}:{part.end}"
            if wanted is not None and before < wanted <= before + part.total:
                part = steplog.window(path, wanted - before, SHOWN_LINES)
            first, last = before + part.first, before + part.first + len(part.lines) - 1
            folds.append(
                {
                    "step": step,
                    "html": lines_html(part.lines, first),
                    "begin": before + 1,
                    "first": first,
                    "last": last,
                    "total": before + part.total,
                    "earlier": max(before + 1, first - SHOWN_LINES) if part.first > 1 else None,
                    "later": last + 1 if last < before + part.total else None,
                    "open": step.state in (OperationStep.State.RUNNING, OperationStep.State.FAILED) or wanted is not None,
                }
            )
            before += part.total
        address = reverse("pages:operation_stream", args=[self.group.name, self.object.pk])
        return {"folds": folds, "stream": "" if self.object.is_finished else f"{address}?after={place}", "line_count": before}

    def meant(self, operation: Operation) -> Service | None:
        """The service that waits for the image of a one-step deployment."""
        wanted = (operation.then or {}).get("service")
        return self.scope(Service, Permission.SERVICE_READ).filter(pk=wanted).select_related("group").first() if wanted else None

    @staticmethod
    def expects_more(operation: Operation) -> bool:
        """One step: the image is ready and the rollout's row is about to be written."""
        return operation.state == Operation.State.SUCCEEDED and bool(operation.then) and not hasattr(operation, "followed_by")


def manifest_to_mend(operation: Operation) -> Manifest | None:
    """Whose files have to change before another try can end better; None when the machine or the network was the cause."""
    yours = operation.state == Operation.State.FAILED and (operation.error or {}).get("fault") == "yours"
    return (operation.manifest or (operation.image and operation.image.manifest)) if yours else None


def still_serves(operation: Operation, service: Service | None) -> bool:
    """Whether callers are answered although this rollout has not ended well."""
    if service is None or operation.kind != Operation.Kind.SERVICE or operation.state == Operation.State.SUCCEEDED:
        return False
    return service.revisions.filter(state=Revision.State.SERVING).exists()


def took(operation: Operation) -> float | None:
    """Seconds from its start to its end, or to now."""
    return ((operation.ended_at or timezone.now()) - operation.started_at).total_seconds() if operation.started_at else None


def chain_of(operation: Operation) -> list[Operation]:
    """The operations of a one-step deployment, first to last."""
    first = operation
    while first.follows_id:
        first = first.follows
    chain = [first]
    while hasattr(chain[-1], "followed_by") and len(chain) < 10:
        chain.append(chain[-1].followed_by)
    return chain


def report(operation: Operation, steps: list[OperationStep]) -> str:
    """What somebody who is asked for help wants to know, to be copied in one go."""
    error = operation.error or {}
    rows = [
        f"Modelport {settings.SPECTACULAR_SETTINGS['VERSION']}, Python {platform.python_version()}, {platform.platform()}",
        f"{operation} ({operation.state}), operation {operation.pk}, attempt {operation.attempts}",
        f"asked {operation.created_at:%Y-%m-%d %H:%M:%S} UTC" + (f", took {took(operation):.1f} s" if operation.started_at else ""),
    ]
    if operation.manifest:
        rows.append(f"manifest {operation.manifest} ({operation.manifest.pk}), Python {operation.manifest.python}")
    if operation.environment:
        rows.append(f"environment {operation.environment} ({operation.environment.target})")
    rows += [f"  {step.name}: {step.state}, {step.seconds:.1f} s {step.note}".rstrip() for step in steps]
    if error:
        where = f" at {error.get('file')}" + (f" line {error['line']}" if error.get("line") else "") if error.get("file") else ""
        rows += [f"{error.get('code')}{where}: {error.get('message')}", "", *error.get("lines", [])]
    return "\n".join(rows)


class CancelOperationView(OperationMixin, PostView):
    def act(self):
        actions.cancel_operation(user=self.request.user, operation=self.object)
        return self.address


class RerunOperationView(OperationMixin, PostView):
    def act(self):
        again = actions.rerun_operation(user=self.request.user, operation=self.object)
        return reverse("pages:operation", args=[self.group.name, again.pk])


class ApplyProposalView(OperationMixin, PostView):
    def act(self):
        again = proposals.apply_proposal(user=self.request.user, operation=self.object)
        messages.success(self.request, _("Manifest %(manifest)s has the change, and is being built.") % {"manifest": again.manifest})
        return reverse("pages:operation", args=[self.group.name, again.pk])
