from django.apps import AppConfig
from django.core.checks import register


class VaultConfig(AppConfig):
    name = "vault"

    def ready(self) -> None:
        from vault import checks

        register(checks.check_categories)
