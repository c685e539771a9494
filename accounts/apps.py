from django.apps import AppConfig, apps


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        """Note whenever an address was verified; where only brands call, nobody verifies any."""
        if apps.is_installed("allauth.account"):
            from accounts import proofs  # noqa: F401
