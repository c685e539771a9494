"""What a regulator asks for: obligations whose day is over, and how far each has been taken.

A brand, its registration number, days and categories: no person, no pod value, nothing by which
two customers could be told apart. `reference` is what the entries of the log name.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from audit.exports.tables import BOM, as_csv, safe
from consent.models import Obligation
from consent.revocation import clocks, overview

STAGES = ("overdue", "officer told", "requests barred", "flagged for the regulator")
FLAGGED = len(STAGES) - 1
COLUMNS = (
    "obligation", "reference", "brand", "registration_number", "country", "profiles", "holder",
    "categories", "opened_at", "told_at", "acknowledged_at", "due_at", "days_overdue", "stage",
    "next_stage_at", "requests_barred",
)  # fmt: skip


def rows(*, flagged: bool = False, now: datetime | None = None) -> Iterator[dict[str, Any]]:
    """Yield the facts of each, those that the regulator must see first; only those if `flagged`."""
    now = now or timezone.now()
    for one in overview.overdue(now):
        if not flagged or one.escalation == FLAGGED:
            yield _facts(one, now)


def as_lines(found: Iterable[dict[str, Any]]) -> bytes:
    """Return one JSON object a line."""
    return b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in found)


def as_table(found: Iterable[dict[str, Any]]) -> bytes:
    """Return a CSV file that a spreadsheet reads and runs nothing of."""
    cells = [[_cell(one[name]) for name in COLUMNS] for one in found]
    return BOM + as_csv([COLUMNS, *cells])


def _facts(one: Obligation, now: datetime) -> dict[str, Any]:
    bound_by = one.partner.bound_by
    following = clocks.escalation_due(one.opened_at, one.escalation + 1, bound_by)
    return {
        "obligation": str(one.pk),
        "reference": one.ref,
        "brand": one.partner.legal_name_ko,
        "registration_number": one.partner.registration_number,
        "country": one.partner.country,
        "profiles": list(bound_by),
        "holder": one.holder,
        "categories": one.categories,
        "opened_at": _moment(one.opened_at),
        "told_at": _moment(one.told_at),
        "acknowledged_at": _moment(one.acknowledged_at),
        "due_at": _moment(one.due_at),
        "days_overdue": (now - one.due_at).days,
        "stage": STAGES[one.escalation],
        "next_stage_at": _moment(following),
        "requests_barred": one.partner.requests_barred_at is not None,
    }


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else None


def _cell(value: object) -> str:
    if value is None:
        return ""
    return safe(" ".join(map(str, value)) if isinstance(value, list) else str(value))
