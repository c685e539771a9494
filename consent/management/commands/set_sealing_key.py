"""Sets the public key that a client's answers are sealed to."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consent import client_keys, partners
from consent.management.moments import moment
from consent.models import Client
from consent.partners import Operator
from keys.exceptions import EnvelopeKeyInvalid


class Command(BaseCommand):
    help = "Seal a client's answers to a public key (level 3): a file with suite, kid and key."
    requires_system_checks = ("keys",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the client and the file."""
        parser.add_argument("client", help="the client_id that register_partner printed")
        parser.add_argument("--at", type=moment, help="from when on; without it at once")
        parser.add_argument("file", type=Path, help='{"suite": …, "kid": …, "key": …}')

    def handle(self, *_args: Any, **options: Any) -> None:
        """Set it; answers that are under way are decided again."""
        client = Client.objects.select_related("partner").filter(client_id=options["client"])
        if (found := client.first()) is None:
            raise CommandError("There is no client with this id.")
        try:
            key = json.loads(options["file"].read_bytes())
            if at := options["at"]:
                client_keys.change_sealing_key(found, key, Operator(), at=at)
            else:
                partners.set_sealing_key(found, key, Operator())
        except (OSError, ValueError) as error:
            raise CommandError(
                f"The file cannot be read as JSON: {type(error).__name__}."
            ) from None
        except EnvelopeKeyInvalid as refused:
            raise CommandError(f"Refused: {refused}.") from None
        since = at.isoformat() if at else "now"
        self.stdout.write(f"Set. From {since} on this client's answers come sealed to this key.")
