"""Exports a range of the log so that anybody can check it without us."""

import sys
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress

from audit import exports
from audit.exceptions import AuditError


class Command(BaseCommand):
    help = (
        "Export the log with its proofs and its verifier. Exit code 0: written and verified,"
        " 1: written, but it does not verify, 2: not written."
    )

    # Not the URLs: loading every page would take longer than the export.
    requires_system_checks = ("keys",)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare where to, from where on, and whose details."""
        parser.add_argument("--to", type=Path, help="a directory, or a file ending in .zip")
        parser.add_argument("--first", type=int, default=0, help="index of the first entry")
        parser.add_argument("--all-details", action="store_true", help="open every detail")
        parser.add_argument("--person", action="append", default=[], help="open their details")
        parser.add_argument("--grant", action="append", default=[], help="open its details")
        parser.add_argument(
            "--timeout", type=float, default=30, help="seconds to wait for the sequencer"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Announce, wait for the checkpoint, write."""
        path = options["to"] or Path(f"export-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.zip")
        scope = exports.Scope(
            everything=options["all_details"],
            persons=tuple(options["person"]),
            grants=tuple(options["grant"]),
        )
        try:
            written = self._export(path, scope, options)
        except (AuditError, OSError) as error:
            raise CommandError(str(error), returncode=2) from None
        self.stdout.write(f"{written.path}: {written.entries:,} entries")
        if not written.verified:
            self.stderr.write(f"It does not verify. {written.first_finding}")
            sys.exit(1)
        self.stdout.write("Verified. Check it elsewhere: python3 verify.py " + written.path.name)

    def _export(self, path: Path, scope: exports.Scope, options: dict[str, Any]) -> exports.Written:
        exports.need_free(path)
        announced = exports.announce(first=options["first"], scope=scope)
        cut = exports.cut(announced, timeout=timedelta(seconds=options["timeout"]))
        with Progress(console=Console(stderr=True), transient=True) as bars:
            bar = bars.add_task("entries", total=cut.last - cut.first)
            return exports.write(
                cut,
                path,
                scope=scope,
                progress=lambda done, whole: bars.update(bar, completed=done, total=whole),
            )
