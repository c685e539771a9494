"""manage.py verify_log: does the database still hold what was signed?"""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress

from audit import verifying
from audit.models import LogState
from keys import keyring
from keys.exceptions import KeysError

SHOWN = 20


class Command(BaseCommand):
    help = "Re-derive the log from its entries and compare it with tiles, checkpoints and anchor."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how much to look at and to show."""
        parser.add_argument("--all", action="store_true", help="list every difference")
        parser.add_argument(
            "--details",
            action="store_true",
            help="also open every detail and hold it against its leaf",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Exit with 0 if everything agrees, with 1 and the first counter-example if not.

        Signatures are checked and details opened with keys: without the right ones nothing is.
        """
        try:
            keyring.check_start()
            self._verify(**options)
        except KeysError as error:
            raise CommandError(f"{(error.__doc__ or '').splitlines()[0]} {error}") from error

    def _verify(self, **options: Any) -> None:
        state = LogState.objects.order_by("-size").first()
        size = state.size if state else 0
        console = Console(stderr=True)
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("Leaves", total=size or None)
            found = list(
                verifying.findings(
                    lambda done: progress.advance(task, done), details=options["details"]
                )
            )
        if not found:
            root = bytes(state.root).hex() if state else "-"
            self.stdout.write(f"OK: {size} leaves lead to root {root}.")
            return
        first, *others = found
        self.stdout.write(f"DIFFERS: {first.what} at {first.where.rstrip('.')}.")
        for each in others if options["all"] else others[: SHOWN - 1]:
            self.stdout.write(f"  also: {each.what} at {each.where.rstrip('.')}")
        count = "1 difference" if len(found) == 1 else f"{len(found)} differences"
        self.stdout.write(f"{count} in {size} leaves.")
        sys.exit(1)
