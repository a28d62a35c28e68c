from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "portal.accounts"
    label = "accounts"
    verbose_name = "People and resource groups"

    def ready(self):
        # Its receivers write down what allauth does with second factors.
        from portal.accounts import second_factors  # noqa: F401
