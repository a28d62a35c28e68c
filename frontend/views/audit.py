"""The audit log of a group; narrowed to one thing it is that thing's activity."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from frontend.tables import EventTable
from frontend.views.base import ListView
from portal.accounts.filters import EventFilter
from portal.accounts.models import Event
from portal.accounts.permissions import Permission

LOOKS_BACK = timedelta(days=90)


class AuditView(ListView):
    title, model, permission = _("Audit log"), Event, Permission.EVENT_READ
    noun = "audit"
    table_class, filterset_class = EventTable, EventFilter
    empty = {
        "icon": "history",
        "title": _("Nothing has happened yet"),
        "what": _("Every change in this group is written down here: who, what, when, and by which request. Nobody can edit it."),
    }

    @property
    def looks_back(self) -> bool:
        """A text is looked for in every line, so in those of some months, unless somebody says from when."""
        asked = self.request.GET
        return bool(asked.get("q", "").strip()) and not (asked.get("since") or asked.get("until") or asked.get("subject_id"))

    def found(self):
        filters, rows = super().found()
        return filters, rows.filter(created_at__gte=timezone.now() - LOOKS_BACK) if self.looks_back else rows

    def get_context_data(self, **kwargs):
        words = gettext("Searched in the last %(days)s days. Choose a day under From to look further back.") % {"days": LOOKS_BACK.days}
        return super().get_context_data(note=words if self.looks_back else "", **kwargs)

    def get_title(self):
        label = self.request.GET.get("subject_label", "")[:200]
        return gettext("Activity of %(label)s") % {"label": label} if label else self.title
