"""An operation's log: whole as text, a part of it as HTML, where a text stands, and as it is written."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import Http404, HttpResponse, JsonResponse, StreamingHttpResponse
from django.views import View

from deployments import steplog
from deployments.models import Operation, OperationStep
from deployments.steps import step_log_path
from frontend.logs.html import lines_html
from frontend.logs.watch import board
from frontend.views.operations import OperationMixin
from portal.accounts.models import ResourceGroup
from portal.accounts.permissions import Permission

#: seconds: how often a stream looks at its file, how often it says that it lives, and when it ends so that a restart can drain
LOOK, KEEP_ALIVE, LONGEST = 0.2, 15, 600
#: lines of one answer, and places of a text that are told
MOST_LINES, MOST_FOUND = 1000, 10_000


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
    """Server-sent events: the log from `Last-Event-ID` (or `?after=`) on, as `<step>:<byte offset>`; ends with `event: end`."""
    operation = await sync_to_async(_visible)(request, group, pk)
    place = request.headers.get("Last-Event-ID") or request.GET.get("after", "0:0")
    order, _, offset = place.partition(":")
    if not (order.isdecimal() and offset.isdecimal()):
        return HttpResponse("after is <step>:<byte offset>", status=400, content_type="text/plain")
    answer = StreamingHttpResponse(_events((request.user.pk, operation.pk), int(order), int(offset)), content_type="text/event-stream")
    answer["Cache-Control"] = "no-cache, no-transform"
    answer["X-Accel-Buffering"] = "no"
    return answer


def _visible(request, group: str, pk) -> Operation:
    visible = ResourceGroup.objects.allowing(request.user, Permission.GROUP_READ)
    found = Operation.objects.allowing(request.user, Permission.OPERATION_READ).filter(group__in=visible, group__name=group, pk=pk).first()
    if not connection.in_atomic_block:
        # The request lasts as long as the stream, and would keep its connection for minutes without using it.
        connection.close()
    if found is None:
        raise Http404
    return found


async def _events(wish, order: int, offset: int) -> AsyncIterator[bytes]:
    """No thread and no query of its own: rows come from the process's board, the file is read in small pieces."""
    began = said = time.monotonic()
    number, numbered = 0, False
    with board().watching(wish):
        while time.monotonic() - began < LONGEST:
            seen = board().seen(wish)
            if seen is not None and not numbered:
                number, numbered = await asyncio.to_thread(_lines_before, seen.steps, order, offset), True
            for step in seen.steps if seen is not None else ():
                if step.order < order:
                    continue
                if step.order > order:
                    order, offset = step.order, 0
                for lines, end in _new_lines(step_log_path(step), offset):
                    said, offset = time.monotonic(), end
                    data = {"step": order, "title": step.title, "first": number + 1, "count": len(lines)}
                    data |= {"html": lines_html(lines, number + 1), "said": steplog.plain(lines[-1])[:160]}
                    number += len(lines)
                    yield f"id: {order}:{offset}\ndata: {json.dumps(data)}\n\n".encode()
                    await asyncio.sleep(0)
                if step.ended_at is None:
                    break
            if seen is not None and seen.finished:
                yield b"event: end\ndata: {}\n\n"
                return
            if time.monotonic() - said > KEEP_ALIVE:
                said = time.monotonic()
                yield b": still here\n\n"
            await asyncio.sleep(LOOK)


def _lines_before(steps: tuple[OperationStep, ...], order: int, offset: int) -> int:
    """How many lines of the whole log come before a place in it."""
    before = sum(steplog.count(step_log_path(step)) for step in steps if step.order < order)
    return before + sum(steplog.count(step_log_path(step), offset) for step in steps if step.order == order)


def _new_lines(path: Path, offset: int) -> Iterator[tuple[list[str], int]]:
    """(whole lines, offset behind them) until the end of the file as it is now."""
    try:
        if path.stat().st_size <= offset:
            return
    except FileNotFoundError:
        return
    with path.open("rb") as file:
        file.seek(offset)
        while data := file.read(64 * 2**10):
            whole = data.rfind(b"\n") + 1
            if not whole:
                return
            offset += whole
            yield steplog.decoded(data[:whole]), offset
            file.seek(offset)
