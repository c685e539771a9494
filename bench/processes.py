"""What runs beside the measuring: the processes of a vault, the thousand brands, and nobody."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import connections

from audit.models import Pending
from consent.models import Delivery, Partner

ROOT = Path(__file__).resolve().parent.parent
WORKERS = 2


@contextmanager
def of_vault(broker: str | None) -> Iterator[None]:
    """The processes of a vault: workers and beat on a broker, or `serve` with its own."""
    environment = {**os.environ, "VAULT_FACE": "all", "VAULT_ALLOW_LOOPBACK_ENDPOINTS": "1"}
    environment["VAULT_QUEUE"] = f"bench-{uuid4().hex[:8]}"
    if broker is None:
        environment.pop("CELERY_BROKER_URL", None)
        commands = [["manage.py", "serve", "--no-web"]]
    else:
        environment["CELERY_BROKER_URL"] = broker
        worker = ["-m", "celery", "-A", "config", "worker", "-P", "threads", "-c", "64"]
        beat = ["-m", "celery", "-A", "config", "beat"]
        commands = [*([worker] * WORKERS), beat, ["manage.py", "sequence"]]
    with started(commands, environment):
        try:
            yield
        finally:
            connections.close_all()
    if broker:
        forget_queue(broker, environment["VAULT_QUEUE"])


@contextmanager
def started(commands: list[list[str]], environment: dict[str, str]) -> Iterator[None]:
    """Run these commands beside this process; end them with the block."""
    with (settings.VAR_DIR / "processes.log").open("ab") as log:
        running = [
            subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
            for command in commands
        ]  # fmt: skip
        try:
            yield
        finally:
            for process in running:
                process.terminate()
            for process in running:
                try:
                    process.wait(40)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def warm_up() -> None:
    """Wait until the processes really send: one event to a brand that answers."""
    from consent.revocation import deliveries

    pinged = deliveries.ping(Partner.objects.filter(event_endpoint__endswith="well").first())
    until = time.monotonic() + 60
    while not Delivery.objects.filter(pk=pinged.pk).exclude(delivered_at=None).exists():
        if time.monotonic() > until:
            raise RuntimeError("the processes did not start; see processes.log")
        time.sleep(0.1)
    while Pending.objects.exists() and time.monotonic() < until:
        time.sleep(0.1)  # what making the customer left to the sequencer is not what is measured
    time.sleep(3)  # the other worker, too


@contextmanager
def brands() -> Iterator[int]:
    """The process that plays the brands; yields its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.brands"], cwd=ROOT, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin and process.stdout
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(10)


@contextmanager
def nobody() -> Iterator[int]:
    """A port that is taken, and where nobody listens: connections are refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def arrived(port: int) -> list[list[Any]]:
    """Return what the brands were sent: moment, path, jti."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/report") as answer:
        return json.load(answer)


def forget_arrived(port: int) -> None:
    """Empty the brands' list."""
    urllib.request.urlopen(f"http://127.0.0.1:{port}/forget", b"")


def forget_queue(broker: str, name: str) -> None:
    """Delete a queue of ours at the broker, if it answers."""
    from kombu import Connection

    with Connection(broker) as opened, contextlib.suppress(Exception):
        opened.channel().queue_delete(name)
