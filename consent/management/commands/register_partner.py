"""Registers partners from JSON files, after an operator has checked who they are."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from consent import registration
from consent.exceptions import RequestInvalid
from consent.partners import Operator
from vault import strictjson
from vault.exceptions import MalformedJSON


class Command(BaseCommand):
    help = (
        "Register partners with their clients and purposes (form: consent/registration/schema.json)."
        " Prints one JSON object a file: the ids that each has to know. Either all files or none."
    )

    # Not the URLs: loading every page would take longer than the command.
    requires_system_checks = ("keys",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the files."""
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Register what the files say, or say what is wrong with them."""
        with transaction.atomic():
            made = [_register(path) for path in options["files"]]
        for one in made:
            self.stdout.write(json.dumps(one, ensure_ascii=False))


def _register(path: Path) -> dict[str, Any]:
    try:
        registered = registration.register(strictjson.loads(path.read_bytes()), Operator())
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}.") from None
    except MalformedJSON as error:
        raise CommandError(f"{path}: is not JSON: {error}.") from None
    except RequestInvalid as error:
        lines = "\n".join(f"  {at or '/'}: {what}" for at, what in error.problems)
        raise CommandError(f"{path}: nothing was registered.\n{lines}") from None
    return {
        "partner": str(registered.partner.pk),
        "legal_name_ko": registered.partner.legal_name_ko,
        "clients": [
            {"client_id": client.client_id, "name_ko": client.name_ko, "name_en": client.name_en}
            for client in registered.clients
        ],
    }
