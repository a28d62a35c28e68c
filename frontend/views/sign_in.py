"""What people do about how they sign in, on their profile, and what an administrator does for who lost a second factor."""

from __future__ import annotations

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import ngettext
from django.views import View

from frontend.forms.deployments import ConfirmForm
from frontend.views.base import ActionView
from portal.accounts.models import User
from portal.accounts.second_factors import has_second_factor, remove_second_factor
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


@method_decorator(reauthentication_required(app="allauth.mfa", enabled=lambda request: request.user.is_superuser), name="dispatch")
class RemoveSecondFactorView(ActionView):
    """For administrators, who type their password again first: it makes somebody else's account easier to enter."""

    form_class = ConfirmForm
    template_name = "frontend/confirm.html"
    submit, busy, danger = _lazy("Remove the second factor"), _lazy("Removing…"), True

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        if request.user.is_authenticated:
            found = User.objects.filter(has_second_factor(), username=kwargs["username"]).first()
            if found is None or not request.user.is_superuser:
                raise Http404
            self.person = found

    def get_title(self):
        return _("Remove the second factor of %(who)s?") % {"who": self.person}

    def act(self):
        remove_second_factor(user=self.request.user, person=self.person)

    def get_success_url(self):
        messages.success(self.request, _("%(who)s signs in with the password alone now.") % {"who": self.person})
        return reverse("pages:users")

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            back=reverse("pages:users"),
            intro=_("Do this only when you are sure who asks for it."),
            goes=_("What signing in asks for besides the password, and the recovery codes."),
            stays=_("The password, tokens, and where they are signed in. They can set a second factor up again."),
            **kwargs,
        )
