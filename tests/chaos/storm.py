"""Lets a planned storm pass over a real vault, act by act, and finds out what did not hold."""

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import Progress

from tests.chaos.account import Account
from tests.chaos.brokers import Broker, RabbitMQ, Redis
from tests.chaos.plan import Act, Storm
from tests.chaos.servers import Postgres
from tests.consent.revocation.processes import House, house
from tests.consent.revocation.receiver import Brand, brand

RECOVERS_WITHIN = 30.0
POINTS_WITHIN = 40.0  # seconds after the last fault, for workers that are still to die at one
CALLERS = 4
Kind = TypeVar("Kind", Postgres, RabbitMQ, Redis)
console = Console(highlight=False)


@dataclass
class Outcome:
    """What a storm left behind."""

    broken: dict[str, list[str]]
    reached: int  # points at which a worker killed itself
    rests: list["Rest"]  # after each act
    doors: dict[str, str]


def run(storm: Storm, directory: Path) -> Outcome:
    """Make a vault with services of its own and let the storm pass over it."""
    # Accounts of services look into their folders in it.
    directory.chmod(0o711)
    with ExitStack() as open_:
        started = time.monotonic()
        database = open_.enter_context(_running(Postgres(directory)))
        brokers: dict[str, Broker] = {
            "rabbitmq": open_.enter_context(_running(RabbitMQ(directory))),
            "redis": open_.enter_context(_running(Redis(directory))),
        }
        database.wait()
        environment = {
            "DATABASE_URL": database.url,
            "CELERY_BROKER_URL": brokers[storm.acts[0].broker].url,
            "VAULT_LOG_LEVEL": "INFO",
        }
        vault_directory = directory / "vault"
        vault_directory.mkdir()
        made = open_.enter_context(house(vault_directory, **environment))
        listening = open_.enter_context(brand())
        for server in brokers.values():
            server.wait()
        seconds = time.monotonic() - started
        console.print(f"PostgreSQL, RabbitMQ, Redis and the vault's tables after {seconds:.0f} s")
        return _over(storm, directory, made, database, brokers, listening)


@contextmanager
def _running(server: Kind) -> Iterator[Kind]:
    try:
        server.begin()
        yield server
    finally:
        server.close()


def _over(
    storm: Storm,
    directory: Path,
    made: House,
    database: Postgres,
    brokers: dict[str, Broker],
    listening: Brand,
) -> Outcome:
    os.environ.update(made.environment)
    import django

    django.setup()
    from tests.chaos import checks, people
    from tests.chaos.house import Vault

    world, account = people.make(listening), Account()
    vault = Vault(made, database, brokers[storm.acts[0].broker])
    try:
        rests = _acts(storm, vault, world, account, brokers)
        log = checks.Log.read()
        found: dict[str, Iterator[str]] = {
            "I1": checks.log_verifies(made),
            "I2": checks.nothing_after_an_end(account, log),
            "I3": checks.entries_are_what_was_answered(account, log),
            "I4": checks.everything_owed_is_known(world, account, listening, log),
            "I5": checks.canary_is_nowhere(directory, database.dsn, listening),
            "recovery": _slow(rests),
            "surprises": iter(account.surprises),
        }
        console.print("the storm is over; looking at what it left ...")
        broken = {name: some for name, problems in found.items() if (some := list(problems))}
        _tell(vault, account, listening, len(log.leaves))
    finally:
        vault.close()
        _let_go()
    return Outcome(broken, len(set(vault.reached)), rests, account.by_door)


def _acts(
    storm: Storm, vault: Any, world: Any, account: Account, brokers: dict[str, Broker]
) -> list["Rest"]:
    """Let act after act come; return how the vault came to rest after each."""
    calm, over = threading.Event(), threading.Event()
    fetcher = _thread(account, _fetch, storm, vault, world, account, calm, over)
    rests = []
    try:
        # What led to the grants is told before anything breaks.
        calm.set()
        console.print(f"all at work after {_recovery(vault, world).all_told:.0f} s")
        with Progress(console=console, transient=True) as progress:
            for act in storm.acts:
                if vault.broker is not brokers[act.broker]:
                    vault.move_to(brokers[act.broker])
                console.print(f"on {act.broker}:")
                calm.clear()
                _weather(storm, act, vault, world, account, progress)
                vault.mend()
                calm.set()
                rest = _recovery(vault, world)
                rests.append(rest)
                console.print(
                    f"        goes on after {rest.goes_on:.1f} s, all told after"
                    f" {rest.all_told:.1f} s; last: {rest.last[:1]}",
                    markup=False,
                )
    finally:
        over.set()
        fetcher.join(30)
    return rests


