"""What every template knows."""

from django.conf import settings


def portal(request) -> dict:
    return {"PORTAL_URL": settings.PORTAL_URL, "GATEWAY_URL": settings.GATEWAY_URL}
