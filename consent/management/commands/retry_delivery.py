"""Tries an event again at once, whatever its schedule and its brand's breaker say."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consent.models import Delivery
from consent.revocation import deliveries


class Command(BaseCommand):
    help = "Try an event again now; its brand's breaker is opened, too."

    requires_system_checks = ("keys",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the event."""
        parser.add_argument("delivery", type=UUID, help="its id, as `queues` lists it")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make it due."""
        found = Delivery.objects.unsettled().select_related("partner")
        delivery = found.filter(pk=options["delivery"]).first()
        if delivery is None:
            raise CommandError("There is no event with this id that waits.")
        deliveries.redeliver(delivery)
        self.stdout.write("It is due now; a worker sends it within a second.")
