"""Stops a partner at once. Everybody who shares something with it is told by letter."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consent import profiles, suspensions
from consent.actors import Actor
from consent.models import Partner


class Command(BaseCommand):
    help = "Suspend a partner: nothing is answered any more, and its customers are told."

    # Not the URLs: loading every page would take longer than the command.
    requires_system_checks = ("keys",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the partner and the ground."""
        parser.add_argument("partner", type=UUID, help="the id that register_partner printed")
        grounds = profiles.load()["suspension_grounds"]
        parser.add_argument("--ground", required=True, choices=grounds)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Suspend."""
        partner = Partner.objects.filter(pk=options["partner"]).first()
        if partner is None:
            raise CommandError("There is no partner with this id.")
        stopped = suspensions.suspend(partner, options["ground"], Actor.operator())
        self.stdout.write(f"Suspended. {len(stopped)} grants stopped; their owners are told.")
