"""manage.py sandbox_fault: breaks something in a sandbox for a while, so that its answer can be met."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sandbox import guarding
from sandbox.faults import FAULTS


class Command(BaseCommand):
    help = "keys-away: the root key lies elsewhere. busy: somebody holds a customer's grant."
    # Its own fault would stop the check of the keys.
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own declaration

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what to break, and for how long."""
        parser.add_argument("fault", choices=sorted(FAULTS))
        parser.add_argument("--seconds", type=int, default=30)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Break it, wait, and put it right again, also when told to stop."""
        try:
            guarding.need_sandbox()
        except guarding.NotASandbox as error:
            raise CommandError(str(error)) from None
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(name, lambda *_: stop.set())
        with FAULTS[options["fault"]]():
            self.stdout.write(f"{options['fault']} for {options['seconds']} seconds")
            self.stdout.flush()
            stop.wait(options["seconds"])
