"""The search: a page of its own, and the results alone for the palette."""

from __future__ import annotations

from django.http import HttpResponseRedirect
from django.urls import reverse
from django.views.generic import TemplateView

from deployments.models import Operation
from frontend.search import search
from frontend.views.base import ScopedMixin
from portal.accounts.models import ResourceGroup
from portal.accounts.permissions import Permission


class SearchView(ScopedMixin, TemplateView):
    """`?q=`; `>` before it asks for actions. Addresses outside a group lead to the first group's search."""

    template_name = "frontend/search.html"

    def get(self, request, *args, **kwargs):
        if "group" not in kwargs:
            first = ResourceGroup.objects.allowing(request.user, Permission.GROUP_READ).first()
            if first is None:
                return HttpResponseRedirect("/")
            return HttpResponseRedirect(reverse("pages:search", args=[first.name]) + f"?{request.GET.urlencode()}")
        return super().get(request, *args, **kwargs)

    def get_template_names(self):
        return ["frontend/search.html#results" if self.request.htmx else "frontend/search.html"]

    def get_context_data(self, **kwargs):
        text = self.request.GET.get("q", "")[:100]
        return super().get_context_data(text=text, sections=search(self.request.user, self.group, text), **kwargs)


class RunningView(ScopedMixin, TemplateView):
    """How many operations run: the top bar asks again while any does."""

    template_name = "frontend/running.html"

    def get_context_data(self, **kwargs):
        rows = self.scope(Operation, Permission.OPERATION_READ)
        count = rows.filter(state__in=[Operation.State.NOT_STARTED, Operation.State.RUNNING]).count()
        return super().get_context_data(running=count, **kwargs)
