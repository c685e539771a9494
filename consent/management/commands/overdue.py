"""Lists the brands that did not answer in time: what a regulator asks for."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console
from rich.table import Table

from consent.models import Obligation
from consent.revocation import overview

STAGES = ("overdue", "officer told", "requests barred", "flagged for the regulator")


class Command(BaseCommand):
    help = "List obligations whose day is over, with the stage that each has reached."

    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to list and how."""
        parser.add_argument("--flagged", action="store_true", help="only what is for the regulator")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print them; no person stands in any."""
        found = [
            one
            for one in overview.overdue()
            if not options["flagged"] or one.escalation == len(STAGES) - 1
        ]
        if options["json"]:
            for one in found:
                self.stdout.write(json.dumps(_facts(one), ensure_ascii=False))
        else:
            Console().print(_table(found))


def _facts(one: Obligation) -> dict[str, Any]:
    return {
        "obligation": str(one.pk),
        "reference": one.ref,  # under which it stands in the log
        "brand": one.partner.legal_name_ko,
        "registration_number": one.partner.registration_number,
        "holder": one.holder,
        "categories": one.categories,
        "opened_at": one.opened_at.isoformat(),
        "due_at": one.due_at.isoformat(),
        "acknowledged_at": one.acknowledged_at.isoformat() if one.acknowledged_at else None,
        "stage": STAGES[one.escalation],
        "requests_barred": one.partner.requests_barred_at is not None,
    }


def _table(found: list[Obligation]) -> Table:
    table = Table(title=f"{len(found)} obligations are overdue")
    names = ("brand", "obligation", "holder", "categories", "due_at", "stage")
    for name in names:
        table.add_column(name.replace("_at", ""))
    for one in found:
        facts = _facts(one) | {
            "categories": ", ".join(one.categories), "due_at": f"{one.due_at:%Y-%m-%d}",
        }  # fmt: skip
        table.add_row(*(facts[name] for name in names))
    return table
