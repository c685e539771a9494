"""Makes the root key and the first wrapping generation. A second run changes nothing."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from keys import keyring
from keys.exceptions import KeysError


class Command(BaseCommand):
    help = "Make the keyring of a new vault. Does nothing where there is one."
    # The check that there is a keyring would forbid making it.
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own declaration

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Make the keyring. Ends with an error where the database already holds keys."""
        try:
            ring = keyring.create_if_missing()
        except KeysError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(
            f"Keyring: {settings.KEYRING_DIR}, generation {ring.current()}.\n"
            "Keep a copy of this directory apart from the database's backups: "
            "without it nothing can be opened, and with both anybody can."
        )
