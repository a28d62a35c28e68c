"""What happened since one last looked: a page of one's own, over all groups."""

from __future__ import annotations

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from deployments.actions.notifications import mark_read
from deployments.notifications import MOST, OLDEST, Notification, notifications

#: kind -> icon, and a colour of portal.css
LOOKS = {
    "operation.failed": ("circle-x", "red"),
    "operation.waiting": ("hand-stop", "yellow"),
    "operation.done": ("circle-check", "green"),
    "service.unhealthy": ("alert-triangle", "yellow"),
    "alias.moved": ("git-branch", "blue"),
}
PAGES = {"operation": "pages:operation", "service": "pages:service", "model": "pages:model", "group": "pages:home"}


class NotificationsView(LoginRequiredMixin, TemplateView):
    """Works without script: looking changes nothing, a button says that all was seen."""

    template_name = "frontend/notifications.html"

    def get_context_data(self, **kwargs):
        found = notifications(self.request.user)
        rows = [(one, *LOOKS.get(one.kind, ("users", "grey")), address_of(one)) for one in found]
        return super().get_context_data(
            title=_("Notifications"),
            rows=rows,
            new=sum(one.new for one in found),
            until=found[0].at.isoformat() if found else "",
            days=OLDEST.days,
            full=len(found) == MOST,
            **kwargs,
        )

    def post(self, request):
        try:
            until = parse_datetime(request.POST.get("until", ""))
        except ValueError:
            until = None
        mark_read(user=request.user, until=until if until is None or until.tzinfo else None)
        return HttpResponseRedirect(reverse("pages:notifications"))


def address_of(one: Notification) -> str:
    if one.noun not in PAGES:
        return ""
    return reverse(PAGES[one.noun], args=[one.group] if one.noun == "group" else [one.group, one.subject])
