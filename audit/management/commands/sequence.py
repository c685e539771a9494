"""manage.py sequence: the process that gives entries their places and signs checkpoints."""

import signal
from argparse import ArgumentParser
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import anchor, publishing, sequencer
from audit.exceptions import AuditError
from keys import keyring
from keys.exceptions import KeysError


class Command(BaseCommand):
    help = "Sequence pending entries and publish signed checkpoints until told to stop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the interval, and the two ways to run once."""
        parser.add_argument("--interval", type=float, default=0.5, help="seconds between looks")
        parser.add_argument("--once", action="store_true", help="one round, then stop")
        parser.add_argument(
            "--new-anchor",
            action="store_true",
            help="accept that the anchor directory was lost for good, and fill a new one",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT; a round that has begun is finished."""
        try:
            keyring.check_start()
            keyring.keyring().log_key()
            if options["new_anchor"]:
                publishing.publish(new_anchor=True)
            anchor.check_start()
            if options["once"]:
                self._once()
            else:
                self._loop(options["interval"])
        except (AuditError, KeysError) as error:
            raise CommandError(f"{(error.__doc__ or '').splitlines()[0]} {error}") from error

    def _once(self) -> None:
        while sequencer.sequence_once() == sequencer.BATCH:
            pass
        checkpoint = sequencer.publish()
        self.stdout.write(f"size {checkpoint.size if checkpoint else 0}")

    def _loop(self, interval: float) -> None:
        stop = Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        sequencer.run(stop, interval)
