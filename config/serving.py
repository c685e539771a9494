"""The whole vault on one machine: web, worker, clock and sequencer under one parent process.

Worker, clock and sequencer are threads of the parent: the embedded broker is this process's
memory, so whoever sends and whoever receives must be here together. The web server is a child,
so that a slow page never holds up an event, and a crash of one is no crash of the other.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from celery.beat import EmbeddedService, Scheduler
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from audit import anchor, sequencer
from audit.exceptions import AuditError
from config.celery import app, quiet
from consent.revocation import courier
from keys import keyring
from keys.exceptions import KeysError

Say = Callable[[str], object]

# One for each rule of the clock, so that none waits for another, and a few to spare.
WORKER_THREADS = 12
WEB_THREADS = 4
STARTS_WITHIN = 60.0  # seconds
STOPS_WITHIN = 30.0


class NotReady(Exception):
    """The vault cannot start; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing that runs: how to see that it still does, and how to end it."""

    name: str
    says: str
    lives: Callable[[], bool]
    stop: Callable[[], object]


def check() -> None:
    """Pass if keys, tables and log are as they should be. Raises `NotReady`."""
    try:
        keyring.check_start()
        if _unapplied():
            raise NotReady("The tables are not those of this version. Run: manage.py migrate")
        # What only the sequencer and the workers open, they open here.
        keyring.keyring().log_key()
        keyring.keyring().signers()
        anchor.check_start()
    except (KeysError, AuditError) as error:
        title = (type(error).__doc__ or "").splitlines()[0]
        hint = "" if str(error) else " Run: manage.py first_run"
        raise NotReady(f"{title} {error}{hint}") from None
    except DatabaseError:
        raise NotReady(
            "The database does not answer, or holds nothing. Run: manage.py migrate"
        ) from None
    finally:
        connection.close()


def run(stop: threading.Event, say: Say, *, host: str, port: int, web: bool = True) -> str | None:
    """Start every part, wait for `stop`, end them; return the part that ended by itself, if any."""
    check()
    quiet()
    with _all_parts(say, host, port, web=web) as parts:
        say("ready; Ctrl-C ends it")
        while not stop.wait(0.5):
            for part in parts:
                if not part.lives():
                    return part.name
    return None


@contextmanager
def _all_parts(say: Say, host: str, port: int, *, web: bool) -> Iterator[list[Part]]:
    starts: list[Callable[[], Part]] = [_sequencer, _worker, _clock]
    if web:
        # First: where the port is taken, nothing else has begun.
        starts.insert(0, lambda: _web(host, port))
    parts: list[Part] = []
    try:
        for start in starts:
            part = start()
            parts.append(part)
            say(f"{part.name:<10} {part.says}")
        yield parts
    finally:
        # The clock goes before the worker, so that nothing new comes while it finishes.
        for part in sorted(parts, key=lambda one: _LAST_TO_GO.index(one.name)):
            part.stop()
            say(f"{part.name:<10} stopped")


# The sequencer last: what the others wrote while ending still gets its place.
_LAST_TO_GO = ("web", "clock", "worker", "sequencer")


def _web(host: str, port: int) -> Part:
    _need_free(host, port)
    arguments = ["--host", host, "--port", str(port), "--threads", str(WEB_THREADS)]
    child = subprocess.Popen(  # noqa: S603 - our own module and numbers
        [sys.executable, "-m", "config.web", *arguments],
        stdin=subprocess.PIPE,
        # Few arenas: with one a thread, streams of records leave their holes in each of them.
        env={"MALLOC_ARENA_MAX": "2", **os.environ, "VAULT_FACE": "all"},
        cwd=settings.BASE_DIR,
        # Ctrl-C is for the parent, which then ends the child in its turn.
        start_new_session=True,
    )
    try:
        _wait_for(host, port, child)
    except NotReady:
        _end(child)
        raise
    return Part(
        name="web",
        says=f"http://{host}:{port} (process {child.pid}, {WEB_THREADS} threads)",
        lives=lambda: child.poll() is None,
        stop=lambda: _end(child),
    )


def _sequencer() -> Part:
    stop = threading.Event()
    thread = _thread("sequencer", lambda: sequencer.run(stop))

    def end() -> None:
        stop.set()
        thread.join(STOPS_WITHIN)

    return Part(
        name="sequencer",
        says=f"signs checkpoints of {settings.LOG_ORIGIN}",
        lives=thread.is_alive,
        stop=end,
    )


def _worker() -> Part:
    # No gossip, mingle or heartbeat: there is nobody else in this process's memory.
    worker = app.WorkController(
        pool="threads",
        concurrency=WORKER_THREADS,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    thread = _thread("worker", worker.start)

    def end() -> None:
        courier.close()
        worker.stop()
        thread.join(STOPS_WITHIN)

    return Part(
        name="worker",
        says=f"{WORKER_THREADS} threads; broker {_broker()}",
        lives=thread.is_alive,
        stop=end,
    )


def _clock() -> Part:
    # In memory: `-B` would start a process, which an embedded broker cannot reach.
    clock: Any = EmbeddedService(app, thread=True, scheduler_cls=Scheduler)
    clock.daemon = True
    clock.start()
    return Part(
        name="clock",
        says=f"{len(app.conf.beat_schedule)} tasks in its schedule",
        lives=clock.is_alive,
        stop=clock.stop,
    )


def _thread(name: str, work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread


def _broker() -> str:
    url = app.connection()
    if url.transport_cls == "memory":
        return "in this process's memory"
    return f"{url.transport_cls}://{url.hostname}:{url.port}"


def _unapplied() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _need_free(host: str, port: int) -> None:
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        what = f"{host}:{port} cannot be served on: {error.strerror}. Take another --port."
        raise NotReady(what) from None


def _wait_for(host: str, port: int, child: "subprocess.Popen[bytes]") -> None:
    """Return when somebody answers at the port. Raises `NotReady` if the child ended or hangs."""
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until and child.poll() is None:
        try:
            socket.create_connection((host, port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise NotReady("The web server did not start; its reason stands above.")


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Ask the child to stop, by closing the pipe that it watches; make it, if it does not."""
    if child.stdin is not None:
        child.stdin.close()
    try:
        child.wait(STOPS_WITHIN)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
