"""What must hold after the storm (assurance.md, I1 to I5), each as a list of what is wrong."""

import base64
import json
import mmap
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from consent.models import Delivery, Grant, Obligation
from tests.chaos.account import ENTRIES, Account
from tests.chaos.doors import CANARY
from tests.chaos.people import World
from tests.chaos.plan import SKEW
from tests.consent.revocation.processes import ROOT, House
from tests.consent.revocation.receiver import Brand

VERIFIER = ROOT / "audit" / "verify" / "verify.py"


@dataclass
class Log:
    """The whole log as it stands, in its order."""

    leaves: list[dict[str, Any]] = field(default_factory=list)
    by_event: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)  # type → answers that it stands for

    @classmethod
    def read(cls) -> "Log":
        """Read it from its table."""
        found = cls()
        with connection.cursor() as cursor:
            cursor.execute("SELECT leaf FROM audit_entry ORDER BY seq")
            for (leaf,) in cursor:
                said = json.loads(bytes(leaf))
                found.leaves.append(said)
                found.by_event[said["id"]] = said
                found.seen[said["type"]] += said.get("repeats", 1)
            cursor.execute("SELECT coalesce(sum(repeats), 0) FROM audit_tally")
            found.seen["record.refused"] += int(cursor.fetchone()[0])
        return found


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


def nothing_after_an_end(account: Account, log: Log) -> Iterator[str]:
    """I2 twice: as the brands saw it, and as the log has it, whatever the verifier says."""
    pks = {ref: str(pk) for pk, ref in Grant.objects.values_list("pk", "ref")}
    for yes in account.yes:
        grant = yes.grant or pks.get(log.by_event.get(yes.event, {}).get("grant", ""), "")
        if grant in account.ends and yes.asked > account.ends[grant]:
            yield f"{yes.door} of {grant} was served after its end was answered"
    over: set[str] = set()
    for leaf in log.leaves:
        if leaf["type"] == "grant.withdrawn":
            over.add(leaf["grant"])
        elif leaf["type"] in ENTRIES.values() and leaf["grant"] in over:
            yield f"{leaf['type']} of {leaf['grant']} stands in the log after its end"


def entries_are_what_was_answered(account: Account, log: Log) -> Iterator[str]:
    """I3: entries and repeats are the acknowledged actions; only a lost answer may be one more."""
    named: set[str] = set()
    for yes in account.yes:
        entry = log.by_event.get(yes.event)
        if entry is None or entry["type"] != ENTRIES[yes.door]:
            yield f"an answer of {yes.door} names {yes.event}, which is no such entry"
        if yes.event in named:
            yield f"two answers name the one entry {yes.event}"
        named.add(yes.event)
    kinds = Counter(ENTRIES[yes.door] for yes in account.yes)
    lost = Counter[str]()
    for door, kind in ENTRIES.items():
        lost[kind] += account.lost[door]
    log.seen["record.read"] -= log.seen["record.failed"]
    for kind, most in lost.items():
        yield from _between(kind, kinds[kind], log.seen[kind], most)
    no = account.no.total()
    yield from _between("record.refused", no, log.seen["record.refused"], lost.total())
    yield from _ends(account, log)


def _between(kind: str, answered: int, entries: int, lost: int) -> Iterator[str]:
    if not answered <= entries <= answered + lost:
        yield f"{answered} answers ({lost} lost), but {entries} {kind} in the log"


def _ends(account: Account, log: Log) -> Iterator[str]:
    ended = Counter(one["grant"] for one in log.leaves if one["type"] == "grant.withdrawn")
    given = Counter(one["grant"] for one in log.leaves if one["type"] == "grant.given")
    refs = {str(pk): ref for pk, ref in Grant.objects.values_list("pk", "ref")}
    over = {str(pk) for pk in Grant.objects.exclude(ended_at=None).values_list("pk", flat=True)}
    if given != Counter(refs.values()):
        yield "grants and the entries that they were given are not the same"
    for grant in account.ends:
        if ended[refs[grant]] != 1:
            yield f"an end that was answered is {ended[refs[grant]]} times in the log"
        if grant not in over:
            yield "an end that was answered did not happen"
    for grant, count in ended.items():
        if count != 1:
            yield f"grant {grant} ended {count} times"
    if set(ended) - {refs[one] for one in account.unknown_ends}:
        yield "a grant ended that nobody asked to end"
    if set(ended) != {refs[one] for one in over}:
        yield "the grants that ended and the entries of it are not the same"


def waiting(world: World) -> list[str]:
    """Return what is not told yet that could be, with why: to any brand that is not down."""
    now = timezone.now()
    found = [_why(row, now) for row in _untold(world).select_related("partner")]
    return found + [
        f"obligation {pk}" for pk in _unacknowledged(world).values_list("pk", flat=True)
    ]


