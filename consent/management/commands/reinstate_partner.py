"""Lets a suspended partner go on, with the grants that its suspension stopped."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consent import suspensions
from consent.actors import Actor
from consent.models import Partner


class Command(BaseCommand):
    help = "Let a suspended partner go on. The grants that its suspension stopped go on too."

    # Not the URLs: loading every page would take longer than the command.
    requires_system_checks = ("keys",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the partner and why."""
        parser.add_argument("partner", type=UUID)
        parser.add_argument("--reason", default="cleared", help="a code of 1 to 64 characters")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Reinstate."""
        partner = Partner.objects.filter(pk=options["partner"]).first()
        if partner is None:
            raise CommandError("There is no partner with this id.")
        resumed = suspensions.reinstate(partner, options["reason"], Actor.operator())
        self.stdout.write(f"Reinstated. {len(resumed)} grants go on.")
