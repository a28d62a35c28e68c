"""What `manage.py check` looks at before anything starts; ids are portal.E001 and up."""

from __future__ import annotations

from django.conf import settings
from django.core.checks import Error, Warning, register
from django.utils.module_loading import import_string


@register
def engines_load(app_configs, **kwargs):
    """Each alias in TARGETS names a target and a builder that can be imported."""
    found = []
    for alias, entry in settings.TARGETS.items():
        for part in ("TARGET", "BUILDER"):
            try:
                import_string(entry[part])
            except (ImportError, KeyError) as error:
                found.append(Error(f"TARGETS[{alias!r}][{part!r}] cannot be loaded: {error}", id="portal.E001"))
    return found


@register
def process_target_is_for_one_person(app_configs, **kwargs):
    """The process target runs other people's code on this very machine."""
    if settings.ALLOW_PROCESS_TARGET and not settings.ON_LOOPBACK:
        return [
            Warning(
                "Services may run as processes of this machine, and the portal can be reached from other machines.",
                hint="Unset MODELPORT_ALLOW_PROCESS_TARGET, or let the portal listen on 127.0.0.1.",
                id="portal.W001",
            )
        ]
    return []


@register
def plain_http_outside_loopback(app_configs, **kwargs):
    if not settings.SECURE and not settings.ON_LOOPBACK:
        return [
            Warning(
                "People sign in over plain http.", hint="Put TLS in front and set MODELPORT_URL to the https address.", id="portal.W002"
            )
        ]
    return []
