"""The logs tab: what replicas printed, merged by time, narrowed by the address, followed while one looks."""

from __future__ import annotations

from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as lazy

from deployments import replica_logs
from deployments.models import Replica
from frontend.views.base import DetailView
from frontend.views.services import ServiceMixin
from portal.errors import BadRequest
from registry.downloads import send_chunks

LINES = 500
#: lines a followed page holds before it asks to be opened anew
MOST_FOLLOWED = 5000
NARROWING = ("replica", "level", "q", "requestId", "from", "to")


class ServiceLogsView(ServiceMixin, DetailView):
    """With htmx only what came after the last line, and where to go on."""

    template_name, tab, title = "frontend/services/logs.html", "logs", lazy("Logs")
    live_partial = "more"

    def get_context_data(self, **kwargs):
        service, asked = self.object, self.request.GET
        refused = ""
        try:
            wanted = replica_logs.Wanted.asked(asked)
        except BadRequest as error:
            refused, wanted = error.message, replica_logs.Wanted()
        lines = replica_logs.read(service, wanted, most=LINES)
        narrowed = [(name, value) for name in NARROWING for value in asked.getlist(name) if value]
        known = dict(Replica.objects.filter(revision__service=service).values_list("name", "revision__number"))
        follow = asked.get("follow") == "1" and wanted.before is None
        shown = (int(asked["shown"]) if asked.get("shown", "").isdecimal() and len(asked["shown"]) < 6 else 0) + len(lines)
        cursor = lines[-1].cursor if lines else asked.get("from", "") or timezone.now().isoformat()
        return super().get_context_data(
            lines=lines,
            refused=refused,
            wanted=wanted,
            levels=replica_logs.LEVELS,
            replicas=[(name, known.get(name)) for name in replica_logs.replicas(service)],
            chosen=wanted.replicas[0] if wanted.replicas else "",
            follow=follow and shown < MOST_FOLLOWED,
            full=follow and shown >= MOST_FOLLOWED,
            narrowed=narrowed,
            query=urlencode(narrowed),
            more=urlencode(
                [(name, value) for name, value in narrowed if name != "from"] + [("from", cursor), ("follow", "1"), ("shown", shown)]
            ),
            most=LINES,
            **kwargs,
        )


class DownloadLogsView(ServiceMixin, DetailView):
    """Everything that is kept and wanted, as text."""

    def get(self, request, *args, **kwargs):
        wanted = replica_logs.Wanted.asked(request.GET)
        return send_chunks(request, replica_logs.stream(self.object, wanted), f"{self.object.name}.log", "text/plain; charset=utf-8")
