from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    name = "deployments"
    verbose_name = "Deployments: environments, operations, services"

    def ready(self) -> None:
        from deployments import signals  # noqa: F401  (a new group gets an environment)
