"""Everything of a customer ends at 1,000 brands: how long the commit takes, and when each is told.

On RabbitMQ, Redis and the embedded broker, each with the processes that production or `serve`
has, beside Celery alone on RabbitMQ: the same number of tasks that do nothing but post. One
brand in a hundred is dead, five are slow (14 s). A first attempt counts from the commit to the
request's arrival at the brand; where nobody listens, to the moment at which it was claimed.
"""

import json
import os
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench import conditions, customers, dataset, processes
from bench.percentiles import percentile
from consent import grants
from consent.actors import Actor
from consent.models import Client, Delivery, Grant, Obligation

RABBITMQ = os.environ.get("BENCH_BROKER_URL", "amqp://guest:guest@127.0.0.1:5672//")
REDIS = os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379/10")
LIVE = customers.BRANDS - customers.DEAD
GIVES_UP = 90.0  # seconds after which what has not arrived counts as lost
console = Console()


def run(*, quick: bool, fresh: bool) -> int:
    """Measure, print the table, write revocation.json; 0 when nothing was lost or done twice."""
    if fresh:
        dataset.forget_all()
    customers.make_brands()
    rounds = 1 if quick else 3
    with processes.brands() as port, processes.nobody() as nobody:
        customers.place_brands(port, nobody)
        _rehearse()
        sides: dict[str, Callable[[int], dict[str, Any]]] = {
            "rabbitmq": lambda at: _told(at, RABBITMQ),
            "redis": lambda at: _told(at, REDIS),
            "embedded": lambda at: _told(at, None),
            "celery_alone": lambda at: _plain(at, nobody),
        }
        runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
        for number in range(rounds):  # interleaved, so that a busy minute meets every side
            for side, measure in sides.items():
                console.print(f"[bold]{side}[/bold], run {number + 1} of {rounds}")
                runs[side].append(measure(port))
                console.print(runs[side][-1])
    medians = {side: _median(some) for side, some in runs.items()}
    report = _report(medians, runs)
    where = Path(os.environ.get("BENCH_RESULTS", str(settings.VAR_DIR))) / "revocation.json"
    where.write_text(json.dumps(report, indent=1))
    _print(medians)
    console.print(f"written to {where}")
    ours = [one for side, some in runs.items() if side != "celery_alone" for one in some]
    return 1 if any(one["lost"] or one["duplicate_effects"] for one in ours) else 0


def _rehearse() -> None:
    """End everything of a customer once: a process that serves has done so before."""
    pod = customers.make()
    grants.end_all(pod, Grant.EndKind.WITHDRAWN, "owner", Actor.owner(pod.owner))
    customers.settle()


# One run of ours -----------------------------------------------------------------------
def _told(port: int, broker: str | None) -> dict[str, Any]:
    pod = customers.make()
    with processes.of_vault(broker):
        processes.warm_up()
        processes.forget_arrived(port)
        began = time.perf_counter()
        ended = grants.end_all(
            pod, Grant.EndKind.WITHDRAWN, "owner", Actor.owner(pod.owner)
        )  # fmt: skip
        commit_ms = (time.perf_counter() - began) * 1000
        committed = time.time()
        owed = Delivery.objects.filter(grant__in=[grant.pk for grant in ended])
        live = owed.exclude(partner__event_endpoint__regex="(dead|silent)$")
        _wait(lambda: live.exclude(delivered_at=None).count(), "brands told and written down")
        seconds = time.time() - committed
    return {"commit_ms": round(commit_ms, 1), "grants": len(ended)} | _counted(
        processes.arrived(port), owed, committed, seconds
    )


def _counted(got: list[list[Any]], owed: Any, committed: float, seconds: float) -> dict[str, Any]:
    """Return what the brands saw and what the vault wrote down about it."""
    rows = {str(one.pk): one for one in owed.select_related("partner")}
    first: dict[str, float] = {}
    paths: dict[str, set[str]] = {}
    for moment, path, jti in got:
        if jti in rows:
            first.setdefault(jti, moment)
            paths.setdefault(jti, set()).add(path)
    waits = [
        first.get(jti, row.first_attempt_at.timestamp() if row.first_attempt_at else committed + GIVES_UP)
        - committed
        for jti, row in rows.items()
    ]  # fmt: skip
    live = {jti for jti, row in rows.items() if not row.partner.event_endpoint.endswith(("dead", "silent"))}  # fmt: skip
    undelivered = [jti for jti in live if rows[jti].delivered_at is None or jti not in first]
    return {
        **_spread(waits),
        "all_live_told_s": round(seconds, 1),
        "lost": len(undelivered),
        "duplicate_effects": _effects_too_many(rows, paths),
        "seen_twice": sum(1 for n in Counter(jti for *_, jti in got).values() if n > 1),
        "deliveries": len(rows),
    }


