"""Collected data of a service: days, a preview, files to take along, and what is collected at all."""

from __future__ import annotations

import json
from datetime import date
from itertools import groupby
from typing import Any

from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from deployments import swagger
from deployments.actions import collected
from deployments.actions import services as actions
from deployments.collected import export, joining, reading, store
from deployments.models import CollectedDay
from frontend.forms.collected import CollectionForm, DownloadForm
from frontend.forms.deployments import ConfirmForm
from frontend.forms.rules import MORE
from frontend.views.base import ActionView, DetailView, PostView
from frontend.views.edited import EditedMixin
from frontend.views.services import ServiceMixin
from portal.accounts.permissions import Permission, allows, require
from registry.downloads import send_chunks

#: days of one page, and characters of a cell
SHOWN, LONGEST = 31, 200


class CollectedMixin(ServiceMixin):
    tab = "collected"

    @property
    def here(self) -> str:
        return reverse("pages:service_collected", args=[self.group.name, self.object.name])

    def get_crumbs(self):
        mine = type(self) is ServiceCollectedView
        return super().get_crumbs() if mine else [*super().get_crumbs(), (gettext("Collected data"), self.here)]

    def streams(self) -> list[tuple[str, str, str]]:
        rows = self.object.collected_days.order_by("model", "version", "identifier")
        return list(rows.values_list("model", "version", "identifier").distinct())


class ServiceCollectedView(CollectedMixin, DetailView):
    template_name, title = "frontend/services/collected.html", _("Collected data")

    def get_context_data(self, **kwargs):
        if not allows(self.request.user, Permission.COLLECTED_READ, self.group):
            return super().get_context_data(days=[], may_read=False, **kwargs)
        rows = reading.days_of(self.object)
        before = self._before()
        dates = rows.filter(day__lt=before) if before else rows
        found = list(dates.order_by("-day").values_list("day", flat=True).distinct()[: SHOWN + 1])
        older = found[SHOWN - 1] if len(found) > SHOWN else None
        shown = rows.filter(day__in=found[:SHOWN])
        days = [_sums(day, list(some)) for day, some in groupby(shown, key=lambda row: row.day)]
        form = None
        if days:
            initial = {"first": days[-1]["day"], "last": days[0]["day"]}
            form = DownloadForm(streams=self.streams(), initial=initial)
        return super().get_context_data(days=days, older=older, before=before, download=form, formats=export.TYPES, may_read=True, **kwargs)

    def _before(self) -> date | None:
        try:
            return date.fromisoformat(self.request.GET.get("before", ""))
        except ValueError:
            return None


def _sums(day: date, rows: list[CollectedDay]) -> dict[str, Any]:
    totals = {name: sum(getattr(row, name) for row in rows) for name in ("rows", "bytes", "dropped")}
    return {"day": day, "collectors": rows, **totals}


class CollectedDayView(CollectedMixin, DetailView):
    template_name = "frontend/services/collected_day.html"

    def get_title(self):
        return str(self.day)

    @property
    def day(self) -> date:
        return _day(self.kwargs["day"])

    def get_context_data(self, **kwargs):
        require(self.request.user, Permission.COLLECTED_READ, self.group)
        rows = list(reading.days_of(self.object, first=self.day, last=self.day).select_related("service__group"))
        if not rows:
            raise Http404
        for row in rows:
            row.path = "collected/" + store.folder(row.service, row.stream, row.day)
        found = joining.preview(rows)
        return super().get_context_data(
            sums=_sums(self.day, rows),
            blocks=found.blocks,
            lines=[(line, _cells(found.blocks, line)) for line in found.lines],
            most=joining.SHOWN,
            formats=export.TYPES,
            **kwargs,
        )


def _cells(blocks: list[joining.Block], line: joining.Line) -> list[dict[str, Any]]:
    """A line's cells from left to right, as text. A collector that kept nothing of it has empty ones."""
    out = []
    for block, values in zip(blocks, line.cells, strict=True):
        for place in range(max(1, len(block.columns))):
            value = values[place] if values else None
            number = isinstance(value, int | float) and not isinstance(value, bool)
            out.append({"text": _text(value, values is not None), "missing": value is None, "number": number, "first": place == 0})
    return out


def _text(value: Any, kept: bool) -> str:
    if value is None:
        return "null" if kept else ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


class DownloadCollectedView(CollectedMixin, DetailView):
    """The file itself; a wrong choice is a page that says so."""

    def get(self, request, *args, **kwargs):
        form = DownloadForm(request.GET, streams=self.streams())
        if not form.is_valid():
            raise Http404
        found = collected.download_collected(user=request.user, service=self.object, **form.chosen())
        return send_chunks(request, found.chunks, found.name, found.content_type)


class CollectionSettingsView(EditedMixin, CollectedMixin, ActionView):
    form_class = CollectionForm
    template_name = "frontend/services/collected_settings.html"
    title, submit, busy = _("Collection settings"), _("Save"), _("Saving…")
    permission = Permission.SERVICE_WRITE
    done = _("Saved.")

    def get_initial(self):
        return {name: getattr(self.object, name) for name in ("collect_data", "collect_days", "collect_rules")}

    def get_form_kwargs(self):
        return {**super().get_form_kwargs(), "names": swagger.field_names(self.object)}

    def post(self, request, *args, **kwargs):
        if "more" in request.POST:
            return self.with_more_rows()
        return super().post(request, *args, **kwargs)

    def with_more_rows(self):
        """What was typed, not looked at yet, with more empty rows below."""
        sent = self.get_form()
        form = self.form_class(initial={bound.name: bound.value() for bound in sent}, names=swagger.field_names(self.object))
        form.fields |= {name: field for name, field in sent.fields.items() if name not in form.fields}
        form.fields["collect_rules"].widget.empty = MORE
        return self.render_to_response(self.get_context_data(form=form))

    def act(self, **values):
        return actions.update_service(user=self.request.user, service=self.object, **values)

    def get_success_url(self):
        return reverse("pages:operation", args=[self.group.name, self.result.pk]) if self.result else self.here

    def get_context_data(self, **kwargs):
        return super().get_context_data(back=self.here, **kwargs)


class StopCollectingView(CollectedMixin, PostView):
    """One press; the new revision's page is where it leads."""

    def act(self):
        operation = actions.update_service(user=self.request.user, service=self.object, collect_data=False)
        return reverse("pages:operation", args=[self.group.name, operation.pk]) if operation else self.here


class DeleteCollectedView(CollectedMixin, ActionView):
    form_class = ConfirmForm
    template_name = "frontend/services/collected_delete.html"
    permission = Permission.COLLECTED_DELETE
    submit, busy, danger = _("Delete the day"), _("Deleting…"), True

    def get_title(self):
        return gettext("Delete %(day)s?") % {"day": _day(self.kwargs["day"])}

    def act(self):
        day = _day(self.kwargs["day"])
        return collected.delete_collected(user=self.request.user, service=self.object, first=day, last=day)

    def get_done(self) -> str:
        return ngettext("%(count)d row is deleted.", "%(count)d rows are deleted.", self.result) % {"count": self.result}

    done = "deleted"

    def get_success_url(self):
        return self.here

    def get_context_data(self, **kwargs):
        day = _day(self.kwargs["day"])
        rows = list(reading.days_of(self.object, first=day, last=day))
        return super().get_context_data(sums=_sums(day, rows), back=self.here, **kwargs)


def _day(said: str) -> date:
    try:
        return date.fromisoformat(said)
    except ValueError:
        raise Http404 from None
