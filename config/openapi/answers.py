"""What comes out of the partner's door: the shape of every answer that is not an error.

A client passes over members that it does not know; so nothing here forbids more. The tests, which
hold every answer against this, allow no more.
"""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from consent import profiles
from consent.access import sealing
from consent.contributions import bulk
from consent.models import AccessRequest
from consent.oauth import details
from consent.requests import reasons
from keys import envelopes
from vault.models import Source

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
UUID: Schema = {"type": "string", "format": "uuid"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
MAYBE_MOMENT: Schema = {"type": ["string", "null"], "format": "date-time"}
URI: Schema = {"type": "string", "format": "uri"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}


def ref(name: str) -> Schema:
    """Return a reference to a schema of the description."""
    return {"$ref": f"#/components/schemas/{name}"}


def listed(item: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": item}


def shape(properties: Mapping[str, Schema], *may: str, **more: Any) -> Schema:
    """Return the schema of an object; members named in `may` need not be there."""
    needed = [name for name in properties if name not in may]
    return {"type": "object", "required": needed, "properties": dict(properties)} | more


def answers() -> dict[str, Schema]:
    """Return every shape by its name."""
    return {**_asked(), **_read(), **_given(), **_owed(), **_discovered()}


def _asked() -> dict[str, Schema]:
    item = {"category": TEXT, "action": {"enum": ["read", "contribute"]}, "fields": _fields()}
    often = {"anyOf": [{"type": "null"}, ref("Frequency")]}
    asked = shape({"items": listed(ref("Item")), "expires": MOMENT, "frequency": often})
    granted = shape({
        "items": listed(ref("Item")), "valid_from": MOMENT, "expires": MOMENT,
        "frequency": often, "access_mode": {"enum": AccessRequest.AccessMode.values},
    })  # fmt: skip
    known = {
        "id": UUID,
        "state": {"enum": ["pending", "approved", "refused", "closed"]},
        "purpose": TEXT, "expires_at": MOMENT, "asked": asked, "partner_ref": TEXT,
        "subject": TEXT, "grant": UUID, "granted": granted, "reason": TEXT, "link": ref("Link"),
    }  # fmt: skip
    sometimes = ("partner_ref", "subject", "grant", "granted", "reason", "link")
    return {
        "Item": shape(item),
        "Link": shape({"code": TEXT, "url": URI, "qr_svg": TEXT, "expires_at": MOMENT}),
        "Request": shape(known, *sometimes),
        "Reasons": shape({"reasons": listed(ref("Reason"))}),
        "Reason": shape(
            {
                "month": TEXT | {"pattern": "^[0-9]{4}-[0-9]{2}$"},
                "purpose": TEXT,
                "reason": {"enum": list(reasons.GIVEN)},
                "people": {"type": "integer", "minimum": profiles.limit("shared_reasons_at_least")},
            }
        ),
        "Stop": shape({"order": COUNT, "place": ref("Name"), "client": TEXT, "request": UUID}),
        "Journey": _journey(),
        "Grant": _grant(),
        "GrantedDetail": _detail(),
    }


def _journey() -> Schema:
    known = {
        "id": UUID, "alliance": UUID, "name": ref("Name"), "starts": MOMENT, "ends": MOMENT,
        "expires_at": MOMENT, "stops": listed(ref("Stop")), "link": ref("Link"),
    }  # fmt: skip
    return shape(known, "link")


def _grant() -> Schema:
    nothing = {"type": "array", "maxItems": 0}
    return shape({
        "grant_id": UUID, "scopes": nothing, "claims": nothing,
        "authorization_details": listed(ref("GrantedDetail")),
        "created_at": COUNT, "last_updated_at": COUNT, "expires_at": COUNT,
        "updated_by": {"const": "authorization_server"},
    })  # fmt: skip


def _detail() -> Schema:
    notice = shape(
        {"sha256": TEXT, "language": {"enum": [code for code, _name in settings.LANGUAGES]}}
    )
    known = {
        "type": {"const": details.TYPE}, "locations": listed(URI), "identifier": TEXT,
        "purpose": TEXT, "access_mode": {"enum": AccessRequest.AccessMode.values},
        "valid_from": MOMENT, "expires": MOMENT, "frequency": ref("Frequency"),
        "range": details.schema()["items"]["properties"]["range"], "retention": TEXT,
        "notice": notice, "actions": listed({"enum": ["read", "contribute"]}),
        "datatypes": listed(TEXT), "fields": listed(TEXT),
    }  # fmt: skip
    return shape(known, "frequency", "range", "retention")


def _read() -> dict[str, Schema]:
    use = {
        "id": UUID, "state": {"const": "live"},
        "access_mode": {"enum": AccessRequest.AccessMode.values}, "expires_at": MOMENT,
        "remaining": {"type": ["integer", "null"], "minimum": 0}, "erase_by": MOMENT,
    }  # fmt: skip
    source = shape({"kind": {"enum": [*Source.values, "derived"]}, "name": TEXT}, "name")
    record = {
        "id": TEXT, "category": TEXT, "version": {"type": "integer", "minimum": 1},
        "data": {"type": "object", "additionalProperties": True}, "source": source,
        "obtained_at": MOMENT,
    }  # fmt: skip
    box = shape({"suite": {"enum": sorted(envelopes.SUITES)}, "kid": TEXT, "data": TEXT})
    page = {"event": UUID, "grant": ref("GrantUse"), "has_more": FLAG}
    return {
        "GrantUse": shape(use),
        "Record": shape(record),
        "Sealed": box,
        "Change": {"oneOf": _changes()},
        "ReadAnswer": _either(page, "records", ref("Record")),
        "ChangesAnswer": _either(page | {"cursor": TEXT}, "changes", ref("Change")),
        "BatchAnswer": shape({"results": listed(ref("BatchResult"))}),
        "BatchResult": {"oneOf": [
            shape({"subject": TEXT, "answer": ref("ReadAnswer")}),
            shape({"subject": TEXT} | _error(), *_WITH_ERROR),
        ]},
    }  # fmt: skip


def _either(page: Mapping[str, Schema], given: str, item: Schema) -> Schema:
    """Return an answer in the open, or sealed to the client's key."""
    assert given in sealing.GIVEN
    opened = shape({**page, given: listed(item)})
    return {"oneOf": [opened, shape({**page, "sealed": ref("Sealed")})]}


def _changes() -> list[Schema]:
    there = {"kind": {"enum": ["added", "changed"]}, "record": ref("Record")}
    return [shape(there), shape({"kind": {"const": "deleted"}, "id": TEXT})]


# What goes with the code of one refused thing among many (`consent.told`).
_WITH_ERROR = ("ended_at", "obligation", "next_window", "errors")


def _error() -> dict[str, Schema]:
    found = listed(shape({"pointer": TEXT, "detail": TEXT}))
    return {
        "error": {"type": "string", "description": _("The code that a problem would end in.")},
        "ended_at": MAYBE_MOMENT, "obligation": {"type": ["string", "null"], "format": "uuid"},
        "next_window": MAYBE_MOMENT, "errors": found,
    }  # fmt: skip


def _given() -> dict[str, Schema]:
    taken = shape({"index": COUNT, "record": TEXT, "event": UUID})
    refused = shape({"index": COUNT} | _error(), *_WITH_ERROR)
    results = listed(ref("ItemResult")) | {"maxItems": bulk.MOST}
    return {
        "Contributed": shape({"record": TEXT, "event": UUID, "category": TEXT}),
        "ItemResult": {"oneOf": [taken, refused]},
        "ItemResults": shape({"results": results}),
    }


def _owed() -> dict[str, Schema]:
    only = {
        "const": True,
        "description": _(
            "True, and only there, where the customer chose deletion: anonymised does not settle it."
        ),
    }
    known = {
        "id": UUID, "grant": UUID, "holder": TEXT, "categories": listed(TEXT),
        "open_categories": listed(TEXT), "opened_at": MAYBE_MOMENT, "due_at": MAYBE_MOMENT,
        "acknowledged_at": MAYBE_MOMENT, "attested_at": MAYBE_MOMENT, "deletion_only": only,
    }  # fmt: skip
    sets = {"type": "object", "additionalProperties": TEXT, "propertyNames": {"format": "uuid"}}
    return {
        "Obligation": shape(known, "deletion_only"),
        "Obligations": shape({"obligations": listed(ref("Obligation")), "cursor": TEXT}, "cursor"),
        "Events": shape({"sets": sets, "moreAvailable": FLAG}),
    }


def _discovered() -> dict[str, Schema]:
    key = dict.fromkeys(("kty", "crv", "x", "y", "kid", "use", "alg"), TEXT)
    return {"JWKSet": shape({"keys": listed(shape(key))})}


def _fields() -> Schema:
    return {"type": ["array", "null"], "items": TEXT}
