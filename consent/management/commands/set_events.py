"""Sets how a partner gets its events, and asks it to prove that they arrive."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consent.actors import Actor
from consent.exceptions import EndpointRefused
from consent.models import Partner
from consent.revocation import channels, deliveries


class Command(BaseCommand):
    help = (
        "Push a partner's events to an endpoint, or let it fetch them; sends a verification event."
    )

    requires_system_checks = ("keys",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the partner and one of the two ways."""
        parser.add_argument("partner", type=UUID, help="the id that register_partner printed")
        ways = parser.add_mutually_exclusive_group(required=True)
        ways.add_argument("--push", metavar="URL", help="https, a public address")
        ways.add_argument("--poll", action="store_true", help="it fetches them (RFC 8936)")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Set it, and owe the verification event."""
        partner = Partner.objects.filter(pk=options["partner"]).first()
        if partner is None:
            raise CommandError("There is no partner with this id.")
        way = Partner.EventDelivery.POLL if options["poll"] else Partner.EventDelivery.PUSH
        try:
            channels.choose(partner, way, options["push"] or "", Actor.operator())
        except EndpointRefused as refused:
            raise CommandError(f"{refused}.") from None
        pinged = deliveries.ping(partner)
        self.stdout.write(f"Set. The verification event is {pinged.pk}.")
