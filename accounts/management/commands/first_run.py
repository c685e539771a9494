"""Prepares everything that the vault needs on one machine. A second run changes nothing."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from keys import keyring
from keys.exceptions import KeysError


class Command(BaseCommand):
    help = "Make the folder, the keyring and the database of a vault on one machine."
    # The check that there is a keyring would forbid making it.
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own declaration

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Make what is missing, in an order in which a break leaves nothing half made."""
        if settings.PRODUCTION:
            raise CommandError(
                "In production these are your own steps, each with its own rights: "
                "make_keyring, migrate, collectstatic, make_operator (docs/operations.md)."
            )
        Path(settings.VAR_DIR).mkdir(parents=True, exist_ok=True)
        Path(settings.EMAIL_FILE_PATH).mkdir(exist_ok=True)
        try:
            keyring.create_if_missing()
        except KeysError as error:
            raise CommandError(str(error)) from None
        call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
        self._say()

    def _say(self) -> None:
        self.stdout.write(f"The vault's data, keys and mails are in {settings.VAR_DIR}.")
        self.stdout.write(f"Its pages: {settings.ORIGIN}")
        if not User.objects.filter(is_staff=True).exists():
            self.stdout.write(
                "Make the first operator: python manage.py make_operator you@example.com"
            )
