"""An operation's log: whole as text, a part of it as HTML, where a text stands, and as it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import Http404, HttpResponse, JsonResponse, StreamingHttpResponse
from django.views import View

from deployments import steplog
from deployments.models import Operation
from deployments.steps import step_log_path
from frontend.logs.html import lines_html
from frontend.logs.live import events
from frontend.views.operations import OperationMixin
from portal.accounts.models import ResourceGroup
from portal.accounts.permissions import Permission

#: a proxy in front passes each event on at once
STREAM_HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
#: lines of one answer, and places of a text that are told
MOST_LINES, MOST_FOUND = 1000, 10_000
#: <step>:<byte offset>
_PLACE = re.compile(r"([0-9]{1,9}):([0-9]{1,15})")


class OperationLogView(OperationMixin, View):
    """The whole log as text, for download."""

    def get(self, request, *args, **kwargs):
        def parts() -> Iterator[bytes]:
            for step in self.object.steps.all():
                yield f"== {step.title} ({step.get_state_display()}) ==\n".encode()
                yield from steplog.text_of(step_log_path(step))

        answer = StreamingHttpResponse(parts(), content_type="text/plain; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="operation-{self.object.pk}.log"'
        return answer


class OperationLinesView(OperationMixin, View):
    """`?from=<line>`: up to `count` lines of the step which that line belongs to, as list items. Lines count through all steps.

    Answers {step, first, last, begin, total, html}: the part's lines, and the first and the last line of its step.
    """

    def get(self, request, *args, **kwargs):
        try:
            wanted, most = int(request.GET["from"]), min(int(request.GET.get("count", MOST_LINES)), MOST_LINES)
        except (KeyError, ValueError):
            return HttpResponse("from and count are numbers of lines", status=400, content_type="text/plain")
        before = 0
        for step in self.object.steps.all():
            total = steplog.count(step_log_path(step))
            if before < wanted <= before + total:
                part = steplog.window(step_log_path(step), wanted - before, most)
                first = before + part.first
                place = {"step": step.order, "first": first, "last": first + len(part.lines) - 1}
                return JsonResponse({**place, "begin": before + 1, "total": before + total, "html": lines_html(part.lines, first)})
            before += total
        raise Http404


class FindInLogView(OperationMixin, View):
    """`?q=<text>`: the numbers of the lines that hold it, in all steps."""

    def get(self, request, *args, **kwargs):
        text, found, before = request.GET.get("q", "").strip(), [], 0
        for step in self.object.steps.all() if text else ():
            path = step_log_path(step)
            for number in steplog.find(path, text):
                found.append(before + number)
                if len(found) == MOST_FOUND:
                    return JsonResponse({"lines": found, "more": True})
            before += steplog.count(path)
        return JsonResponse({"lines": found, "more": False})


async def stream(request, group: str, pk):
    """Server-sent events: the log from `Last-Event-ID` (or `?after=`) on, as `<step>:<byte offset>`; ends with `event: end`.

    On a portal they are answered by `frontend.asgi_logs`, which asks this file's questions without keeping a request of Django for minutes.
    """
    operation = await sync_to_async(visible)(request.user, group, pk)
    if operation is None:
        raise Http404
    place = place_of(request.headers.get("Last-Event-ID") or request.GET.get("after"))
    if place is None:
        return HttpResponse("after is <step>:<byte offset>", status=400, content_type="text/plain")
    answer = StreamingHttpResponse(events((request.user.pk, operation), *place), content_type="text/event-stream")
    for name, value in STREAM_HEADERS.items():
        answer[name] = value
    return answer


def visible(user, group: str, pk) -> object | None:
    """The operation's id, if this person may follow it."""
    groups = ResourceGroup.objects.allowing(user, Permission.GROUP_READ)
    seen = Operation.objects.allowing(user, Permission.OPERATION_READ).filter(group__in=groups, group__name=group, pk=pk)
    found = seen.values_list("pk", flat=True).first()
    if not connection.in_atomic_block:
        # The request lasts as long as the stream, and would keep its connection for minutes without using it.
        connection.close()
    return found


def place_of(said: str | None) -> tuple[int, int] | None:
    found = _PLACE.fullmatch(said or "0:0")
    return (int(found[1]), int(found[2])) if found else None
