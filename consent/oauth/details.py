"""Our one type of authorization details (RFC 9396): from a client's objects to the body of a request.

Every object asks for each of its `actions` on each of its `datatypes`, for one reason. All objects
of one request share purpose and terms: one request is one consent. The full form: docs/api-levels.md.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import jsonschema_rs
from django.utils import timezone, translation

from consent.models import Grant, GrantItem, Partner
from consent.oauth.exceptions import KnockRefused, Reason
from consent.requests import validation
from vault import categories, strictjson, wording
from vault.exceptions import MalformedJSON

TYPE = "urn:consent-vault:rar:data-sharing:v1"
MOST_BYTES = 16 * 1024
MOST_OBJECTS = 40
# What an object says about its own data; everything else must be the same in all objects.
_OF_ITEM = frozenset(
    {"actions", "datatypes", "fields", "why", "required", "effect_if_refused", "missing_feature"}
)
# RFC 6749, 5.2: neither a quotation mark nor a backslash.
_QUOTES = str.maketrans({"“": "'", "”": "'", '"': "'", "\\": "/"})
_NOT_IN_BODY = frozenset({"type", "locations", "duration", "retention", "recipients"})
_TAKEN_OVER = (
    "purpose", "access_mode", "frequency", "range", "valid_from", "expires", "bound_to", "at_least",
    "benefit", "processors", "overseas", "marketing", "partner_ref",
)  # fmt: skip


def parse(
    text: str, partner: Partner, location: str, now: datetime | None = None
) -> Mapping[str, Any]:
    """Return the body that `requests.submit` takes, with every datatype and field spelled out.

    What is stored at the consent is this set, so no later vocabulary widens it. Raises
    `KnockRefused` with `invalid_authorization_details`; a value is never repeated.
    """
    objects = _objects(text)
    for each in objects:
        if each.get("locations", [location]) != [location]:
            raise invalid("locations may name this vault's API only")
    shared = _shared(objects)
    named = _registered(partner, shared["purpose"])
    items = [item for each in objects for item in _items(each, named)]
    body = {name: value for name, value in shared.items() if name not in _NOT_IN_BODY}
    return body | _lengths(shared, now or timezone.now()) | {
        "items": items, "onward": shared.get("recipients", []),
        "subject": {"link": True}, "in_session": True,
    }  # fmt: skip


def of_grant(grant: Grant, location: str) -> list[dict[str, Any]]:
    """Return what was granted, an object an item that has not ended: for token and introspection.

    `identifier` is the customer's pairwise id, which a read names as its subject.
    """
    terms = {
        "type": TYPE,
        "locations": [location],
        "identifier": grant.pairwise,
        "purpose": grant.purpose,
        "access_mode": grant.access_mode,
        "valid_from": grant.valid_from.isoformat(),
        "expires": grant.stops_at.isoformat(),
        "frequency": grant.frequency,
        "range": grant.data_range,
        "retention": None if grant.retention is None else f"P{grant.retention.days}D",
        "notice": {"sha256": grant.notice_id, "language": grant.notice.language},
    }
    told = {name: value for name, value in terms.items() if value is not None}
    live = [item for item in grant.items.all() if item.ended_at is None]
    return [told | _granted(item) for item in live]


def _granted(item: GrantItem) -> dict[str, Any]:
    fields = item.fields or list(categories.get(item.category).top_fields)
    return {"actions": [item.action], "datatypes": [item.category], "fields": fields}


def invalid(what: str, reason: Reason = Reason.DETAILS) -> KnockRefused:
    """Return the error of RFC 9396, section 5, with one sentence in ASCII."""
    said = what.translate(_QUOTES).encode("ascii", "replace").decode()
    return KnockRefused("invalid_authorization_details", reason, said[:300])


@cache
def schema() -> Mapping[str, Any]:
    """Return the JSON Schema of the parameter; what it shares with a request is taken from there."""
    request = validation.schema()
    known, item = request["properties"], request["properties"]["items"]["items"]["properties"]
    words = {"type": "array", "minItems": 1, "uniqueItems": True}
    days = {"type": "string", "pattern": "^P[0-9]{1,5}D$"}
    own = {
        "type": {"const": TYPE},
        "locations": words | {"maxItems": 1, "items": {"type": "string", "maxLength": 200}},
        "actions": words | {"maxItems": 2, "items": item["action"]},
        "datatypes": words | {"maxItems": 40, "items": item["category"]},
        "fields": words | {"maxItems": 100, "items": item["fields"]["items"]},
        "duration": {"type": "string", "pattern": "^P([0-9]{1,3}D|T[0-9]{1,4}H)$"},
        "retention": days,
        "recipients": known["onward"],
    }
    of_item = {name: item[name] for name in _OF_ITEM - own.keys()}
    detail = {
        "type": "object",
        "additionalProperties": False,
        "required": ["type", "datatypes", "purpose", "access_mode", "why", "benefit"],
        "oneOf": [{"required": ["duration"]}, {"required": ["expires"]}],
        "properties": own | of_item | {name: known[name] for name in _TAKEN_OVER},
    }
    return {
        "type": "array",
        "minItems": 1,
        "maxItems": MOST_OBJECTS,
        "items": detail,
        "$defs": request["$defs"],
    }


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return categories.validator(schema())


def _objects(text: str) -> list[dict[str, Any]]:
    if len(text) > MOST_BYTES:
        raise invalid("is too long")
    try:
        value = strictjson.loads(text.encode())
    except MalformedJSON:
        raise invalid("is not JSON") from None
    # Programs are told in English: the standard allows nothing but ASCII here.
    with translation.override("en"):
        for error in _validator().iter_errors(value):
            pointer, what = wording.problem(error, schema())
            raise invalid(f"{pointer}: {what}")
    assert isinstance(value, list)
    return value


def _shared(objects: list[dict[str, Any]]) -> dict[str, Any]:
    first, *others = [
        {name: value for name, value in each.items() if name not in _OF_ITEM} for each in objects
    ]
    if any(other != first for other in others):
        raise invalid("one request has one purpose and one set of terms")
    return first


def _items(detail: Mapping[str, Any], registered: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    datatypes = [leaf for name in detail["datatypes"] for leaf in _leaves(name, registered)]
    if "fields" in detail and len(datatypes) != 1:
        raise invalid("fields need an object with one datatype")
    about = {
        name: detail[name]
        for name in ("why", "effect_if_refused", "missing_feature")
        if name in detail
    }
    for category in dict.fromkeys(datatypes):
        for action in detail.get("actions", ["read"]):
            yield about | {
                "category": category,
                "action": action,
                "fields": detail.get("fields") or _all_fields(category, registered),
                "required": detail.get("required", False),
            }


def _leaves(name: str, registered: Mapping[str, Any]) -> list[str]:
    """Return our categories for a datatype: itself, or those registered that carry the DPV id.

    A name that is neither goes on as it is, and the rules of requests refuse it by name.
    """
    known = categories.load()
    carrying = [each for each in registered if each in known and name in known[each].dpv]
    return sorted(carrying) or [name]


def _all_fields(category: str, registered: Mapping[str, Any]) -> list[str] | None:
    """Return every field that can be asked for today: one that is added later was not consented to."""
    known = categories.find(category)
    if known is None:
        return None
    ceiling = (registered.get(category) or {}).get("fields")
    return [name for name in known.top_fields if ceiling is None or name in ceiling]


def _registered(partner: Partner, purpose: str) -> Mapping[str, Any]:
    template = partner.purposes.filter(purpose=purpose, retired_at=None).first()
    return template.categories if template else {}


def _lengths(shared: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "retention" in shared:
        found["retention_days"] = int(shared["retention"][1:-1])
    if duration := shared.get("duration"):
        hours = int(duration[2:-1]) if "T" in duration else 24 * int(duration[1:-1])
        found["expires"] = (_start(shared, now) + timedelta(hours=hours)).isoformat()
    return found


def _start(shared: Mapping[str, Any], now: datetime) -> datetime:
    if "valid_from" not in shared:
        return now
    try:
        return max(now, datetime.fromisoformat(shared["valid_from"].upper()))
    except (ValueError, OverflowError):
        raise invalid("/0/valid_from: is not a moment that this vault can keep") from None
