"""Whether the time of an answer tells who is a customer: Welch's t between what must look alike.

For each door the classes are asked in turn, in random order within a round, by the test client in
this process over PostgreSQL: less noise than a network has, so a leak shows sooner. t is counted
over all samples and over the fastest nine tenths; the larger of both must stay below 4.5.
"""

import json
import logging
import math
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.test import override_settings
from rich.console import Console
from rich.table import Table

from bench import asked, conditions

LIMIT = 4.5
FULL, QUICK = 1000, 200
WARM = 5  # rounds that warm caches and plans, asked of everybody alike and not counted
Door = dict[str, Callable[[int], Any]]
console = Console()


def run(*, quick: bool, fresh: bool) -> int:  # noqa: ARG001  its data are always new
    """Measure every door, print the table, write timing.json; 0 when no door tells, by time or words."""
    call_command("migrate", verbosity=0)
    if not (settings.KEYRING_DIR / "keyring.json").exists():
        call_command("make_keyring")
    logging.getLogger("django.request").setLevel(logging.ERROR)  # refusals are what is measured
    only = os.environ.get("BENCH_DOORS", "")
    found: dict[str, dict[str, Any]] = {}
    with _as_served():
        for name, make in asked.DOORS.items():
            if only in name:
                found[name] = _measured(make, QUICK if quick else FULL)
                _write(found, quick=quick)
    _print(found)
    told = max(each["t"] for each in found.values()) >= LIMIT
    return int(told or any(each["answers"] > 1 for each in found.values()))


def _write(found: dict[str, dict[str, Any]], *, quick: bool) -> None:
    told = {
        "max_t": max(each["t"] for each in found.values()),
        "limit": LIMIT,
        "doors": found,
        "conditions": conditions.stated() | {"load": os.getloadavg(), "quick": quick},
    }
    Path(os.environ["BENCH_RESULTS"], "timing.json").write_text(json.dumps(told, indent=1))


def _as_served() -> override_settings:
    """Door and pages in one process; the brakes off, or nobody could ask a thousand times."""
    return override_settings(
        ROOT_URLCONF="config.urls",
        MIDDLEWARE=settings.PORTAL_MIDDLEWARE,
        ACCOUNT_RATE_LIMITS=False,
        ALLOWED_HOSTS=["*"],
        EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend",
    )


def _measured(make: Callable[[int], Door], rounds: int) -> dict[str, Any]:
    door = make(rounds)
    samples: dict[str, list[float]] = {name: [] for name in door}
    bodies: set[bytes] = set()
    for turn, name in _turns(list(door), rounds):
        started = time.perf_counter()
        answer = door[name](turn)
        took = (time.perf_counter() - started) * 1000
        bodies.add(asked.likeness(answer))
        if turn >= WARM:
            samples[name].append(took)
    pairs = {
        f"{a} / {b}": round(_t(samples[a], samples[b]), 2) for a, b in combinations(samples, 2)
    }
    return {
        "t": max(pairs.values()),
        "pairs": pairs,
        "samples": rounds - WARM,
        "answers": len(bodies),
        "median_ms": {name: round(statistics.median(one), 3) for name, one in samples.items()},
    }


def _turns(names: list[str], rounds: int) -> Iterator[tuple[int, str]]:
    for turn in range(rounds):
        for name in random.sample(names, len(names)):
            yield turn, name


def _t(one: list[float], other: list[float]) -> float:
    """Return the larger Welch's t of all samples and of the fastest nine tenths of both."""
    limit = sorted(one + other)[int(0.9 * (len(one) + len(other)))]
    fast = [[value for value in each if value <= limit] for each in (one, other)]
    return max(_welch(one, other), _welch(*fast))


def _welch(one: list[float], other: list[float]) -> float:
    spread = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    return abs(statistics.fmean(one) - statistics.fmean(other)) / math.sqrt(spread)


def _print(found: dict[str, dict[str, Any]]) -> None:
    table = Table("door", "t", "answers", "median ms")
    for name, each in found.items():
        said = ", ".join(f"{who} {ms}" for who, ms in each["median_ms"].items())
        table.add_row(name, f"{each['t']:.2f}", str(each["answers"]), said)
    console.print(table)
