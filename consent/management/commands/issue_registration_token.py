"""Issues a token by which a partner registers one program by itself."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consent.exceptions import PartnerSuspended
from consent.models import Partner
from consent.oauth import registering
from consent.partners import Operator


class Command(BaseCommand):
    help = (
        "Print a token with which a partner registers one client at POST /oauth/register, once."
        " It is shown this one time: the vault keeps its hash."
    )
    requires_system_checks = ("keys",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the partner, the level and the life."""
        parser.add_argument("partner", type=UUID, help="the id that register_partner printed")
        parser.add_argument("--level", type=int, choices=registering.LEVELS, required=True)
        most = registering.LONGEST_LIFE.days
        parser.add_argument("--days", type=int, choices=range(1, most + 1), default=most)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Issue it."""
        partner = Partner.objects.filter(pk=options["partner"]).first()
        if partner is None:
            raise CommandError("There is no partner with this id.")
        try:
            value = registering.issue(
                partner,
                level=options["level"],
                life=timedelta(days=options["days"]),
                actor=Operator(),
            )
        except PartnerSuspended:
            raise CommandError("This partner is suspended or struck off.") from None
        self.stdout.write(value)
