"""How the portal itself is, for its administrators."""

from __future__ import annotations

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from deployments import system

STATES = {system.OK: "part:ok", system.WARN: "part:warn", system.FAIL: "part:fail"}


class SystemView(LoginRequiredMixin, TemplateView):
    """Nobody else sees this page."""

    template_name = "frontend/system.html"

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated and not request.user.is_superuser:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        found = system.parts()
        rows = [(part, STATES[part.state]) for part in found]
        return super().get_context_data(title=_("System"), rows=rows, worst=STATES[system.worst(found)], **kwargs)
