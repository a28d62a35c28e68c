"""The audit log of a group; narrowed to one thing it is that thing's activity."""

from __future__ import annotations

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from frontend.tables import EventTable
from frontend.views.base import ListView
from portal.accounts.filters import EventFilter
from portal.accounts.models import Event
from portal.accounts.permissions import Permission


class AuditView(ListView):
    title, model, permission = _("Audit log"), Event, Permission.EVENT_READ
    noun = "audit"
    table_class, filterset_class = EventTable, EventFilter
    empty = {
        "icon": "history",
        "title": _("Nothing has happened yet"),
        "what": _("Every change in this group is written down here: who, what, when, and by which request. Nobody can edit it."),
    }

    def get_title(self):
        label = self.request.GET.get("subject_label", "")[:200]
        return gettext("Activity of %(label)s") % {"label": label} if label else self.title
