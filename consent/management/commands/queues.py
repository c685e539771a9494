"""Shows what waits to be told, what brands owe, and what will not go on by itself."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from consent.revocation import overview
from consent.revocation.overview import Waiting

MOST = 50  # lines in a table


class Command(BaseCommand):
    help = "Show queue age, attempts, overdue by brand, and what is stuck."

    # Not the URLs: loading every page would take longer than the command.
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Print the totals, the brands, and the events that somebody has to look at."""
        console = Console()
        seen = overview.totals()
        console.print(
            f"{seen.events} events wait: {seen.due} due (the oldest for {_length(seen.oldest_due)}),"
            f" {seen.in_flight} in flight, {seen.escalated} escalated."
            f" {seen.obligations} obligations are open, {seen.unacknowledged} not acknowledged for"
            f" longer than a day, {seen.overdue} overdue."
        )
        if seen.untried:
            console.print(
                f"[red]{seen.untried} are due for more than a minute without an attempt:"
                " no worker is at work, or their brands have no address."
            )
        waiting = overview.by_partner()
        console.print(_brands(waiting[:MOST]))
        if len(waiting) > MOST:
            console.print(f"… and {len(waiting) - MOST} brands more.")
        console.print(_stuck())


def _brands(waiting: list[Waiting]) -> Table:
    table = Table(title="brands with something open")
    for name in ("brand", "events", "oldest", "attempts", "escalated", "channel", "obligations",
                 "silent", "overdue", "flagged"):  # fmt: skip
        table.add_column(name, justify="left" if name in {"brand", "channel"} else "right")
    now = timezone.now()
    for one in waiting:
        age = _length(now - one.oldest) if one.oldest else "-"
        numbers = (one.attempts, one.escalated)
        owed = (one.obligations, one.unacknowledged, one.overdue, one.flagged)
        table.add_row(
            f"{one.partner.legal_name_en}\n{one.partner.pk}", str(one.events), age,
            *map(str, numbers), one.channel, *map(str, owed),
        )  # fmt: skip
    return table


def _stuck() -> Table:
    table = Table(title="stuck: manage.py retry_delivery ID, or abandon_delivery ID")
    for name in ("event", "type", "brand", "age", "attempts", "last outcome"):
        table.add_column(name)
    now = timezone.now()
    for one in overview.stuck(now)[:MOST]:
        table.add_row(
            str(one.pk), one.event_type, one.partner.legal_name_en, _length(now - one.happened_at),
            str(one.attempts), one.last_outcome or "not attempted",
        )  # fmt: skip
    return table


def _length(length: timedelta) -> str:
    seconds = max(int(length.total_seconds()), 0)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
