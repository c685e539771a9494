"""Ends consents that were found never to have been valid, and tells everybody concerned."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consent import grants, profiles
from consent.actors import Actor
from consent.models import Grant


class Command(BaseCommand):
    help = "End consents that are void: grants by id, or all that were given on one notice."

    requires_system_checks = ("keys",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which, and why."""
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--grant", type=UUID, action="append", help="may be given many times")
        which.add_argument("--notice", help="SHA-256 of the notice's bytes, in hex")
        grounds = profiles.load()["invalidation_grounds"]
        parser.add_argument("--ground", required=True, choices=grounds)

    def handle(self, *_args: Any, **options: Any) -> None:
        """End them."""
        found = Grant.objects.unended()
        if options["grant"]:
            found = found.filter(pk__in=options["grant"])
        else:
            found = found.filter(notice=options["notice"])
        ended = grants.invalidate(found, options["ground"], Actor.operator())
        if not ended:
            raise CommandError("There is no such grant that has not ended.")
        self.stdout.write(f"{len(ended)} grants are void; their owners are told.")
