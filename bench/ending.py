"""How long the commit of an end takes: alone, and while 16 clients read that very grant."""

import random
import threading
import time
from pathlib import Path

from bench import load
from bench.dataset import PLAIN
from bench.percentiles import percentile
from consent import grants
from consent.actors import Actor
from consent.models import Grant


def measure(lines: dict[str, Path], *, rounds: int) -> dict[str, float]:
    """Return milliseconds."""
    ids = list(
        Grant.objects.filter(purpose=PLAIN, ended_at=None).values_list("id", flat=True)[:5000]
    )
    first, *chosen = random.sample(ids, 2 * rounds + 1)
    _end(Grant.objects.get(pk=first))  # plans and pools are warm before anything counts
    alone = [_end(Grant.objects.get(pk=grant)) for grant in chosen[:rounds]]
    loaded = [
        _end_under_load(Grant.objects.get(pk=grant), lines["read"]) for grant in chosen[rounds:]
    ]
    return {
        "end_p50_ms": round(percentile(alone, 50), 2),
        "end_p99_ms": round(percentile(alone, 99), 2),
        "end_under_load_p50_ms": round(percentile(loaded, 50), 2),
        "end_under_load_p99_ms": round(percentile(loaded, 99), 2),
    }


def _end(grant: Grant) -> float:
    owner = Actor.owner(grant.pod.owner)
    before = time.perf_counter()
    grants.end(grant, Grant.EndKind.WITHDRAWN, "owner", owner)
    return (time.perf_counter() - before) * 1000


def _end_under_load(grant: Grant, lines: Path) -> float:
    """End a grant while every client reads just that one; the other answers are then refusals."""
    mine = lines.with_name("one.lines")
    mine.write_text("\n".join(line for line in lines.open() if grant.pairwise in line))
    reading = threading.Thread(target=load.drive, args=(mine, 1))
    reading.start()
    time.sleep(0.5)
    took = _end(grant)
    reading.join()
    return took
