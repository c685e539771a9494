"""Brings a restored database to where the log was signed last, so that it may serve again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from audit import anchor
from audit.exceptions import AuditError
from consent import recovery
from consent.recovery import reports
from keys.exceptions import KeysError

Advance = Callable[[int], object]


class Command(BaseCommand):
    help = (
        "After a restore: do again what the log says happened since the backup, from the anchor's"
        " files. Without --yes it only says what it would do. Stop every other process first; see"
        " docs/recovery.md. Exit code 0: nothing is lost, or it is recovered; 1: --yes is needed,"
        " or it cannot be recovered."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --yes, or --dry-run."""
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--yes", action="store_true", help="change the database")
        what.add_argument("--dry-run", action="store_true", help="only say what would be done")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Look, say, and with --yes do. Killed anywhere, run it again."""
        try:
            self._handle(change=options["yes"], dry=options["dry_run"])
        except (AuditError, KeysError) as error:
            title = (error.__doc__ or "").splitlines()[0]
            raise CommandError(f"Nothing more was changed. {title} {error}") from error

    def _handle(self, *, change: bool, dry: bool) -> None:
        with _bar("looking at the anchor") as advance:
            found = recovery.plan(advance)
        if found.gap.is_closed:
            anchor.check_start()
            self.stdout.write("Nothing is lost: the database has everything that was signed.")
            return
        if change:
            with _bar("bringing back", total=found.gap.signed.size - found.gap.size) as advance:
                found = recovery.recover(advance)
            anchor.check_start()
        self.stdout.write("\n".join(reports.lines(found)))
        self._say_what_next(change=change, dry=dry)

    def _say_what_next(self, *, change: bool, dry: bool) -> None:
        if change:
            self.stdout.write(
                "\nRecovered. Now run `manage.py sequence --once` and `manage.py verify_log`, then"
                " start the other processes."
            )
        elif dry:
            self.stdout.write("\nNothing was changed.")
        else:
            raise CommandError("Nothing was changed. Run it again with --yes to do this.")


@contextmanager
def _bar(what: str, total: int | None = None) -> Iterator[Advance]:
    """Show a bar where a person looks, nothing where a file or a timer does."""
    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.advance(task, done)
