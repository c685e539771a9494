"""How long one call takes that reads 500 customers, each decided, entered and opened by itself."""

import http.client
import json
import random
import statistics
import time
from uuid import UUID

from bench import dataset
from bench.server import PORT
from consent.models import Grant

SUBJECTS = 500
PATH = "/api/v1/reads/batch"


def measure(tokens: dict[UUID, str], *, rounds: int) -> dict[str, float]:
    """Return milliseconds, and how many of the single answers were none."""
    partner, token = next(iter(tokens.items()))
    mine = Grant.objects.filter(partner=partner, purpose=dataset.PLAIN, ended_at=None)
    subjects = list(mine.values_list("pairwise", flat=True))
    _ask(token, random.sample(subjects, SUBJECTS))  # plans are made before anything counts
    asked = [_ask(token, random.sample(subjects, SUBJECTS)) for _ in range(rounds)]
    took = sorted(milliseconds for milliseconds, _ in asked)
    return {
        "batch_500_p50_ms": round(statistics.median(took), 1),
        "batch_500_max_ms": round(took[-1], 1),
        "batch_errors": sum(errors for _, errors in asked),
    }


def _ask(token: str, subjects: list[str]) -> tuple[float, int]:
    body = {"subjects": subjects, "category": dataset.CATEGORY, "purpose": dataset.PLAIN}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    before = time.perf_counter()
    connection.request("POST", PATH, json.dumps(body), headers)
    answer = connection.getresponse().read()
    took = (time.perf_counter() - before) * 1000
    connection.close()
    results = json.loads(answer).get("results", [])
    return took, SUBJECTS - sum(bool(each.get("answer", {}).get("records")) for each in results)
