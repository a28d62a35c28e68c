"""The whole URL map. Apps above the portal are named by strings, so that the portal imports none of them."""

from django.conf import settings
from django.http import Http404, HttpResponse
from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import set_language
from drf_spectacular.views import SpectacularAPIView


def healthz(request):
    """The web process answers; says nothing about the rest."""
    return HttpResponse("ok\n", content_type="text/plain")


def not_there(request):
    raise Http404


urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("language", set_language, name="set_language"),
    path("", include("deployments.api.system")),
    path("", include("deployments.api.scraping")),
    # Here people could take anybody's address, unproved, and be added to a group in that person's place.
    path("accounts/email/", not_there),
    # What allauth lists on pages of its own is on the profile.
    path("accounts/sessions/", RedirectView.as_view(pattern_name="pages:profile")),
    path("accounts/2fa/", RedirectView.as_view(pattern_name="pages:profile")),
    path("accounts/2fa/webauthn/", RedirectView.as_view(pattern_name="pages:profile")),
    path("accounts/", include("allauth.urls")),
    path("api/v1/", include("portal.api.urls")),
    path("api/v1/", include("registry.api.urls")),
    path("api/v1/", include("deployments.api.urls")),
    path("api/openapi.json", SpectacularAPIView.as_view(), name="openapi"),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}frontend/favicon.svg")),
    path("", include("frontend.urls")),
]

# Pages with a reference; JSON below /api/.
handler400 = "frontend.views.errors.bad_request"
handler403 = "frontend.views.errors.not_allowed"
handler404 = "frontend.views.errors.not_found"
handler500 = "frontend.views.errors.server_error"
