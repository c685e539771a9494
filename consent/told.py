"""What a partner is told of one among many: the code of what is wrong, and what goes with it.

A call about one thing is answered with a problem instead; its members have the same names.
"""

from datetime import UTC, datetime
from typing import Any

from consent.exceptions import (
    BudgetSpent,
    ConsentError,
    GrantEnded,
    QuotaSpent,
    RequestInvalid,
)
from vault.exceptions import MalformedJSON, RecordInvalid, RRNFound, VaultError

_CODES: dict[type[VaultError], str] = {
    MalformedJSON: "malformed-json", RecordInvalid: "record-invalid", RRNFound: "rrn-found",
}  # fmt: skip


def error(why: ConsentError | VaultError) -> dict[str, Any]:
    """Return the members that say what is wrong, in our own words; never a value."""
    return {"error": _code(why)} | _members(why)


def _code(why: ConsentError | VaultError) -> str:
    if isinstance(why, ConsentError):
        return why.code
    return next(code for kind, code in _CODES.items() if isinstance(why, kind))


def _members(why: ConsentError | VaultError) -> dict[str, Any]:
    if isinstance(why, GrantEnded):
        return {"ended_at": _moment(why.ended_at), "obligation": why.obligation}
    if isinstance(why, BudgetSpent | QuotaSpent):
        return {"next_window": _moment(why.next_window)}
    found = [{"pointer": pointer, "detail": what} for pointer, what in _problems(why)]
    return {"errors": found} if found else {}


def _problems(why: ConsentError | VaultError) -> list[tuple[str, str]]:
    match why:
        case RequestInvalid():
            return why.problems
        case RecordInvalid():
            return [(f"/record{pointer}", str(what)) for pointer, what in why.problems]
        case RRNFound():
            return [(f"/record{place}", str(why.what)) for place in why.places]
        case MalformedJSON():
            return [("", str(why))]
    return []


def _moment(at: datetime | None) -> str | None:
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