def _weather(
    storm: Storm, act: Act, vault: Any, world: Any, account: Account, progress: Progress
) -> None:
    """Let brands call and owners decide while one fault after the other comes."""
    stop = threading.Event()
    threads = [
        _thread(account, _call, storm, act, n, vault, world, account, stop) for n in range(CALLERS)
    ]
    threads += [_thread(account, _decide, storm, act, n, world, account, stop) for n in range(2)]
    task = progress.add_task(act.broker, total=act.lasting)
    began = time.monotonic()
    try:
        for fault in (*act.faults, None):
            until = began + (fault.at if fault else act.lasting)
            while (now := time.monotonic()) < until:
                progress.update(task, completed=now - began)
                vault.tend()
                time.sleep(min(0.25, until - now))
            if fault is not None:
                console.print(f"{now - began:6.1f} s {fault}")
                vault.inject(fault)
        _let_points_be_reached(vault)
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
        progress.remove_task(task)


def _let_points_be_reached(vault: Any) -> None:
    until = time.monotonic() + POINTS_WITHIN
    while vault.is_armed and time.monotonic() < until:
        vault.tend()
        time.sleep(0.25)


@dataclass
class Rest:
    """How a vault came to rest: seconds until it told something again, and until all was told."""

    goes_on: float
    all_told: float
    last: list[str]  # what was told last


def _recovery(vault: Any, world: Any) -> Rest:
    """Wait until everything that can be told is told; at most twice the promise."""
    from django.db import connection

    from tests.chaos import checks

    connection.close()
    began = time.monotonic()
    before = checks.left_to_workers(world)
    rest = Rest(0.0, 0.0, [])
    while rest.all_told < 2 * RECOVERS_WITHIN and (waiting := checks.waiting(world)):
        rest.last = waiting
        vault.tend()
        time.sleep(0.25)
        rest.all_told = time.monotonic() - began
        if before and checks.left_to_workers(world) == before:
            rest.goes_on = rest.all_told
    return rest


def _thread(account: Account, work: Callable[..., None], *arguments: Any) -> threading.Thread:
    """Start a thread; one that ends by an error is told, or the storm would pass over nobody."""

    def told() -> None:
        try:
            work(*arguments)
        except Exception as error:  # noqa: BLE001
            account.surprise(f"{work.__name__} ended by {type(error).__name__}: {error}")

    thread = threading.Thread(target=told, daemon=True)
    thread.start()
    return thread


def _call(
    storm: Storm,
    act: Act,
    number: int,
    vault: Any,
    world: Any,
    account: Account,
    stop: threading.Event,
) -> None:
    from tests.chaos.doors import Caller

    chance = random.Random(f"{storm.seed} {act.broker} caller {number}")
    Caller(account, vault.port, chance).call_on(world.subjects, world.tokens, stop)


def _fetch(
    storm: Storm,
    vault: Any,
    world: Any,
    account: Account,
    calm: threading.Event,
    stop: threading.Event,
) -> None:
    from tests.chaos.doors import Caller

    caller = Caller(account, vault.port, random.Random(f"{storm.seed} fetcher"))
    caller.fetch_on(world.fetching, world.tokens[world.fetching], calm, stop)


def _decide(
    storm: Storm, act: Act, number: int, world: Any, account: Account, stop: threading.Event
) -> None:
    from tests.chaos import people

    chance = random.Random(f"{storm.seed} {act.broker} owner {number}")
    people.decide_on(account, world.pods[number::2], world.clients, chance, act.pause, stop)


def _slow(rests: list[Rest]) -> Iterator[str]:
    for rest in rests:
        if rest.goes_on > RECOVERS_WITHIN:
            yield f"nothing was told for {rest.goes_on:.1f} s after the last fault"


def _let_go() -> None:
    from django.db import connections

    connections.close_all()


def _tell(vault: Any, account: Account, listening: Brand, entries: int) -> None:
    seen = len({one.claims["jti"] for one in listening.got})
    console.print(f"answers (yes/no/lost): {json.dumps(account.by_door)}")
    console.print(f"owners: {json.dumps(account.acts)}; {entries} entries in the log")
    console.print(
        f"events pushed: {seen}, of them seen again {len(listening.got) - seen} times;"
        f" fetched: {len(account.fetched)}"
    )
    stops = ", ".join(f"{seconds:.1f} s" for seconds in vault.stops)
    console.print(f"workers ended after SIGTERM within {stops}")
