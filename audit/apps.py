from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"

    def ready(self) -> None:
        """Register the system checks."""
        from audit import checks  # noqa: F401
