"""Moves everything to the newest keys: wrapped keys first, then the records."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from keys import rotation
from keys.exceptions import KeysError
from vault import resealing

Step = Callable[[int, int], None]


class Command(BaseCommand):
    help = "Wrap all keys under the newest generation, re-seal stale records, retire old keys."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --now."""
        parser.add_argument(
            "--now", action="store_true", help="make a new generation even if none is due"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run to the end; after a kill, run again: it goes on where it was."""
        try:
            with _bar("keys") as step:
                done = rotation.rotate(force=options["now"], progress=step)
            with _bar("records") as step:
                resealing.reseal_stale(step)
        except KeysError as error:
            raise CommandError(str(error) or type(error).__name__) from None
        self.stdout.write(f"{done.moved} keys moved, {len(done.retired)} generations retired.")
        if done.unopened:
            raise CommandError(
                f"{done.unopened} keys do not open and were left as they are, with the "
                "generations that wrap them; see docs/operations.md"
            )


@contextmanager
def _bar(what: str) -> Iterator[Step]:
    """Show a bar where a person looks, nothing where a file or a timer does."""
    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
