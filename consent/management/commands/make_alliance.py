"""Makes an alliance of registered partners; the first one named leads it and asks for all."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from consent import alliances
from consent.actors import Actor
from consent.exceptions import PartnerSuspended
from consent.models import Partner


class Command(BaseCommand):
    help = "Make an alliance. Prints its id, which its lead names when it asks for a journey."

    requires_system_checks = ("keys",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the names and the members."""
        parser.add_argument("lead", type=UUID)
        parser.add_argument("members", type=UUID, nargs="+", metavar="member")
        parser.add_argument("--name-ko", required=True)
        parser.add_argument("--name-en", required=True)

    @transaction.atomic
    def handle(self, *_args: Any, **options: Any) -> None:
        """Make it, with all of its members or not at all."""
        lead, *others = (_partner(each) for each in (options["lead"], *options["members"]))
        actor = Actor.operator()
        try:
            made = alliances.make(lead, options["name_ko"], options["name_en"], actor)
            for partner in others:
                alliances.join(made, partner, actor)
        except PartnerSuspended:
            raise CommandError("One of them may not be answered at present.") from None
        self.stdout.write(str(made.pk))


def _partner(partner_id: UUID) -> Partner:
    found = Partner.objects.filter(pk=partner_id).first()
    if found is None:
        raise CommandError(f"There is no partner {partner_id}.")
    return found
