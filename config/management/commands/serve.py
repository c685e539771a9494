"""manage.py serve: the whole vault on one machine, in one command."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import serving


class Command(BaseCommand):
    help = (
        "Serve pages and API, deliver events, sequence and sign the log, until SIGTERM or Ctrl-C. "
        "For one machine; docs/operations.md says how the parts run apart."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take where to listen; the default is where VAULT_ORIGIN says that we are."""
        origin = urlsplit(settings.ORIGIN)
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=origin.port or 8000)
        parser.add_argument("--no-web", action="store_true", help="everything but the web server")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run until told to stop. Ends with an error if a part ends by itself."""
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        try:
            died = serving.run(
                stop,
                self._say,
                host=options["host"],
                port=options["port"],
                web=not options["no_web"],
            )
        except serving.NotReady as error:
            raise CommandError(str(error)) from None
        if died:
            raise CommandError(f"The {died} ended by itself; its reason stands above.")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
