"""Records of 120 fields brought over HTTP: read, checked, sealed, logged and durable.

4,000 records a request, from a few connections at once: ten records for each of 400 of 20,000
customers, as when a history is brought along; and once more one for each of 4,000. The senders
run on the same machine and read their bodies from files.
"""

import http.client
import json
import os
import random
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import Popen
from uuid import uuid4

import orjson
from django.conf import settings
from rich.console import Console
from rich.progress import Progress

from bench import conditions, dataset, profiles, server
from consent.models import Contribution, Grant

SUBJECTS = 20_000
RECORDS = 4_000  # in one request
REQUESTS, QUICK_REQUESTS = 50, 15
BODIES = 6  # files with different records; each is sent several times, under keys of its own
SIDES = {"": 10, "_one_each": 1}  # records for one customer
SENDERS = 4
WORKERS = 2  # web processes, as docs/operations.md starts them on two cores
ROUNDS = 3
console = Console()


def run(*, quick: bool, fresh: bool) -> int:
    """Measure, print, write var/bench/bulk.json; 0 when every record was taken and logged."""
    del fresh  # made anew each time: what was brought stays in it
    dataset.make(SUBJECTS, category=profiles.ID, action="contribute")
    (partner, token), *_ = dataset.new_tokens()
    bodies = {side: _bodies(partner, side, each) for side, each in SIDES.items()}
    rounds, requests = (1, QUICK_REQUESTS) if quick else (ROUNDS, REQUESTS)
    with server.serving(WORKERS) as process:
        _round(bodies[""], token, SENDERS)  # plans and pools are warm before anything counts
        memory = _Memory(process)
        runs = {side: [] for side in SIDES}
        for _ in range(rounds):
            for side in SIDES:
                runs[side].append(_round(bodies[side], token, requests))
        peak = memory.stop()
    taken = [run for side in SIDES for run in runs[side]]
    rates = {side: [records / seconds for records, _, seconds in runs[side]] for side in SIDES}
    errors = sum(errors for _records, errors, _seconds in taken)
    verified = _verified(SENDERS * RECORDS + sum(records for records, _, _ in taken))
    size = statistics.fmean(path.stat().st_size for path in bodies[""]) / RECORDS
    report = {
        **{f"records_per_s{side}": round(statistics.median(rates[side])) for side in SIDES},
        "web_mb": round(peak, 1), "errors": errors, "verified": verified,
        **{f"rates{side}": [round(rate) for rate in rates[side]] for side in SIDES},
        "records": sum(records for records, _, _ in taken), "bytes_a_record": round(size),
        "fields": profiles.FIELDS, "records_a_request": RECORDS, "subjects": SUBJECTS,
        "senders": SENDERS, "workers": WORKERS, "threads": server.THREADS, "conditions": conditions.stated(),
    }  # fmt: skip
    (Path(os.environ["BENCH_RESULTS"]) / "bulk.json").write_text(json.dumps(report, indent=1))
    for name in (
        "records_per_s",
        "rates",
        "records_per_s_one_each",
        "rates_one_each",
        "web_mb",
        "errors",
        "bytes_a_record",
        "verified",
    ):
        console.print(f"{name}: {report[name]}")
    return 0 if errors == 0 and verified else 1


def _bodies(partner: object, side: str, each: int) -> list[Path]:
    """Write what is sent: JSON lines, `each` of them for the same customer."""
    grants = Grant.objects.filter(partner=partner, purpose=dataset.PLAIN)
    subjects = list(grants.values_list("pairwise", flat=True))
    chance = random.Random(5700)
    paths = []
    with Progress() as progress:
        for number in progress.track(range(BODIES), description="writing what is sent"):
            paths.append(settings.VAR_DIR / f"bulk{side}-{number}.lines")
            with paths[-1].open("wb") as file:
                for subject in chance.sample(subjects, RECORDS // each):
                    for _ in range(each):
                        item = {
                            "subject": subject, "category": profiles.ID,
                            "purpose": dataset.PLAIN, "record": profiles.record(chance),
                        }  # fmt: skip
                        file.write(orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE))
    return paths


def _round(bodies: list[Path], token: str, requests: int) -> tuple[int, int, float]:
    """Send all requests from a few connections; return records taken, errors and seconds."""
    before = time.perf_counter()
    with ThreadPoolExecutor(SENDERS) as pool:
        sent = [bodies[number % len(bodies)] for number in range(requests)]
        results = list(pool.map(lambda path: _send(path, token), sent))
    seconds = time.perf_counter() - before
    return sum(taken for taken, _ in results), sum(errors for _, errors in results), seconds


def _send(path: Path, token: str) -> tuple[int, int]:
    """Send one file; return how many records were taken and how many were not."""
    connection = http.client.HTTPConnection("127.0.0.1", server.PORT, timeout=120, blocksize=2**18)
    headers = {
        "Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson",
        "Content-Length": str(path.stat().st_size), "Idempotency-Key": uuid4().hex,
    }  # fmt: skip
    with path.open("rb") as body:
        connection.request("POST", "/api/v1/contributions/bulk", body, headers)
    answer = connection.getresponse()
    lines = answer.read().splitlines()
    connection.close()
    taken = sum(b'"record":' in line for line in lines) if answer.status == 200 else 0
    return taken, RECORDS - taken


class _Memory:
    """The most memory that one web process took, looked at ten times a second."""

    def __init__(self, process: Popen) -> None:
        self._process, self._peak, self._over = process, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def stop(self) -> float:
        """Return the peak in MB."""
        self._over.set()
        self._thread.join()
        return self._peak

    def _look(self) -> None:
        while not self._over.wait(0.1):
            self._peak = max(self._peak, server.memory_mb(self._process))


def _verified(expected: int) -> bool:
    """Count what is there, and let the vault check its whole log."""
    from bench import verifying

    there = Contribution.objects.count()
    if there != expected:
        console.print(f"{there:,} contributions are there, {expected:,} were taken")
    return verifying.holds(console) and there == expected
