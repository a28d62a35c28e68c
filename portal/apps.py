"""The portal as a Django app: its management commands and system checks."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"
    label = "portal"
    verbose_name = "Portal"

    def ready(self) -> None:
        from portal import checks  # noqa: F401  (registers the checks)
        from portal.database import tell_connections

        tell_connections()
