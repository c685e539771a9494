"""Real processes of a vault of its own: a directory, a database, a queue, and what runs on them."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

ROOT = Path(__file__).parents[3]
SERVICES_DATABASE = os.environ.get("DATABASE_URL", "")
BROKER = os.environ.get("TEST_BROKER_URL", "amqp://guest:guest@127.0.0.1:5672//")
# Seconds for a process to begin or to end on a busy machine; no promise is about it.
STARTS_WITHIN = 120.0
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9")


class House:
    """One vault, and the processes that were started in it."""

    def __init__(self, directory: Path, **environment: str) -> None:
        self.directory = directory
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = kept | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "VAULT_VAR": str(directory),
            "VAULT_ALLOW_LOOPBACK_ENDPOINTS": "1",
            "VAULT_QUEUE": f"test-{uuid4().hex[:8]}",
            "PYTHONPATH": str(ROOT),
            **environment,
        }
        self.log = (directory / "processes.log").open("ab")
        self.running: list[subprocess.Popen[bytes]] = []
        self.manage("first_run")
        self.world = self.start("-m", "tests.consent.revocation.world", talks=True)

    def manage(self, *arguments: str) -> int:
        """Run a command of the vault to its end."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, stdout=self.log, stderr=self.log, check=False,
        )  # fmt: skip
        return done.returncode

    def start(
        self, *arguments: str, talks: bool = False, **environment: str
    ) -> "subprocess.Popen[bytes]":
        """Start a Python process of the vault."""
        pipe = subprocess.PIPE if talks else None
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT, env=self.environment | environment,
            stdin=pipe, stdout=pipe or self.log, stderr=self.log,
        )  # fmt: skip
        self.running.append(process)
        return process

    def serve(self, *arguments: str, **environment: str) -> "subprocess.Popen[bytes]":
        return self.start("manage.py", "serve", *arguments, **environment)

    def worker(self, **environment: str) -> "subprocess.Popen[bytes]":
        arguments = ("-P", "threads", "-c", "4", "--without-gossip", "--without-mingle")
        return self.start("-m", "celery", "-A", "config", "worker", *arguments, **environment)

    def beat(self) -> "subprocess.Popen[bytes]":
        return self.start("-m", "celery", "-A", "config", "beat")

    def ask(self, line: str) -> dict[str, Any]:
        """Say one line to the world and return its answer."""
        assert self.world.stdin
        assert self.world.stdout
        self.world.stdin.write(line.encode() + b"\n")
        self.world.stdin.flush()
        answer = self.world.stdout.readline()
        assert answer, (self.directory / "processes.log").read_text()[-2000:]
        told: dict[str, Any] = json.loads(answer)
        return told

    def close(self) -> None:
        """End everything that was started."""
        for process in reversed(self.running):
            process.terminate()
        for process in self.running:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        self.log.close()
        self._forget_queue()

    def _forget_queue(self) -> None:
        if broker := self.environment.get("CELERY_BROKER_URL"):
            from kombu import Connection

            with Connection(broker) as connection, contextlib.suppress(Exception):
                connection.channel().queue_delete(self.environment["VAULT_QUEUE"])


@contextmanager
def house(directory: Path, **environment: str) -> Iterator[House]:
    """A vault on SQLite with the embedded broker, unless `environment` says otherwise."""
    made = House(directory, **environment)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def database() -> Iterator[str]:
    """A PostgreSQL database of its own, as a URL."""
    server, _, _ = SERVICES_DATABASE.rpartition("/")
    name = f"test_house_{uuid4().hex[:8]}"
    admin = psycopg.connect(
        SERVICES_DATABASE.replace("postgres://", "postgresql://", 1), autocommit=True
    )
    try:
        admin.execute(f'CREATE DATABASE "{name}"')
        yield f"{server}/{name}"
    finally:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        admin.close()


@contextmanager
def house_on(broker: str, directory: Path) -> Iterator[House]:
    """A vault on PostgreSQL and one of the two brokers, with its clock running."""
    url = {"rabbitmq": BROKER, "redis": REDIS}[broker]
    with (
        database() as where,
        house(directory, DATABASE_URL=where, CELERY_BROKER_URL=url) as made,
    ):
        made.beat()
        yield made


def wait_until(true: Callable[[], object], within: float, every: float = 0.1) -> float:
    """Return the seconds until something was true. Fails when it is not within so many."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < within, f"not within {within} s"
        time.sleep(every)
    return time.monotonic() - began


class Proxy:
    """A TCP proxy that can be cut, for a broker that nobody here may stop."""

    def __init__(self, host: str, port: int) -> None:
        import socket

        self._target = (host, port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._open: list[socket.socket] = []
        self._cut = threading.Event()
        self.refused = 0  # connections since it was cut
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """End every connection, and take none."""
        self._cut.set()
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(2)
        self._open.clear()

    def mend(self) -> None:
        self._cut.clear()

    def close(self) -> None:
        self.cut()
        with contextlib.suppress(OSError):
            self._server.shutdown(2)
        self._server.close()

    def _accept(self) -> None:
        import socket

        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._server.accept()
                if self._cut.is_set():
                    self.refused += 1
                    peer.close()
                    continue
                there = socket.create_connection(self._target)
                self._open += [peer, there]
                for one, other in ((peer, there), (there, peer)):
                    threading.Thread(target=_pump, args=(one, other), daemon=True).start()


def _pump(one: Any, other: Any) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    for each in (one, other):
        with contextlib.suppress(OSError):
            each.shutdown(2)
        each.close()
