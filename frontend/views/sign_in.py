"""What people do about how they sign in, on their profile: sessions."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views import View

from portal.accounts.sessions import end_sessions, sessions_of


class _SessionsView(LoginRequiredMixin, View):
    """This session itself is ended as everywhere: by signing out."""

    http_method_names = ["post"]

    def others(self):
        return [one for one in sessions_of(self.request.user, self.request.session.session_key) if not one.here]

    def back(self) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("pages:profile") + "#sessions")


class EndSessionView(_SessionsView):
    def post(self, request, pk: int):
        chosen = [one for one in self.others() if one.row.pk == pk]
        if not chosen:
            raise Http404
        end_sessions(user=request.user, sessions=chosen)
        messages.success(request, _("%(device)s was signed out.") % {"device": chosen[0].device})
        return self.back()


class EndOtherSessionsView(_SessionsView):
    def post(self, request):
        ended = end_sessions(user=request.user, sessions=self.others())
        words = ngettext("Signed out in %(count)s other place.", "Signed out in %(count)s other places.", ended)
        messages.success(request, words % {"count": ended})
        return self.back()
