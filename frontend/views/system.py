"""How the portal itself is, for its administrators."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import TemplateView, View

from deployments import system
from deployments.actions.notifications import send_test_mail
from deployments.actions.support import download_support_bundle
from portal.errors import PortalError

STATES = {system.OK: "part:ok", system.WARN: "part:warn", system.FAIL: "part:fail"}


class ForAdministrators(LoginRequiredMixin):
    """Nobody else sees these pages."""

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated and not request.user.is_superuser:
            raise Http404
        return super().dispatch(request, *args, **kwargs)


class SystemView(ForAdministrators, TemplateView):
    template_name = "frontend/system.html"

    def get_context_data(self, **kwargs):
        found = system.parts()
        rows = [(part, STATES[part.state]) for part in found]
        return super().get_context_data(
            title=_("System"), rows=rows, worst=STATES[system.worst(found)], sends=settings.SENDS_MAIL, **kwargs
        )


class TestMailView(ForAdministrators, View):
    http_method_names = ["post"]

    def post(self, request):
        try:
            messages.success(request, _("A mail was sent to %(address)s.") % {"address": send_test_mail(user=request.user)})
        except PortalError as error:
            messages.error(request, error.message)
        return HttpResponseRedirect(reverse("pages:system") + "#mail")


class SupportBundleView(ForAdministrators, View):
    """A button, because making it is written down."""

    http_method_names = ["post"]

    def post(self, request):
        name, data = download_support_bundle(user=request.user)
        return HttpResponse(data, content_type="application/zip", headers={"Content-Disposition": f'attachment; filename="{name}"'})
