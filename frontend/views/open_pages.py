"""A service's page for people without an account, where its group has opened it; otherwise as if there were no such service."""

from __future__ import annotations

from math import ceil

from allauth.account.adapter import get_adapter
from csp.decorators import csp_update
from django.conf import settings
from django.http import Http404, JsonResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.generic import TemplateView, View
from rest_framework.throttling import SimpleRateThrottle

from deployments import open_pages, swagger
from deployments.models import Service
from frontend import snippets
from frontend.views.errors import refused
from portal.api.errors import envelope
from registry import cards


class OpenThrottle(SimpleRateThrottle):
    """Counted in the cache that all web processes share."""

    scope = "open_page"

    def get_rate(self) -> str:
        return settings.OPEN_PAGE_RATE

    def get_cache_key(self, request, view) -> str:
        return self.cache_format % {"scope": self.scope, "ident": get_adapter().get_client_ip(request)}


class OpenMixin:
    """Counted before it is looked up, so that the limit says nothing about what exists."""

    def dispatch(self, request, *args, **kwargs):
        throttle = OpenThrottle()
        if not throttle.allow_request(request, self):
            answer = refused(request, envelope("TooManyRequests", _("Too many requests. Wait a minute and try again."), 429))
            answer["Retry-After"] = str(ceil(throttle.wait() or 1))
            return answer
        answer = super().dispatch(request, *args, **kwargs)
        answer["X-Robots-Tag"] = "noindex, nofollow"
        return answer

    def get_object(self) -> Service:
        service = open_pages.open_service(self.kwargs["group"], self.kwargs["name"])
        if service is None:
            raise Http404
        return service

    def address(self, page: str) -> str:
        return reverse(f"pages:{page}", args=[self.kwargs["group"], self.kwargs["name"]])


class OpenServiceView(OpenMixin, TemplateView):
    template_name = "frontend/open/service.html"

    def get_context_data(self, **kwargs):
        service = self.get_object()
        document = swagger.openapi(service)
        # Only what the schema tells: requests that the group has kept are the group's.
        body = swagger.sample(service)
        told = cards.render(service.description) if service.description else None
        return super().get_context_data(
            service=service,
            title=service.name,
            tab="overview",
            told=told.html if told else "",
            snippets=snippets.for_anybody(service, body),
            untold=body is None,
            takes=open_pages.fields(document, "ServiceInput"),
            gives=open_pages.fields(document, "ServiceOutput"),
            **kwargs,
        )


class OpenDocsView(OpenMixin, TemplateView):
    """Swagger UI; a key is pasted, none is given."""

    template_name = "frontend/open/docs.html"

    @method_decorator(csp_update({"connect-src": [settings.GATEWAY_URL]}))
    def get(self, request, *args, **kwargs):
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        service = self.get_object()
        config = {"url": self.address("open_openapi")}
        return super().get_context_data(service=service, title=service.name, tab="docs", config=config, **kwargs)


class OpenDocumentView(OpenMixin, View):
    http_method_names = ["get", "head", "options"]

    def get(self, request, *args, **kwargs):
        make = swagger.swagger_2 if kwargs["version"] == "swagger" else swagger.openapi
        return JsonResponse(make(self.get_object()))
