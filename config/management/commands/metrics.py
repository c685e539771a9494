"""Serves the vault's numbers for Prometheus, on a port of their own."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from prometheus_client import start_http_server

from config import metrics


class Command(BaseCommand):
    help = "Serve metrics for Prometheus; on loopback, for the monitoring alone."

    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where to listen."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=9108)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Serve until SIGTERM or Ctrl-C."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        host, port = options["host"], options["port"]
        try:
            server, thread = start_http_server(port, host, registry=metrics.registry())
        except OSError as error:
            raise CommandError(f"{host}:{port} cannot be served on: {error.strerror}.") from None
        self.stdout.write(f"http://{host}:{port}/metrics")
        stop.wait()
        server.shutdown()
        thread.join()
