"""Lets a partner go from an alliance: what it had through it ends."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consent import alliances
from consent.actors import Actor
from consent.models import Alliance, Partner


class Command(BaseCommand):
    help = "Let a partner leave an alliance. What it had through it is revoked."

    requires_system_checks = ("keys",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the two."""
        parser.add_argument("alliance", type=UUID)
        parser.add_argument("partner", type=UUID)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Let it go."""
        alliance = Alliance.objects.filter(pk=options["alliance"]).first()
        partner = Partner.objects.filter(pk=options["partner"]).first()
        if alliance is None or partner is None:
            raise CommandError("There is no such alliance or partner.")
        ended = alliances.leave(alliance, partner, Actor.operator())
        self.stdout.write(f"Left. {len(ended)} grants revoked; their owners are told.")
