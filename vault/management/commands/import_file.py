"""Imports an exported file into somebody's pod. Shows counts and lines, never a value."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from vault.exceptions import FileRefused, VaultError
from vault.importers import run
from vault.models import Pod

_SHOWN = 20


class Command(BaseCommand):
    help = "Import a GPX, iCalendar, CSV, JSON or zip file into the pod of an account."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="whose pod")
        parser.add_argument("file", type=Path)
        parser.add_argument("--kind", choices=run.KINDS, help="if the name does not say it")
        parser.add_argument("--mapping", type=Path, help="how to read a table (docs/importing.md)")
        parser.add_argument(
            "--on-error",
            choices=("skip", "stop"),
            default="skip",
            help="skip: keep the good records; stop: keep none if one is bad",
        )
        parser.add_argument(
            "--mask", action="store_true", help="cover resident registration numbers"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Import and report. Ends with an error if nothing was kept because of `stop`."""
        report = self._import(options)
        self._show(report)
        if report.stopped:
            raise CommandError(_("Nothing was imported."))

    def _import(self, options: dict[str, Any]) -> run.Report:
        pod = Pod.objects.there().filter(owner__email__iexact=options["email"]).first()
        if pod is None:
            raise CommandError(_("There is no pod for this address."))
        columns = (SpinnerColumn(), TextColumn("{task.completed}"), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("records", total=None)
            try:
                mapping = options["mapping"]
                with options["file"].open("rb") as file:
                    return run.import_file(
                        pod,
                        file,
                        options["kind"] or run.kind_of(options["file"].name),
                        mapping.read_bytes() if mapping else None,
                        options["on_error"],
                        mask=options["mask"],
                        role="operator",
                        progress=lambda done: progress.update(task, completed=done),
                    )
            except OSError as error:
                raise CommandError(f"{error.strerror}.") from None
            except FileRefused as error:
                raise CommandError(_("The file %(what)s.") % {"what": error}) from None
            except VaultError as error:
                raise CommandError(str(error) or type(error).__doc__) from None

    def _show(self, report: run.Report) -> None:
        counts = {"imported": report.imported, "already": report.already}
        self.stdout.write(
            _("%(imported)s imported, %(already)s already there, ") % counts
            + _("%(problems)s left out.") % {"problems": report.left_out}
        )
        if not report.left_out:
            return
        table = Table(_("Where"), _("What is wrong"))
        for problem in [*report.unread, *report.problems][:_SHOWN]:
            table.add_row(escape(problem.place), problem.reason)
        with (console := Console(width=100)).capture() as capture:
            console.print(table)
        self.stdout.write(capture.get())
        if report.left_out > _SHOWN:
            self.stdout.write(_("… and %(more)s more.") % {"more": report.left_out - _SHOWN})
