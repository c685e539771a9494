"""One read as a partner asks for it, and the check of its shape."""

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson

from consent.exceptions import RequestInvalid
from vault import categories, resident_numbers, strictjson
from vault.exceptions import RRNFound

MEMBERS = frozenset({"subject", "category", "view", "purpose", "fields", "idempotency_key"})
LONGEST = 64  # characters of a name or key
MOST_FIELDS = 200
# A read is short. Without a limit of its own, strangers could have a megabyte parsed each time.
LIMITS = strictjson.Limits(size=64 * 1024, depth=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Whose data, of which category, what for, which top-level fields (None: all granted ones).

    A view is a category of its own.
    """

    subject: str
    category: str
    purpose: str
    fields: tuple[str, ...] | None = None
    idempotency_key: str | None = None

    def digest(self) -> bytes:
        """Return what tells this body from another under the same idempotency key."""
        said = [self.subject, self.category, self.purpose, self.fields]
        return hashlib.sha256(orjson.dumps(said)).digest()


def parse(body: Any) -> Call:
    """Return the call. Raises `RequestInvalid` with every mistake by its JSON pointer, `RRNFound`."""
    if not isinstance(body, dict):
        raise RequestInvalid([("", "must be an object")])
    if "view" in body:
        return parse(_with_view(body))
    # Never by name: the name of an unknown member is as much the caller's as its value.
    problems = [] if body.keys() <= MEMBERS else [("", "has a member that a read does not have")]
    for name in ("subject", "category", "purpose"):
        if not is_name(body.get(name)):
            problems.append((f"/{name}", f"must be a text of 1 to {LONGEST} characters"))
    key, fields = body.get("idempotency_key"), body.get("fields")
    if key is not None and not is_name(key):
        problems.append(("/idempotency_key", f"must be a text of 1 to {LONGEST} characters"))
    if fields is not None and not _are_fields(fields):
        problems.append(("/fields", f"must be a list of 1 to {MOST_FIELDS} different field names"))
    elif fields is not None and _are_unknown(fields, body.get("category")):
        problems.append(("/fields", "names a field that this category does not have"))
    if problems:
        raise RequestInvalid(problems)
    if key is not None and resident_numbers.spans(key):
        raise RRNFound(["/idempotency_key"])
    return Call(
        subject=body["subject"],
        category=body["category"],
        purpose=body["purpose"],
        fields=None if fields is None else tuple(fields),
        idempotency_key=key,
    )


def _with_view(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body with its view as the category. Raises `RequestInvalid`."""
    view = body["view"]
    if "category" in body:
        raise RequestInvalid([("/view", "is asked for instead of a category")])
    if not isinstance(view, str) or view not in categories.views():
        raise RequestInvalid([("/view", "is no view")])
    return {name: value for name, value in body.items() if name != "view"} | {"category": view}


def is_name(value: object) -> bool:
    # PostgreSQL stores no NUL, and a name of ours never holds one.
    return isinstance(value, str) and 0 < len(value) <= LONGEST and "\0" not in value


def _are_unknown(fields: list[str], category: object) -> bool:
    # A category that does not exist is refused by the decision, and that is an entry.
    known = categories.find(category) if isinstance(category, str) else None
    return known is not None and not set(fields) <= set(known.top_fields)


def _are_fields(value: object) -> bool:
    return (
        isinstance(value, list)
        and 0 < len(value) <= MOST_FIELDS
        and all(is_name(name) for name in value)
        and len(set(value)) == len(value)
    )
