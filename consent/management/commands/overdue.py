"""Lists the brands that did not answer in time: what a regulator asks for."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.table import Table

from consent.revocation import overdue

Rows = list[dict[str, Any]]


class Command(BaseCommand):
    help = "List obligations whose day is over, with the stage that each has reached."

    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to list and how."""
        parser.add_argument("--flagged", action="store_true", help="only what is for the regulator")
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="one JSON object a line")
        form.add_argument("--csv", action="store_true", help="for a spreadsheet")
        parser.add_argument("--to", type=Path, help="a new file to write it to, as JSON or CSV")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print or write them; no person stands in any."""
        found = list(overdue.rows(flagged=options["flagged"]))
        if options["to"]:
            _write(options["to"], _form(found, csv=options["csv"]))
        elif options["json"] or options["csv"]:
            self.stdout.write(_form(found, csv=options["csv"]).decode(), ending="")
        else:
            Console().print(_table(found))


def _form(found: Rows, *, csv: bool) -> bytes:
    return overdue.as_table(found) if csv else overdue.as_lines(found)


def _write(path: Path, data: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(data)
    except OSError as error:
        raise CommandError(f"{path} was not written: {error.strerror}") from None


def _table(found: Rows) -> Table:
    table = Table(title=f"{len(found)} obligations are overdue")
    for name in ("brand", "obligation", "holder", "categories", "due", "days", "stage"):
        table.add_column(name)
    for one in found:
        table.add_row(
            one["brand"], one["obligation"], one["holder"], ", ".join(one["categories"]),
            one["due_at"][:10], str(one["days_overdue"]), one["stage"],
        )  # fmt: skip
    return table
