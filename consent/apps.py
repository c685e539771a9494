from django.apps import AppConfig


class ConsentConfig(AppConfig):
    name = "consent"

    def ready(self) -> None:
        """Register the checks."""
        from consent import checks  # noqa: F401
