from django.apps import AppConfig

from config.crashes import forbid_core_files


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        """Every process of the vault comes by here: web, worker, clock, sequencer, command."""
        forbid_core_files()
