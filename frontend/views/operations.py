"""Operations: list, show with steps and live log, cancel, run again."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

from asgiref.sync import sync_to_async
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.urls import reverse

from deployments.actions import operations as actions
from deployments.logs import step_log_path
from deployments.models import Operation, OperationStep, Service
from frontend.filters import OperationFilter
from frontend.flash import take_keys
from frontend.tables import OperationTable
from frontend.views.base import DetailView, ListView, ObjectMixin, PostView
from portal.accounts.models import ResourceGroup
from portal.accounts.permissions import Permission

#: lines of a step that stand in the page at load; the rest is in the download
SHOWN_LINES = 500
#: seconds: how often a stream looks, how often it says that it lives, and when it ends so that a restart can drain
LOOK, KEEP_ALIVE, LONGEST = 0.2, 15, 600
CHUNK = 64 * 2**10


class OperationListView(ListView):
    title, model, permission = "Operations", Operation, Permission.OPERATION_READ
    table_class, filterset_class = OperationTable, OperationFilter
    empty = {
        "icon": "activity",
        "title": "Nothing has run yet",
        "what": "Builds and rollouts take a while and are shown here while they run and afterwards.",
    }

    def get_queryset(self):
        return super().get_queryset().select_related("created_by")


class OperationMixin(ObjectMixin):
    def get_object(self) -> Operation:
        rows = self.scope(Operation, Permission.OPERATION_READ)
        rows = rows.select_related(
            "group", "image", "service__group", "revision", "manifest", "environment", "created_by", "followed_by", "follows"
        )
        return self.one(rows, pk=self.kwargs["pk"])

    def get_crumbs(self):
        return [("Operations", reverse("pages:operations", args=[self.group.name]))]

    @property
    def address(self) -> str:
        return reverse("pages:operation", args=[self.group.name, self.object.pk])


class OperationView(OperationMixin, DetailView):
    template_name = "frontend/operations/detail.html"

    def get_context_data(self, **kwargs):
        operation = self.object
        chain = chain_of(operation)
        steps = list(operation.steps.all())
        folds, place = [], "0:0"
        if not self.request.htmx:
            for step in steps:
                lines, size = tail(step_log_path(step), SHOWN_LINES)
                folds.append(
                    {"step": step, "lines": lines, "open": step.state in (OperationStep.State.RUNNING, OperationStep.State.FAILED)}
                )
                place = f"{step.order}:{size}"
        waiting = sum(one.state not in Operation.FINISHED for one in chain)
        service = operation.service or next((one.service for one in chain if one.service), None) or self.meant(operation)
        return super().get_context_data(
            title=operation.label,
            chain=chain if len(chain) > 1 or operation.then else [],
            steps=steps,
            folds=folds,
            stream=None
            if operation.is_finished
            else reverse("pages:operation_stream", args=[self.group.name, operation.pk]) + f"?after={place}",
            service=service,
            next_one=getattr(operation, "followed_by", None),
            live=bool(waiting) or self.expects_more(operation),
            values={} if self.request.htmx else take_keys(self.request, service),
            ahead=self.ahead(operation),
            took=(operation.ended_at - operation.started_at).total_seconds() if operation.started_at and operation.ended_at else None,
            **kwargs,
        )

    def meant(self, operation: Operation) -> Service | None:
        """The service that waits for the image of a one-step deployment."""
        wanted = (operation.then or {}).get("service")
        return self.scope(Service, Permission.SERVICE_READ).filter(pk=wanted).select_related("group").first() if wanted else None

    @staticmethod
    def expects_more(operation: Operation) -> bool:
        """One step: the image is ready and the rollout's row is about to be written."""
        return operation.state == Operation.State.SUCCEEDED and bool(operation.then) and not hasattr(operation, "followed_by")

    @staticmethod
    def ahead(operation: Operation) -> int:
        if operation.state != Operation.State.NOT_STARTED:
            return 0
        return Operation.objects.filter(kind=operation.kind, state=Operation.State.NOT_STARTED, created_at__lt=operation.created_at).count()


def chain_of(operation: Operation) -> list[Operation]:
    """The operations of a one-step deployment, first to last."""
    first = operation
    while first.follows_id:
        first = first.follows
    chain = [first]
    while hasattr(chain[-1], "followed_by") and len(chain) < 10:
        chain.append(chain[-1].followed_by)
    return chain


