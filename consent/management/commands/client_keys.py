"""Shows, adds and retires the keys by which a client proves who it is."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consent import client_keys
from consent.management.moments import moment
from consent.models import Client
from consent.oauth import keysets
from consent.oauth.exceptions import KeySetInvalid
from consent.partners import Operator


class Command(BaseCommand):
    help = (
        "Rotate a client's keys with overlap: add the new one, and retire the old one at a moment"
        " (ISO 8601 with a zone), or at once if it may be known to others."
    )
    requires_system_checks = ("keys",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to do, and the client."""
        doing = parser.add_subparsers(dest="doing", required=True)
        for name, text in (("list", "show them"), ("add", "add one"), ("retire", "retire one")):
            one = doing.add_parser(name, help=text)
            one.add_argument("client", help="the client_id that register_partner printed")
            if name == "add":
                one.add_argument("file", type=Path, help="one public key as a JWK")
            if name == "retire":
                one.add_argument("kid")
                one.add_argument("--at", type=moment, help="without it: at once")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do it, and show what stands now."""
        client = Client.objects.select_related("partner").filter(client_id=options["client"])
        if (found := client.first()) is None:
            raise CommandError("There is no client with this id.")
        try:
            found = _done(found, options)
        except KeySetInvalid as refused:
            raise CommandError(f"Refused: {refused}.") from None
        except (OSError, ValueError) as error:
            what = type(error).__name__
            raise CommandError(f"The file cannot be read as JSON: {what}.") from None
        for key in found.jwks["keys"]:
            self.stdout.write(f"{key['kid']}  {keysets.until(key)}")


def _done(client: Client, options: dict[str, Any]) -> Client:
    if options["doing"] == "add":
        key = json.loads(options["file"].read_bytes())
        return client_keys.add(client, key, Operator())
    if options["doing"] == "retire":
        return client_keys.retire(client, options["kid"], Operator(), at=options["at"])
    return client
