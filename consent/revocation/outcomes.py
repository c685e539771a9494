"""What a partner may say became of a category: five outcomes, each with what makes it checkable.

    deleted, anonymised   method: how, in words
    in_backup_until       until: at most 90 days from now, and not used meanwhile
    kept_by_law           law: a code of a profile that binds the partner; items: what; until: when it goes
    never_stored          nothing more

Where the owner chose that the copies are deleted, `anonymised` does not do (7.3). A category
may be named more than once: most of it deleted, some of it kept by law.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from consent import profiles
from consent.exceptions import RequestInvalid
from consent.models import Attestation, Obligation
from vault import resident_numbers
from vault.exceptions import RRNFound

Outcome = Attestation.Outcome

MOST = 100
LONGEST = 200
_MEMBERS = {
    Outcome.DELETED: {"method"},
    Outcome.ANONYMISED: {"method"},
    Outcome.IN_BACKUP: {"until"},
    Outcome.KEPT_BY_LAW: {"law", "items", "until"},
    Outcome.NEVER_STORED: set[str](),
}
_MAY = {"method"}
_DELETING = [each for each in Outcome.values if each != Outcome.ANONYMISED]
_YEAR = timedelta(days=366)


def validated(said: object, obligation: Obligation, now: datetime) -> list[dict[str, Any]]:
    """Return the outcomes, checked. Raises `RequestInvalid` with every problem there is."""
    if not isinstance(said, list) or not 0 < len(said) <= MOST:
        raise RequestInvalid([("/outcomes", f"a list of 1 to {MOST} outcomes is needed")])
    problems: list[tuple[str, str]] = []
    for position, one in enumerate(said):
        at = f"/outcomes/{position}"
        problems += [(at + member, what) for member, what in _problems(one, obligation, now)]
    if problems:
        raise RequestInvalid(problems)
    return said


def _problems(one: object, obligation: Obligation, now: datetime) -> list[tuple[str, str]]:
    """Return (member, what is wrong and what would be right) pairs for one outcome."""
    if not isinstance(one, dict):
        return [("", "an object is needed")]
    if one.get("category") not in obligation.categories:
        return [("/category", "a category of this obligation is needed")]
    if one.get("outcome") not in Outcome.values:
        return [("/outcome", "needs one of " + ", ".join(Outcome.values))]
    if obligation.deletion_only and one["outcome"] == Outcome.ANONYMISED:
        return [("/outcome", "the customer chose deletion: needs one of " + ", ".join(_DELETING))]
    needed = _MEMBERS[Outcome(one["outcome"])]
    told = set(one) - {"category", "outcome"}
    problems = [(f"/{name}", "is needed for this outcome") for name in sorted(needed - told)]
    problems += [("", "holds a member that is not known") for _ in told - needed - _MAY]
    bound_by = obligation.partner.bound_by
    checks: dict[str, Callable[[], str | None]] = {
        "method": lambda: _method(one),
        "law": lambda: _law(one, bound_by),
        "items": lambda: _items(one),
        "until": lambda: _until(one, bound_by, now),
    }
    for name in sorted(told & set(checks)):
        if what := checks[name]():
            problems.append((f"/{name}", what))
    return problems


def _method(one: Mapping[str, Any]) -> str | None:
    if _holds_resident_number(one["method"]):
        return str(RRNFound.what)
    return None if _is_text(one["method"]) else f"a text of 1 to {LONGEST} characters is needed"


def _law(one: Mapping[str, Any], bound_by: Sequence[str]) -> str | None:
    known = profiles.laws(bound_by)
    return None if str(one["law"]) in known else "needs one of " + ", ".join(sorted(known))


def _items(one: Mapping[str, Any]) -> str | None:
    items = one["items"]
    if isinstance(items, list) and any(map(_holds_resident_number, items)):
        return str(RRNFound.what)
    good = isinstance(items, list) and 0 < len(items) <= MOST and all(map(_is_text, items))
    return None if good else "a list of texts that say what is kept is needed"


def _until(one: Mapping[str, Any], bound_by: Sequence[str], now: datetime) -> str | None:
    until = moment(one["until"])
    if until is None or until <= now:
        return "a moment to come is needed, such as 2027-01-31"
    backup = profiles.length("backup_at_most", bound_by)
    if one["outcome"] == Outcome.IN_BACKUP and until > now + backup:
        return f"a backup may hold it for {backup.days} days at most"
    law = profiles.laws(bound_by).get(str(one.get("law")))
    if law is not None and until > now + law["years"] * _YEAR + timedelta(days=1):
        return "this law does not keep it for so long"
    return None


def moment(value: object) -> datetime | None:
    """Return an RFC 3339 moment, or the end of a day in UTC; None for anything else."""
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        return None
    try:
        found = datetime.fromisoformat(value)
        found = found + timedelta(days=1) if len(value) == 10 else found
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST and value.isprintable()


def _holds_resident_number(value: object) -> bool:
    # What is too long anyway is refused for its length, without a search through it.
    return isinstance(value, str) and len(value) <= LONGEST and bool(resident_numbers.spans(value))
