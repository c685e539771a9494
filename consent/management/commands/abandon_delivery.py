"""Gives an event up: one operator asks, with a reason, another confirms."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consent.exceptions import SecondPersonNeeded
from consent.management import operators
from consent.models import Delivery
from consent.revocation import abandoning


class Command(BaseCommand):
    help = "Ask to give an event up, or confirm what another operator asked within a day."

    requires_system_checks = ("keys",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what, why, and who."""
        parser.add_argument("delivery", type=UUID, help="its id, as `queues` lists it")
        parser.add_argument("--reason", required=True, help="no name and no value of anybody")
        operators.add_argument(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Ask or confirm."""
        found = Delivery.objects.unsettled().filter(pk=options["delivery"]).first()
        if found is None:
            raise CommandError("There is no open event with this id.")
        actor = operators.sign_in(options["operator"])
        try:
            done = abandoning.abandon(found, options["reason"], actor)
        except SecondPersonNeeded:
            raise CommandError("You asked for this yourself; another operator confirms.") from None
        said = (
            "Given up; two entries say so."
            if done
            else "Asked. Another operator confirms within a day."
        )
        self.stdout.write(said)
