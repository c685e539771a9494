"""What must hold after the storm (assurance.md, I1 to I5), each as a list of what is wrong."""

import base64
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from django.db import connection
from django.utils import timezone

from tests.chaos.people import BRANDS, CANARY, Account
from tests.consent.revocation.processes import House
from tests.consent.revocation.receiver import Brand

VERIFIER = Path(__file__).parents[2] / "audit" / "verify" / "verify.py"


def log_verifies(house: House) -> Iterator[str]:
    """I1: an export verifies with nothing of ours but verify.py."""
    bundle = house.directory / "export.zip"
    if house.manage("export_log", "--to", str(bundle), "--all-details") != 0:
        yield "the log cannot be exported"
    done = subprocess.run(
        [sys.executable, "-I", str(VERIFIER), str(bundle)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        yield f"the verifier found: {done.stdout[-1500:]}"


def nothing_after_an_end(account: Account) -> Iterator[str]:
    """I2 as the brands saw it; the verifier has held every read in the log to it already."""
    for grant in account.after_end:
        yield f"served after its end was answered: {grant}"


def entries_are_what_was_answered(account: Account) -> Iterator[str]:
    """I3: entries and repeats are the acknowledged actions; only a lost answer may be one more."""
    seen: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT type, leaf FROM audit_entry")
        for kind, leaf in cursor:
            said = json.loads(bytes(leaf))
            seen[kind] += said.get("repeats", 1)
            if kind == "grant.withdrawn":
                ended[said["grant"]] += 1
        cursor.execute("SELECT coalesce(sum(repeats), 0) FROM audit_tally")
        open_tally = int(cursor.fetchone()[0])
    lost = account.reads["unknown"]
    for word, entries in (
        ("yes", seen["record.read"] - seen["record.failed"]),
        ("no", seen["record.refused"] + open_tally),
    ):
        if not account.reads[word] <= entries <= account.reads[word] + lost:
            yield f"{account.reads[word]} answers {word!r} ({lost} lost), but {entries} in the log"
    yield from _ends(account, ended)


def _ends(account: Account, ended: Counter[str]) -> Iterator[str]:
    from consent.models import Grant

    refs = {str(pk): ref for pk, ref in Grant.objects.values_list("pk", "ref")}
    over = {str(pk) for pk in Grant.objects.exclude(ended_at=None).values_list("pk", flat=True)}
    for grant in account.ends:
        if ended[refs[grant]] != 1:
            yield f"an end that was answered is {ended[refs[grant]]} times in the log"
        if grant not in over:
            yield "an end that was answered did not happen"
    for grant, count in ended.items():
        if count != 1:
            yield f"grant {grant} ended {count} times"
    known = {refs[one] for one in account.unknown_ends}
    if set(ended) - known:
        yield "a grant ended that nobody asked to end"


def everything_owed_is_known(brand: Brand) -> Iterator[str]:
    """I4: told, or due again; and every event counted once, at the brand that it was for."""
    from consent.models import Delivery, Grant, Obligation

    down = f"/brand{BRANDS - 1}"
    now = timezone.now()
    for row in Delivery.objects.unsettled().select_related("partner"):
        if not row.partner.event_endpoint.endswith(down):
            yield f"{row.event_type} is not told after {row.attempts} attempts: {row.last_outcome}"
        elif row.escalated_at is None and row.due_at <= row.happened_at and row.attempts:
            yield "an event to the brand that is down has no time for its next attempt"
    if Delivery.objects.filter(abandoned_at__isnull=False).exists():
        yield "an event was given up"
    if Delivery.objects.filter(delivered_at__gt=now).exists():
        yield "an event was told in the future"
    told = set(map(str, Delivery.objects.exclude(delivered_at=None).values_list("pk", flat=True)))
    arrived = {got.claims["jti"] for got in brand.got}
    if told - arrived:
        yield f"{len(told - arrived)} events count as told and never arrived"
    elsewhere = sum(len(some) - 1 for some in _paths(brand).values())
    if elsewhere:
        yield f"{elsewhere} events came to a brand that they were not for"
    yield from _entries_once("delivery.sent", "delivery")
    yield from _entries_once("obligation.acknowledged", "obligation")
    yield from _entries_once("obligation.made", "obligation")
    untold = Obligation.objects.filter(acknowledged_at=None).exclude(
        partner__event_endpoint__endswith=down
    )
    if untold.exists():
        yield f"{untold.count()} obligations were never acknowledged"
    for grant in Grant.objects.exclude(ended_at=None).exclude(key_id=None):
        yield f"grant {grant.pk} ended and its key is there"


def _paths(brand: Brand) -> dict[str, set[str]]:
    paths: dict[str, set[str]] = {}
    for got in brand.got:
        paths.setdefault(got.claims["jti"], set()).add(got.path)
    return paths


def _entries_once(kind: str, member: str) -> Iterator[str]:
    seen: Counter[str] = Counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT leaf FROM audit_entry WHERE type = %s", [kind])
        for (leaf,) in cursor:
            seen[json.loads(bytes(leaf))[member]] += 1
    twice = sum(1 for count in seen.values() if count > 1)
    if twice:
        yield f"{twice} of {kind} stand in the log twice"


def canary_is_nowhere(house: House, database: str, queued: bytes, brand: Brand) -> Iterator[str]:
    """I5: tables, logs, anchor, export, broker and events, in every spelling that we can think of."""
    dump = subprocess.run(
        ["pg_dump", "--data-only", "--inserts", database.replace("postgres://", "postgresql://", 1)],
        capture_output=True, check=False, env=os.environ,
    )  # fmt: skip
    if dump.returncode:
        yield f"the database cannot be dumped: {dump.stderr.decode()[-300:]}"
    places = {"the database": dump.stdout, "the broker": queued}
    places["the events"] = "".join(_open(got.body) for got in brand.got).encode()
    for path in house.directory.rglob("*"):
        if path.is_file():
            places[str(path.relative_to(house.directory))] = path.read_bytes()
    for place, content in places.items():
        if any(spelling in content for spelling in _spellings()):
            yield f"the canary is in {place}"


def _spellings() -> list[bytes]:
    plain = CANARY.encode()
    return [plain, plain.hex().encode(), *(_base64(plain, shift) for shift in range(3))]


def _base64(plain: bytes, shift: int) -> bytes:
    """Return what base64 makes of the text wherever in a longer one it begins."""
    return base64.b64encode(b"\0" * shift + plain)[4:-4]


def _open(compact: str) -> str:
    return base64.urlsafe_b64decode(compact.split(".")[1] + "==").decode()
