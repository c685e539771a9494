"""A journey: one brand of an alliance asks a customer for all of them, and each is answered by itself.

    python -m examples.brand.journey LEAD JOURNEY MEMBER [MEMBER ...]

LEAD and each MEMBER are folders of brands, as for `python -m examples.brand`; JOURNEY is a file with
the body of POST /api/v1/journeys. Each brand asks what became of its own stop, and reads.
"""

import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from examples.brand.brand import Brand
from examples.brand.vault_client import Refused

EVERY, FOR = 0.5, 120.0  # seconds


def main() -> int:
    """Ask for all, and let each brand wait for its own answer."""
    if len(sys.argv) < 4:
        print(__doc__)
        return 2
    lead, *members = (Brand(Path(folder)) for folder in (sys.argv[1], *sys.argv[3:]))
    made = lead.line().ask_journey(json.loads(Path(sys.argv[2]).read_text()), key=str(uuid.uuid4()))
    if "link" in made:
        print(f"give the customer {made['link']['url']}", flush=True)
    for member in members:
        for stop in _stops_of(member, made["id"]):
            print(f"{stop['place']['en']}: {follow(member, stop['request'])}", flush=True)
    return 0


def follow(brand: Brand, request: str) -> str:
    """Wait for the answer to one stop; return what came of it."""
    until = time.monotonic() + FOR
    told = brand.line().request(request)
    while told["state"] == "pending" and time.monotonic() < until:
        time.sleep(EVERY)
        told = brand.line().request(request)
    return _read(brand, told) if told["state"] == "approved" else str(told["state"])


def _read(brand: Brand, told: dict[str, Any]) -> str:
    found = []
    for item in told["granted"]["items"]:
        if item["action"] == "read":
            answer = brand.line().read(told["subject"], item["category"], told["purpose"])
            found.append(f"{item['category']}: {len(answer['records'])} records")
    return ", ".join(found)


def _stops_of(brand: Brand, journey: str) -> list[dict[str, Any]]:
    """Return the stops of a journey that are this brand's; of the others it learns nothing."""
    try:
        stops = brand.line().journey(journey)["stops"]
    except Refused as refused:
        if refused.status == 404:
            return []
        raise
    return [stop for stop in stops if stop["client"] == brand.line().client_id]


if __name__ == "__main__":
    sys.exit(main())