def _why(row: Delivery, now: datetime) -> str:
    due = (row.due_at - now).total_seconds()
    leased = (row.leased_until - now).total_seconds() if row.leased_until else 0.0
    way = row.partner.event_delivery
    return (
        f"{row.event_type} by {way} after {row.attempts} attempts ({row.last_outcome}),"
        f" due in {due:.0f} s, leased for {leased:.0f} s"
    )


def left_to_workers(world: World) -> int:
    """Return how many events wait for a worker: those to brands that listen, and are not down."""
    return _untold(world).exclude(partner=world.fetching).count()


def _untold(world: World) -> "QuerySet[Delivery]":
    return Delivery.objects.unsettled().exclude(partner=world.down)


def _unacknowledged(world: World) -> "QuerySet[Obligation]":
    return Obligation.objects.filter(acknowledged_at=None).exclude(partner=world.down)


def everything_owed_is_known(
    world: World, account: Account, brand: Brand, log: Log
) -> Iterator[str]:
    """I4: told, or due again; and every event counted once, at the brand that it was for."""
    for each in waiting(world):
        yield f"never told: {each}"
    now = timezone.now()
    # What waits for an earlier event of its grant, or for a probe, is due all the same.
    lost = Delivery.objects.unsettled().filter(
        Q(due_at=None) | Q(due_at__gt=now + timedelta(days=2))
    )
    if lost.exists():
        yield "an event to the brand that is down has no time for its next attempt"
    if Delivery.objects.filter(abandoned_at__isnull=False).exists():
        yield "an event was given up"
    if Delivery.objects.filter(delivered_at__gt=now + timedelta(seconds=SKEW)).exists():
        yield "an event was told in the future"
    yield from _arrivals(account, brand)
    for kind in ("delivery.sent", "obligation.acknowledged", "obligation.made"):
        yield from _once(log, kind)
    for grant in Grant.objects.exclude(ended_at=None).exclude(key_id=None):
        yield f"grant {grant.pk} ended and its key is there"


def _arrivals(account: Account, brand: Brand) -> Iterator[str]:
    """What counts as told has arrived, and at nobody else's."""
    came: defaultdict[str, set[str]] = defaultdict(set)
    for got in brand.got:
        came[got.claims["jti"]].add(got.claims["aud"])
        if not got.path.startswith("/brand"):
            yield f"an event came to {got.path}"
    for event, partner in account.fetched.items():
        came[event].add(partner)
    told = {
        str(pk): str(partner)
        for pk, partner in Delivery.objects.exclude(delivered_at=None).values_list("pk", "partner")
    }
    if missing := [event for event in told if event not in came]:
        yield f"{len(missing)} events count as told and never arrived"
    owners = {str(pk): {str(who)} for pk, who in Delivery.objects.values_list("pk", "partner")}
    if wrong := [event for event, who in came.items() if owners.get(event) != who]:
        yield f"{len(wrong)} events came to a brand that they were not for"


def _once(log: Log, kind: str) -> Iterator[str]:
    member = kind.partition(".")[0]
    seen = Counter(one[member] for one in log.leaves if one["type"] == kind)
    if twice := sum(1 for count in seen.values() if count > 1):
        yield f"{twice} of {kind} stand in the log twice"


def canary_is_nowhere(directory: Path, database: str, brand: Brand) -> Iterator[str]:
    """I5: in no file that the vault or its services wrote, in every spelling we can think of.

    The folder holds the database with its journal and every statement, both brokers with their
    messages, what each process said, the anchor, the export; a core file would lie in the code's.
    """
    with (directory / "dump.sql").open("wb") as dump:
        done = subprocess.run(
            ["pg_dump", "--data-only", "--inserts", database],
            stdout=dump, stderr=subprocess.PIPE, check=False, env=os.environ,
        )  # fmt: skip
    if done.returncode:
        yield f"the database cannot be dumped: {done.stderr.decode()[-300:]}"
    events = directory / "events.json"
    events.write_text("".join(_open(got.body) for got in brand.got))
    cores = [path for folder in (ROOT, directory) for path in folder.glob("core*")]
    for path in cores:
        if path.is_file():
            yield f"a crash left its memory in {path.name}"
            path.unlink()
    for path in directory.rglob("*"):
        if path.is_file() and holds_canary(path):
            yield f"the canary is in {path.relative_to(directory)}"


def holds_canary(path: Path) -> bool:
    """Whether the canary lies in a file, in any spelling."""
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return any(content.find(spelling) >= 0 for spelling in _SPELLINGS)


def _base64(plain: bytes, shift: int) -> bytes:
    """Return what base64 makes of the text wherever in a longer one it begins."""
    return base64.b64encode(b"\0" * shift + plain)[4:-4]


_PLAIN = CANARY.encode()
_SPELLINGS = [_PLAIN, _PLAIN.hex().encode(), *(_base64(_PLAIN, shift) for shift in range(3))]


def _open(compact: str) -> str:
    return base64.urlsafe_b64decode(compact.split(".")[1] + "==").decode()
