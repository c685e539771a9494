"""The asynchronous way, whole: ask by link and QR, learn the answer by an event, read, and be told of
the end, destroy, and sign what became of the copies. No browser of ours, no inbound address.

    python -m examples.brand.news FOLDER

FOLDER is a brand's, as for `python -m examples.brand` (see examples/README.md), registered with
"event_delivery": "poll"; FOLDER/request.json is the body of POST /api/v1/requests. With the subject
{"link": true} it prints a code and writes FOLDER/link.svg, a QR code to show to a customer. It goes
on until what was granted has ended and is attested; one line for each step. FOLDER/kept.json, if it
is there, says what the law has us keep: {category: {"law", "items": [...], "until"}}.
"""

import json
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from examples.brand import events
from examples.brand.brand import Brand

BACKUPS = timedelta(days=30)  # until then our backups still hold what we deleted
ENDS = {"grant-withdrawn", "grant-revoked", "grant-expired", "grant-consumed", "grant-superseded",
        "grant-invalidated"}  # fmt: skip
MANY = "grants-ended"  # one act ended several grants of ours


def news(brand: Brand) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each new event for ever: its kind and what it says. Acknowledged once it was dealt with."""
    done: list[str] = []
    errors: dict[str, Any] = {}
    while True:
        sets = brand.line().poll(done, errors)
        done, errors = [], {}
        for jti, compact in sets.items():
            try:
                payloads = brand.take_event(compact)
            except events.EventRefused as refused:
                errors[jti] = {"err": refused.err, "description": refused.description}
                continue
            for payload in payloads:
                yield brand.office.kind_of(jti), payload
            done.append(jti)


def ask(brand: Brand, request: dict[str, Any]) -> dict[str, Any]:
    """Ask, and show the link where it is one."""
    asked = brand.line().ask(request, key=str(uuid.uuid4()))
    brand.office.remember_request(asked)
    if "link" in asked:
        (brand.folder / "link.svg").write_text(asked["link"]["qr_svg"])
        print(f"give the customer {asked['link']['url']} or the code {asked['link']['code']}")
    print("waiting for the answer …", flush=True)
    return asked


def read(brand: Brand, told: dict[str, Any]) -> None:
    """Read all that was granted, and keep it as long as we may."""
    for item in told["granted"]["items"]:
        if item["action"] == "read":
            answer = brand.line().read(told["subject"], item["category"], told["purpose"])
            brand.office.keep(item["category"], answer)
            until = answer["grant"]["erase_by"]
            print(
                f"{item['category']}: {len(answer['records'])} records, erase by {until}",
                flush=True,
            )


def settle(brand: Brand, owed: dict[str, Any]) -> str:
    """Destroy the copies of one obligation, and sign what became of them; return its new state."""
    destroyed = brand.office.destroy(owed["grant"], owed["categories"])
    kept = _kept(brand)
    outcomes = [one for name in owed["categories"] for one in _outcomes(name, destroyed, kept)]
    state = brand.line().attest(owed["id"], outcomes)
    brand.office.note_attested(owed, outcomes)
    return f"attested {[one['outcome'] for one in outcomes]}, open: {state['open_categories']}"


def run(brand: Brand, request: dict[str, Any]) -> None:
    """Live through it once."""
    asked = ask(brand, request)
    grant = ""
    for kind, payload in news(brand):
        if kind == "request-closed" and payload["request"] == asked["id"]:
            print("closed: no, nobody, or too late")
            return
        if kind == "request-approved" and payload["request"] == asked["id"]:
            told = brand.line().request(asked["id"])
            grant = told["grant"]
            print("approved, by an event", flush=True)
            read(brand, told)
        over = is_end(kind, grant, payload)
        if over:
            print(f"ended: {kind}")
        for owed in owed_under(grant, payload):
            print(settle(brand, owed), flush=True)
        if over:
            break
    # What was dealt with is acknowledged by the next call; here there is none.
    brand.line().poll(brand.office.seen(), most=0)


def owed_under(grant: str, payload: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what an event has us destroy under one grant: of all of it, or of one item that ended."""
    owed = [{"grant": payload.get("grant"), **each} for each in payload.get("obligations", ())]
    return [each for each in owed if each["grant"] == grant]


def is_end(kind: str, grant: str, payload: dict[str, Any]) -> bool:
    """Return whether an event says that a grant is over: by itself, or as one of many."""
    if kind == MANY:
        return any(each["grant"] == grant for each in payload["endings"])
    return kind in ENDS and payload["grant"] == grant


def _outcomes(
    category: str, destroyed: list[str], kept: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield what became of a category: most of it deleted, some of it perhaps kept by law."""
    if category not in destroyed:
        yield {"category": category, "outcome": "never_stored"}
        return
    # We delete whatever the owner chose: where an obligation says `deletion_only` it must be so.
    yield {"category": category, "outcome": "deleted", "method": "row deleted"}
    until = (datetime.now(UTC) + BACKUPS).isoformat()
    yield {"category": category, "outcome": "in_backup_until", "until": until}
    if category in kept:
        yield {"category": category, "outcome": "kept_by_law"} | kept[category]


def _kept(brand: Brand) -> dict[str, Any]:
    path = brand.folder / "kept.json"
    return json.loads(path.read_text()) if path.exists() else {}


def main() -> int:
    """Make the registration, or live through it."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    brand = Brand(Path(sys.argv[1]))
    if not (brand.folder / "client.json").exists():
        brand.write_registration()
        return 0
    run(brand, json.loads((brand.folder / "request.json").read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
