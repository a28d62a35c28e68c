"""The metrics tab: what is asked for stands in the address, the numbers in the page, and a script draws them."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from deployments.standing import telling
from deployments.telemetry import series, tables
from deployments.telemetry.window import RANGES, USUAL, Window
from frontend.views.base import DetailView
from frontend.views.services import ServiceMixin
from portal.errors import BadRequest

#: seconds between two looks
REFRESH = ("10", "30")
KEPT = ("range", "from", "to", "step", "revision", "key", "replica", "compare", "refresh")


class ServiceMetricsView(ServiceMixin, DetailView):
    template_name, tab, title = "frontend/services/metrics.html", "metrics", lazy("Metrics")

    def setup(self, request, *args, **kwargs):
        self.asked = {name: request.GET[name] for name in KEPT if request.GET.get(name)}
        self.refused = ""
        try:
            self.window = Window.asked(self.asked)
        except BadRequest as error:
            self.refused, self.window = error.message, Window.asked({})
        super().setup(request, *args, **kwargs)

    @property
    def asks(self) -> dict[str, object]:
        return {"also": series.at_work(self.window.compared()[0] if self.asked.get("compare") else self.window)}

    def get_context_data(self, **kwargs):
        asked, refused, window = self.asked, self.refused, self.window
        choices = series.choices(self.object)
        revision, key = asked.get("revision", ""), asked.get("key", "")
        replica, compare = asked.get("replica", ""), bool(asked.get("compare"))
        number = int(revision) if revision.isdecimal() and len(revision) < 9 else None
        found = series.metrics(self.object, window, revision=number, key=key, compare=compare, revisions=telling(self.object))
        replicas = [one["replica"] for one in found["usage"]]
        found["usage"] = [one for one in found["usage"] if replica in ("", one["replica"])]
        for mark in found["marks"]:
            mark["time"] = datetime.fromtimestamp(mark["at"], UTC)
        head, rows = tables.table(found)
        address = [self.group.name, self.object.name]
        query = self.request.GET.urlencode()
        return super().get_context_data(
            found=found,
            head=head,
            rows=rows[::-1],
            refused=refused,
            window=window,
            choices=choices,
            ranges=range_words(),
            said=window.said or ("" if asked.get("from") else USUAL),
            revision=revision,
            key=key,
            replica=replica,
            replicas=sorted({*replicas, *([replica] if replica else [])}),
            compare=compare,
            changes=changes(found) if compare else {},
            before=[datetime.fromisoformat(found["previous"][name]) for name in ("from", "to")] if compare else None,
            refresh=asked.get("refresh", ""),
            refreshes=REFRESH,
            config={
                "data": found,
                "url": f"{reverse('deployments_api:service-metrics', args=address)}?{query}",
                "refresh": int(asked["refresh"]) if asked.get("refresh") in REFRESH else 0,
                "words": chart_words(),
            },
            csv=f"{reverse('deployments_api:service-metrics-csv', args=address)}?{query}",
            scrape=f"{settings.PORTAL_URL}/metrics",
            **kwargs,
        )


def changes(found: dict) -> dict[str, str]:
    """How each total differs from the time before: "+12 %", "−0.3" points of a percentage; left out where there was nothing."""
    now, before = found["totals"], found["previous"]["totals"]
    told = {}
    for name in ("calls", "callsPerMinute", "p50Ms", "p95Ms", "p99Ms"):
        if now[name] is not None and before[name]:
            told[name] = f"{100 * (now[name] - before[name]) / before[name]:+.0f} %".replace("-", "−")
    if now["errorPercent"] is not None and before["errorPercent"] is not None:
        told["errorPercent"] = f"{now['errorPercent'] - before['errorPercent']:+.2f}".replace("-", "−")
    return told


def range_words() -> dict[str, str]:
    words = {
        "15m": _("15 minutes"),
        "1h": _("1 hour"),
        "6h": _("6 hours"),
        "24h": _("24 hours"),
        "7d": _("7 days"),
        "30d": _("30 days"),
    }
    return {name: words[name] for name in RANGES}


def chart_words() -> dict[str, str]:
    """What the script writes into charts and tables."""
    return {
        "time": _("Time"),
        "answered": _("answered (2xx)"),
        "refused": _("caller's fault (4xx)"),
        "failed": _("failed (5xx, no answer)"),
        "errors": _("errors"),
        "ready": _("ready"),
        "desired": _("wanted"),
        "limit": _("limit"),
        "in": _("received"),
        "out": _("sent"),
        "table": _("Table"),
        "chart": _("Chart"),
        "by": _("by"),
        "before": _("before"),
        "callsBefore": _("all, before"),
        "running": _("running"),
        "waiting": _("waiting"),
    }
