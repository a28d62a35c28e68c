"""`/metrics`: everything for Prometheus, for operators alone."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_GET
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from deployments.telemetry import prometheus
from portal.accounts.authentication import user_of_token
from portal.api.errors import envelope, json_error
from portal.errors import NotAllowed


@require_GET
def metrics(request):
    """For the scraper with MODELPORT_METRICS_TOKEN as bearer token, and for administrators, by session or with a token of theirs."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    given = value.strip() if scheme.lower() == "bearer" else ""
    if not (given and settings.METRICS_TOKEN and hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode())):
        person = user_of_token(given) if given else request.user
        if person is None or not person.is_authenticated:
            said = envelope("Unauthenticated", "Send MODELPORT_METRICS_TOKEN, or the token of an administrator, as bearer token.", 401)
            return JsonResponse(said, status=401, headers={"WWW-Authenticate": 'Bearer realm="modelport"'})
        if not person.is_superuser:
            return json_error(NotAllowed("The portal's own metrics are for administrators."))
    return HttpResponse(prometheus.text(), content_type=CONTENT_TYPE_LATEST)


urlpatterns = [path("metrics", metrics, name="prometheus")]
