"""Key values on their way to the one page that shows them: in the session, and gone once shown."""

from __future__ import annotations

from deployments.models import Service


def _slot(service: Service) -> str:
    return f"keys-{service.pk}"


def keep_keys(request, service: Service, values: dict[str, str]) -> None:
    if values:
        request.session[_slot(service)] = {**request.session.get(_slot(service), {}), **values}


def take_keys(request, service: Service | None) -> dict[str, str]:
    """{"primary": value, ...}, this once; empty the next time."""
    return request.session.pop(_slot(service), {}) if service is not None else {}
