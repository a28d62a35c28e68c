"""What happened since one last looked: a page of one's own, over all groups."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.generic import TemplateView, View

from deployments import mailing
from deployments.actions.notifications import choose_mails, mark_read
from deployments.notifications import MOST, OLDEST, address_of, notifications
from portal.accounts.preferences import preferences_of

#: kind -> icon, and a colour of portal.css
LOOKS = {
    "operation.failed": ("circle-x", "red"),
    "operation.waiting": ("hand-stop", "yellow"),
    "operation.done": ("circle-check", "green"),
    "service.unhealthy": ("alert-triangle", "yellow"),
    "alias.moved": ("git-branch", "blue"),
}


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


def mail_switches(user) -> dict:
    """For the card of one's profile: [(kind, its words, whether it is on)] and the language of the mails."""
    on, language = mailing.choice_of(user)
    if mailing.CHOICE not in preferences_of(user):
        # Who has not chosen yet most likely wants the language that they read just now.
        language = get_language()
    kinds = [(kind, words, kind in on) for kind, words in mailing.KINDS.items()]
    return {"kinds": kinds, "language": language, "sends": settings.SENDS_MAIL, "languages": settings.LANGUAGES}


class ChooseMailsView(LoginRequiredMixin, View):
    http_method_names = ["post"]

    def post(self, request):
        known = [kind for kind in request.POST.getlist("kinds") if kind in mailing.KINDS]
        language = request.POST.get("language")
        choose_mails(user=request.user, kinds=known, language=language if language in dict(settings.LANGUAGES) else None)
        messages.success(request, _("Kept."))
        return HttpResponseRedirect(reverse("pages:profile") + "#mails")
