"""An audited, decided, decrypted read of a 1 KB record, beside a DRF view with one ORM query.

Both are served by the same process; the runs are interleaved and the median of three counts.
"""

import json
import statistics
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from django.conf import settings
from rich.console import Console
from rich.table import Table

from bench import batching, conditions, dataset, ending, load, proving, server
from bench.load import Result
from consent.models import Grant

SUBJECTS = 100_000
ROUNDS = 3
SIDES = ("beside", "read", "budget", "dpop")
console = Console()


def run(*, quick: bool, fresh: bool) -> int:
    """Measure, print the table, write var/bench/read.json; 0 when every answer was right."""
    if fresh or not dataset.is_there(SUBJECTS):
        dataset.make(SUBJECTS)
    tokens = dict(dataset.new_tokens())
    lines = _lines(tokens)
    seconds = 4 if quick else 20
    provers = proving.provers()
    calls = _calls()
    with server.serving() as process:
        for side in SIDES:
            # Plans, pools and caches are warm before anything counts.
            _drive(side, lines[side], 2, calls, provers)
        results = {side: [] for side in SIDES}
        for _ in range(ROUNDS):
            for side in SIDES:
                results[side].append(_drive(side, lines[side], seconds, calls, provers))
        memory = server.memory_mb(process)
        others = batching.measure(tokens, rounds=10)
        others |= ending.measure(lines, rounds=10 if quick else 40)
    medians = {side: _median(runs) for side, runs in results.items()}
    verified = _verified()
    report = _report(medians, results, memory, others, verified)
    (settings.VAR_DIR / "read.json").write_text(json.dumps(report, indent=1))
    _print(medians, report)
    return 0 if report["errors"] == 0 and verified else 1


def _drive(side: str, lines: Path, seconds: int, calls: list, provers: dict) -> Result:
    if side == "dpop":
        count = min(seconds * proving.MOST_A_SECOND, 40_000)
        proving.write(lines, calls, provers, count)
    return load.drive(lines, seconds)


def _calls() -> list[tuple[UUID, str]]:
    """Return what the clients with proofs ask: a partner and a body each."""
    plain = Grant.objects.filter(purpose=dataset.PLAIN, ended_at=None)
    return [
        (partner, json.dumps(_body(subject, purpose)))
        for partner, subject, purpose in plain.values_list("partner_id", "pairwise", "purpose")
    ]


def _body(subject: str, purpose: str) -> dict[str, str]:
    return {"subject": subject, "category": dataset.CATEGORY, "purpose": purpose}


def _lines(tokens: dict[UUID, str]) -> dict[str, Path]:
    """Write what the clients send: one line a subject, for each side."""
    paths = {side: settings.VAR_DIR / f"{side}.lines" for side in SIDES}
    plain = Grant.objects.filter(purpose=dataset.PLAIN, ended_at=None)
    budgeted = Grant.objects.filter(purpose=dataset.BUDGETED, ended_at=None)
    _write(paths["read"], plain, tokens)
    _write(paths["budget"], budgeted, tokens)
    with paths["beside"].open("w") as file:
        for grant in plain.values_list("id", flat=True).iterator():
            file.write(f'/beside\t-\t{{"grant": "{grant}"}}\n')
    return paths


def _write(path: Path, grants: Iterable, tokens: dict[UUID, str]) -> None:
    wanted = ("partner_id", "pairwise", "purpose")
    with path.open("w") as file:
        for partner, subject, purpose in grants.values_list(*wanted).iterator():
            body = json.dumps(_body(subject, purpose))
            file.write(f"{proving.PATH}\t{tokens[partner]}\t{body}\n")


def _median(runs: list[Result]) -> Result:
    """Return the run with the median rate."""
    return sorted(runs, key=lambda run: run.rate)[len(runs) // 2]


def _verified() -> bool:
    """Sequence everything that was written and let the vault check its own log."""
    from bench import verifying

    return verifying.holds(console)


def _report(
    medians: dict[str, Result],
    results: dict[str, list[Result]],
    memory: float,
    others: dict[str, float],
    verified: bool,
) -> dict[str, object]:
    read, beside, budget = medians["read"], medians["beside"], medians["budget"]
    dpop = medians["dpop"]
    return {
        "rate": round(read.rate), "p50_ms": read.p50_ms, "p99_ms": read.p99_ms,
        "budget_rate": round(budget.rate), "budget_p99_ms": budget.p99_ms,
        "dpop_rate": round(dpop.rate), "dpop_p99_ms": dpop.p99_ms,
        "beside_rate": round(beside.rate), "beside_p99_ms": beside.p99_ms,
        "ratio": round(read.rate / beside.rate, 3),
        "budget_ratio": round(budget.rate / beside.rate, 3),
        "errors": sum(run.errors for runs in results.values() for run in runs)
        + int(others.pop("batch_errors")),
        "web_mb": round(memory, 1), **others, "verified": verified,
        "subjects": SUBJECTS, "partners": dataset.PARTNERS, "grants": 2 * SUBJECTS,
        "clients": load.CLIENTS, "threads": server.THREADS, "conditions": conditions.stated(),
        "rates": {side: [round(run.rate) for run in runs] for side, runs in results.items()},
        "spread": round(statistics.pstdev([run.rate for run in results["read"]]), 1),
    }  # fmt: skip


def _print(medians: dict[str, Result], report: dict[str, object]) -> None:
    table = Table(title=f"reads, {load.CLIENTS} clients, median of {ROUNDS} interleaved runs")
    for column in ("side", "answers/s", "p50 ms", "p95 ms", "p99 ms"):
        table.add_column(column, justify="right")
    for side, run in medians.items():
        table.add_row(side, *(f"{v:,.1f}" for v in (run.rate, run.p50_ms, run.p95_ms, run.p99_ms)))
    console.print(table)
    for name in ("ratio", "budget_ratio", "errors", "web_mb", "batch_500_p50_ms", "end_p50_ms", "end_p99_ms",
                 "end_under_load_p50_ms", "end_under_load_p99_ms", "verified"):  # fmt: skip
        console.print(f"{name}: {report[name]}")
    console.print(f"written to {settings.VAR_DIR / 'read.json'}")
