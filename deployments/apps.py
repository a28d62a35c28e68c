from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    name = "deployments"
    verbose_name = "Deployments: environments, operations, services"

    def ready(self) -> None:
        try:
            from deployments import signals  # noqa: F401  (a new group gets an environment)
        except ImportError:
            pass
