"""Strikes a partner off for good: everything it had ends, and its customers are told."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consent import deregistration
from consent.actors import Actor
from consent.models import Partner


class Command(BaseCommand):
    help = "Strike a partner off: all its grants are revoked. This cannot be taken back."

    requires_system_checks = ("keys",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the partner, twice."""
        parser.add_argument("partner", type=UUID, help="the id that register_partner printed")
        parser.add_argument("--again", type=UUID, required=True, help="the same id once more")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Strike off."""
        partner = Partner.objects.filter(pk=options["partner"]).first()
        if partner is None or options["again"] != options["partner"]:
            raise CommandError("There is no partner with this id, or the two ids differ.")
        ended = deregistration.deregister(partner, Actor.operator())
        self.stdout.write(f"Struck off. {len(ended)} grants revoked; their owners are told.")
