"""manage.py sandbox: a vault for practice, filled, served, with a table of everything it refuses."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from sandbox import faults, guarding, seeding, table


class Command(BaseCommand):
    help = "Serve a vault of invented customers for brands' engineers (docs/sandbox.md)."
    # The check that there is a keyring would forbid making it.
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own declaration

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whether to serve."""
        parser.add_argument("--seed-only", action="store_true", help="fill it, print, and end")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Fill it once, say what is in it, serve until told to stop."""
        try:
            guarding.need_sandbox()
            faults.bring_keys_back()
            call_command("first_run", verbosity=0, stdout=self.stdout)
            seeded = seeding.seed()
        except (guarding.NotASandbox, seeding.Unfinished) as error:
            raise CommandError(str(error)) from None
        path = Path(settings.VAR_DIR) / "table.json"
        self.stdout.write(table.write(path, seeded))
        self.stdout.write(f"\nAll of it, with every call: {path}\n")
        self.stdout.flush()
        if not options["seed_only"]:
            call_command("serve")