def tail(path: Path, count: int) -> tuple[list[str], int]:
    """The last lines of a log and its size in bytes at that moment (up to the last whole line)."""
    if not path.exists():
        return [], 0
    with path.open("rb") as file:
        size = path.stat().st_size
        file.seek(max(0, size - 256 * count))
        data = file.read(size - file.tell())
    whole = data.rfind(b"\n") + 1
    return data[:whole].decode(errors="replace").splitlines()[-count:], size - len(data) + whole


class OperationLogView(OperationMixin, DetailView):
    """The whole log as text, for download."""

    def get(self, request, *args, **kwargs):
        def parts():
            for step in self.object.steps.all():
                yield f"== {step.title} ({step.get_state_display()}) ==\n".encode()
                path = step_log_path(step)
                if path.exists():
                    with path.open("rb") as file:
                        while data := file.read(CHUNK):
                            yield data

        answer = StreamingHttpResponse(parts(), content_type="text/plain; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="operation-{self.object.pk}.log"'
        return answer


async def stream(request, group: str, pk):
    """Server-sent events: the log from `Last-Event-ID` (or `?after=`) on, as `<step>:<byte offset>`; ends with `event: end`."""
    operation = await sync_to_async(_visible)(request, group, pk)
    place = request.headers.get("Last-Event-ID") or request.GET.get("after", "0:0")
    order, _, offset = place.partition(":")
    if not (order.isdecimal() and offset.isdecimal()):
        return HttpResponse("after is <step>:<byte offset>", status=400, content_type="text/plain")
    answer = StreamingHttpResponse(_events(request.user, operation, int(order), int(offset)), content_type="text/event-stream")
    answer["Cache-Control"] = "no-cache, no-transform"
    answer["X-Accel-Buffering"] = "no"
    return answer


def _visible(request, group: str, pk) -> Operation:
    visible = ResourceGroup.objects.allowing(request.user, Permission.GROUP_READ)
    found = Operation.objects.allowing(request.user, Permission.OPERATION_READ).filter(group__in=visible, group__name=group, pk=pk).first()
    if found is None:
        raise Http404
    return found


async def _events(user, operation: Operation, order: int, offset: int) -> AsyncIterator[bytes]:
    began = said = time.monotonic()
    looked, finished, steps = 0.0, False, []
    while time.monotonic() - began < LONGEST:
        # The rows are asked for once a second, the file five times: lines come at once, the database stays quiet.
        if time.monotonic() - looked >= 1:
            steps, finished = await sync_to_async(_look)(user, operation.pk)
            looked = time.monotonic()
        for step in steps:
            if step.order < order:
                continue
            if step.order > order:
                order, offset = step.order, 0
            for lines, end in _new_lines(step_log_path(step), offset):
                offset = end
                said = time.monotonic()
                data = json.dumps({"order": step.order, "title": step.title, "lines": lines})
                yield f"id: {order}:{offset}\ndata: {data}\n\n".encode()
            if step.ended_at is None:
                break
        if finished:
            yield b"event: end\ndata: {}\n\n"
            return
        if time.monotonic() - said > KEEP_ALIVE:
            said = time.monotonic()
            yield b": still here\n\n"
        await asyncio.sleep(LOOK)


def _look(user, pk) -> tuple[list[OperationStep], bool]:
    """Finished is asked for first, so that a step that ends in between is read to its end in the next round.

    Asked with the person's rights as they are now: a stream does not outlast a membership.
    """
    state = Operation.objects.allowing(user, Permission.OPERATION_READ).filter(pk=pk).values_list("state", flat=True).first()
    steps = list(OperationStep.objects.filter(operation_id=pk)) if state else []
    return steps, state is None or state in Operation.FINISHED


def _new_lines(path: Path, offset: int):
    """(whole lines, offset behind them) until the end of the file as it is now."""
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(offset)
        while data := file.read(CHUNK):
            whole = data.rfind(b"\n") + 1
            if not whole:
                return
            offset += whole
            yield data[:whole].decode(errors="replace").splitlines(), offset
            file.seek(offset)


class CancelOperationView(OperationMixin, PostView):
    def act(self):
        actions.cancel_operation(user=self.request.user, operation=self.object)
        return self.address


class RerunOperationView(OperationMixin, PostView):
    def act(self):
        again = actions.rerun_operation(user=self.request.user, operation=self.object)
        return reverse("pages:operation", args=[self.group.name, again.pk])
