from django.apps import AppConfig


class KeysConfig(AppConfig):
    name = "keys"

    def ready(self) -> None:
        """Register the checks."""
        from keys import checks  # noqa: F401