def _spread(waits: list[float]) -> dict[str, float]:
    return {
        "first_attempt_p50_s": round(percentile(waits, 50), 2),
        "first_attempt_p99_s": round(percentile(waits, 99), 2),
        "first_attempt_worst_s": round(max(waits), 2),
    }


def _effects_too_many(rows: dict[str, Delivery], paths: dict[str, set[str]]) -> int:
    """Return how often something happened twice: at a brand by its `jti`, or in our log."""
    by_grant = Counter(str(row.grant_id) for row in rows.values())
    at_brands = sum(n - 1 for n in by_grant.values()) + sum(len(p) - 1 for p in paths.values())
    refs = [row.ref for row in rows.values()]
    owing = Obligation.objects.filter(grant__in=[row.grant_id for row in rows.values()])
    with connection.cursor() as cursor:
        for kind, member, some in (
            ("delivery.sent", "delivery", refs),
            ("obligation.acknowledged", "obligation", list(owing.values_list("ref", flat=True))),
        ):
            cursor.execute(
                "SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM audit_entry"
                " WHERE type = %s AND convert_from(leaf, 'UTF8')::json ->> %s = ANY(%s)"
                " GROUP BY convert_from(leaf, 'UTF8')::json ->> %s) AS counted",
                [kind, member, some, member],
            )
            at_brands += int(cursor.fetchone()[0])
    return at_brands


# Beside it -----------------------------------------------------------------------------
def _plain(port: int, nobody: int) -> dict[str, Any]:
    os.environ["BENCH_PLAIN_BROKER"] = RABBITMQ
    from bench.plain import app, post

    worker = ["-m", "celery", "-A", "bench.plain", "worker", "-P", "threads", "-c", "64"]
    body = "x" * 900
    with processes.started([worker] * processes.WORKERS, {**os.environ}):
        processes.forget_arrived(port)
        post.delay(f"http://127.0.0.1:{port}/brand/0/well", "warm")
        _wait(lambda: len(processes.arrived(port)), "warmed up", 1)
        time.sleep(3)
        processes.forget_arrived(port)
        began = time.perf_counter()
        committed = time.time()
        for number in range(customers.BRANDS):
            post.delay(customers.endpoint(number, port, nobody), body)
        published_ms = (time.perf_counter() - began) * 1000
        reachable = customers.BRANDS - customers.DEAD // 2
        _wait(lambda: len(processes.arrived(port)), "posted", reachable)
        seconds = time.time() - committed
    got = processes.arrived(port)
    waits = [moment - committed for moment, *_ in got]
    waits += [GIVES_UP] * (reachable - len(got))
    processes.forget_queue(RABBITMQ, "bench-plain")
    app.close()
    return {
        "commit_ms": round(published_ms, 1),
        **_spread(waits),
        "all_live_told_s": round(seconds, 1),
        "lost": reachable - len(got),
        "duplicate_effects": 0,
    }


# What both need ------------------------------------------------------------------------
def _wait(count: Callable[[], int], what: str, total: int = LIVE) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())  # fmt: skip
    until = time.monotonic() + GIVES_UP
    with Progress(*columns) as progress:
        task = progress.add_task(what, total=total)
        while time.monotonic() < until:
            done = count()
            progress.update(task, completed=done)
            if done >= total:
                return
            time.sleep(0.25)


def _median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the run with the median p99, with everything that was lost or doubled in any."""
    middle = sorted(runs, key=lambda one: one["first_attempt_p99_s"])[len(runs) // 2]
    worst = {name: sum(one[name] for one in runs) for name in ("lost", "duplicate_effects")}
    commit = round(statistics.median(one["commit_ms"] for one in runs), 1)
    return middle | worst | {"commit_ms": commit}


def _report(
    medians: dict[str, dict[str, Any]], runs: dict[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    told = ("commit_ms", "first_attempt_p99_s", "lost", "duplicate_effects")
    return {
        **{name: medians["rabbitmq"][name] for name in told},
        **medians,
        "brands": customers.BRANDS, "dead": customers.DEAD, "slow": customers.SLOW,
        "clients": Client.objects.count(), "workers": processes.WORKERS,
        "conditions": conditions.stated() | {"load": [round(one, 1) for one in os.getloadavg()]},
        "runs": runs,
    }  # fmt: skip


def _print(medians: dict[str, dict[str, Any]]) -> None:
    table = Table(
        title=f"end everything: {customers.BRANDS} grants at as many brands",
        caption="seconds from the commit: first attempts, and until all live brands were told",
    )
    columns = {
        "commit ms": "commit_ms", "p50 s": "first_attempt_p50_s",
        "p99 s": "first_attempt_p99_s", "worst": "first_attempt_worst_s",
        "told s": "all_live_told_s", "lost": "lost", "twice": "duplicate_effects",
    }  # fmt: skip
    for column in ("on", *columns):
        table.add_column(column, justify="right", no_wrap=True)
    for side, one in medians.items():
        table.add_row(side, *(str(one[name]) for name in columns.values()))
    console.print(table)
