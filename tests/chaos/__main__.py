"""make chaos SEED=7 [QUICK=1]: a seeded storm on PostgreSQL and RabbitMQ; exit 0 only if all held."""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from tests.chaos import plan
from tests.chaos.plan import Storm

RECOVERS_WITHIN = 30.0
console = Console(highlight=False)


def main() -> int:
    """Run one storm."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--quick", action="store_true", help="within five minutes")
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(10**6)
    os.environ.setdefault("DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
    storm = plan.make(seed, quick=asked.quick)
    command = f"make chaos SEED={seed}" + (" QUICK=1" if asked.quick else "")
    console.print(f"{command}: {len(storm.faults)} faults in {storm.lasting:.0f} s")
    directory = Path(tempfile.mkdtemp(prefix="chaos-"))
    broken = _run(storm, directory)
    injected = ", ".join(f"{count} {kind}" for kind, count in storm.kinds.items())
    if broken:
        for name, problems in broken.items():
            for problem in problems[:5]:
                console.print(f"[red]{name}[/red]: {problem}", markup=True)
        console.print(f"what the processes said: {directory / 'processes.log'}")
        print(
            f"chaos seed {seed}: injected {injected}; BROKEN: {', '.join(broken)}; again: {command}"
        )
        return 1
    shutil.rmtree(directory, ignore_errors=True)
    print(
        f"chaos seed {seed}: injected {injected}; held: I1 log verifies, I2 no read after an end,"
        " I3 entries = answers, I4 everything owed is known, I5 canary nowhere, recovery <= 30 s"
    )
    return 0


def _run(storm: Storm, directory: Path) -> dict[str, list[str]]:
    """Make a vault, let the storm pass over it, and return what did not hold."""
    from tests.chaos import house as houses
    from tests.consent.revocation.processes import database, house
    from tests.consent.revocation.receiver import brand

    proxy = houses.proxy()
    environment = {"CELERY_BROKER_URL": houses.through(proxy.port), "VAULT_LOG_LEVEL": "WARNING"}
    with (
        database() as url,
        house(directory, DATABASE_URL=url, **environment) as made,
        brand() as listening,
    ):
        os.environ.update(made.environment)
        import django

        django.setup()
        from django.db import connections

        from tests.chaos import checks, people

        world = people.make(listening)
        vault = houses.Vault(made, proxy, url)
        try:
            account = people.Account()
            _weather(storm, vault, world, account)
            recovered = _recovery(vault)
            queued = vault.messages()
            found = {
                "I1": checks.log_verifies(made),
                "I2": checks.nothing_after_an_end(account),
                "I3": checks.entries_are_what_was_answered(account),
                "I4": checks.everything_owed_is_known(listening),
                "I5": checks.canary_is_nowhere(made, url, queued, listening),
                "recovery": _slow(recovered),
                "surprises": iter(account.surprises),
            }
            broken = {name: some for name, problems in found.items() if (some := list(problems))}
            _tell(account, listening.got, recovered)
        finally:
            vault.close_web()
            connections.close_all()
            proxy.close()
    return broken


def _weather(storm: Storm, vault, world, account) -> None:
    """Let people read and decide while one fault after the other comes."""
    from tests.chaos import people

    stop = threading.Event()
    threads = [
        threading.Thread(
            target=people.read_on,
            args=(account, world, vault.port, random.Random(f"{storm.seed} reader {n}"), stop),
        )
        for n in range(4)
    ]
    half = len(world.pods) // 2
    threads += [
        threading.Thread(
            target=people.decide_on,
            args=(account, pods, world.clients, random.Random(f"{storm.seed} owner {n}"), stop),
        )
        for n, pods in enumerate((world.pods[:half], world.pods[half:]))
    ]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    with Progress(console=console) as progress:
        task = progress.add_task("calm", total=storm.lasting)
        for fault in (*storm.faults, None):
            until = began + (fault.at if fault else storm.lasting)
            while (now := time.monotonic()) < until:
                progress.update(task, completed=now - began)
                vault.tend()
                time.sleep(min(0.5, until - now))
            if fault is not None:
                progress.update(task, description=fault.kind)
                vault.inject(fault)
    stop.set()
    for thread in threads:
        thread.join(30)
    vault.mend()


def _recovery(vault) -> float:
    """Return the seconds until everything that can be told is told; at most twice the promise."""
    from django.db import connection

    from consent.models import Delivery, Obligation
    from tests.chaos.people import BRANDS

    connection.close()
    down = f"/brand{BRANDS - 1}"
    began = time.monotonic()
    while time.monotonic() - began < 2 * RECOVERS_WITHIN:
        waiting = Delivery.objects.unsettled().exclude(partner__event_endpoint__endswith=down)
        owing = Obligation.objects.filter(acknowledged_at=None).exclude(
            partner__event_endpoint__endswith=down
        )
        if not waiting.exists() and not owing.exists():
            break
        vault.tend()
        time.sleep(0.25)
    return time.monotonic() - began


def _slow(recovered: float) -> Iterator[str]:
    if recovered > RECOVERS_WITHIN:
        yield f"work did not continue within {RECOVERS_WITHIN:.0f} s"


def _tell(account, got, recovered: float) -> None:
    seen = len({one.claims["jti"] for one in got})
    console.print(f"reads: {json.dumps(account.reads)}; owners: {json.dumps(account.acts)}")
    console.print(
        f"events at brands: {seen}, of them seen again {len(got) - seen} times;"
        f" everything told {recovered:.1f} s after the last fault"
    )


if __name__ == "__main__":
    sys.exit(main())
