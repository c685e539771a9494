"""A small log in which everything happens once, and ways to look at a bundle of it."""

import contextlib
import gc
import io
import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.db import transaction

import audit
from audit import exports, log, sequencer
from audit.log import Draft
from audit.types import EntryType as T
from audit.verify import verify
from keys import tree

VERIFIER = Path(audit.__file__).parent / "verify" / "verify.py"


class Report(NamedTuple):
    """What verify.py said."""

    exit: int
    codes: frozenset[str]
    warnings: frozenset[str]
    told: Mapping[str, Any]
    output: str


def verified(path: Path, *arguments: str | Path) -> Report:
    """Run the verifier on a bundle, in this process: it is quicker."""
    answer = path.parent / f"{uuid4().hex}.json"
    out, collecting = io.StringIO(), gc.isenabled()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            code = verify.main([str(path), "--json", str(answer), *map(str, arguments)])
        except SystemExit as left:  # argparse leaves like this
            code = int(str(left.code))
    if collecting:
        gc.enable()
    return _report(code, answer, out.getvalue())


def verified_apart(path: Path, *arguments: str | Path, python: str = sys.executable) -> Report:
    """Run verify.py as anybody would, isolated from everything of ours."""
    answer = path.parent / f"{uuid4().hex}.json"
    run = subprocess.run(
        [python, "-I", str(VERIFIER), str(path), "--json", str(answer), *map(str, arguments)],
        capture_output=True, check=False,
    )  # fmt: skip
    return _report(run.returncode, answer, (run.stdout + run.stderr).decode())


def _report(code: int, answer: Path, output: str) -> Report:
    told = json.loads(answer.read_text()) if answer.exists() else {}
    answer.unlink(missing_ok=True)
    counts = (frozenset(told.get(name, ())) for name in ("finding_counts", "warning_counts"))
    return Report(code, *counts, told, output)


def reference() -> str:
    """A new log reference."""
    return uuid4().hex


class Cast:
    """Two brands and a person, and what they do. Every call is one entry."""

    def __init__(self) -> None:
        self.person, self.pod = reference(), reference()
        self.hotel, self.cafe = reference(), reference()
        self.hotel_client, self.cafe_client = reference(), reference()
        self.until = datetime.now(UTC) + timedelta(days=30)
        with transaction.atomic():
            self.audit_key = tree.make_audit_key(self.person)

    def say(self, kind: str, role: str = "system", **fields: Any) -> UUID:
        with transaction.atomic():
            return log.append(Draft(type=kind, role=role, **fields)).event_id

    def about(self, kind: str, role: str = "owner", **fields: Any) -> UUID:
        """An entry about the person, with a detail."""
        fields = {"detail": {"place": "서울 마루호텔"}} | fields
        return self.say(kind, role, person=self.person, audit_key=self.audit_key, **fields)

    def opens(self, grant: str, kind: str, epoch: int, **fields: Any) -> UUID:
        now = datetime.now(UTC)
        terms = {
            "purpose": "dpv:ServicePersonalisation", "categories": ("stay", "trip"),
            "actions": ("read",), "since": now - timedelta(seconds=1),
            "until": self.until,
        }  # fmt: skip
        return self.about(kind, grant=grant, opens=epoch, **(terms | fields))

    def read(self, grant: str, epoch: int, partner_epoch: int = 1, **fields: Any) -> UUID:
        said = {
            "partner": self.hotel, "client": self.hotel_client, "categories": ("stay",),
            "purpose": "dpv:ServicePersonalisation", "actions": ("read",), "outcome": "ok",
        }  # fmt: skip
        return self.about(
            T.RECORD_READ, "partner", grant=grant, epoch=epoch, partner_epoch=partner_epoch,
            **(said | fields),
        )  # fmt: skip

    def refused(self, **fields: Any) -> UUID:
        said = {"partner": self.hotel, "client": self.hotel_client, "outcome": "refused",
                "reason": "not-granted"}  # fmt: skip
        return self.say(T.RECORD_REFUSED, "partner", **(said | fields))


def play(cast: Cast) -> dict[str, str]:
    """Let everything happen once; return the grants by name."""
    grants = {name: reference() for name in ("plain", "paused", "ended", "narrowed", "cafe")}
    cast.say(T.PARTNER_REGISTERED, "operator", partner_object=cast.hotel, opens=1)
    cast.say(T.PARTNER_REGISTERED, "operator", partner_object=cast.cafe, opens=1)
    cast.about(T.POD_MADE, pod=cast.pod)
    for name in ("plain", "paused", "ended", "narrowed"):
        cast.opens(grants[name], T.GRANT_GIVEN, 1)
        cast.read(grants[name], 1)
    cast.opens(grants["cafe"], T.GRANT_GIVEN, 1)
    cafe = {"partner": cast.cafe, "client": cast.cafe_client}
    cast.read(grants["cafe"], 1, **cafe)
    cast.about(T.GRANT_PAUSED, grant=grants["paused"], closes=1)
    cast.opens(grants["paused"], T.GRANT_RESUMED, 3)
    first = cast.read(grants["paused"], 3)
    cast.read(grants["paused"], 3, repeat_of=first)
    cast.say(T.RECORD_FAILED, of=first, grant=grants["paused"], outcome="failed")
    cast.opens(grants["narrowed"], T.GRANT_NARROWED, 2, closes=1, categories=("stay",))
    cast.read(grants["narrowed"], 2)
    cast.about(T.GRANT_WITHDRAWN, grant=grants["ended"], closes=1)
    refusal = cast.refused(grant=grants["ended"])
    cast.refused(grant=grants["ended"], of=refusal, repeats=7)
    cast.say(T.PARTNER_CHANGED, "operator", partner_object=cast.hotel, client=reference(),
             closes=1, opens=2, reason="client-revoked")  # fmt: skip
    cast.read(grants["plain"], 1, partner_epoch=2)
    cast.say(T.PARTNER_SUSPENDED, "operator", partner_object=cast.cafe, closes=1)
    cast.say(T.PARTNER_REINSTATED, "operator", partner_object=cast.cafe, opens=2)
    cast.read(grants["cafe"], 1, partner_epoch=2, **cafe)
    cast.about(T.GRANT_REVOKED, "operator", grant=grants["cafe"], closes=1)
    other = reference()
    cast.say(T.POD_ERASED, "owner", pod=other)
    cast.say(T.KEY_DESTROYED, pod=other, key=reference())
    return grants


def sequenced() -> None:
    """Give every pending entry its place, and publish."""
    while sequencer.sequence_once():
        pass
    sequencer.publish()


def exported(path: Path, first: int = 0, **options: Any) -> exports.Written:
    """Export from `first` on, with the sequencer at work."""
    announced = exports.announce(first=first, scope=options.get("scope", exports.NOTHING))
    sequenced()
    return exports.write(exports.cut(announced, timeout=timedelta(0)), path, **options)
