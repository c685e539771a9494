"""What goes into the partner's door, by the very schemas and limits that the door checks with.

Where the code checks with a JSON Schema, that schema is shown; where it checks by hand, for speed,
its limits are. Bodies are JSON with no member that is not named here.
"""

from typing import Any

from django.utils.translation import gettext as _

from consent import views
from consent.access import calls, changes, cursors
from consent.access.batch import MOST
from consent.access.orders import MOST_RECORDS
from consent.alliances import validation as journeys
from consent.contributions import single
from consent.requests import validation as requests
from consent.revocation import polling
from vault import categories
from vault.derived import computing

Schema = dict[str, Any]
NAME: Schema = {
    "type": "string", "minLength": 1, "maxLength": calls.LONGEST, "pattern": "^[^\\x00]+$",
}  # fmt: skip
_SHARED = {"sentence": "Sentence", "name": "Name", "frequency": "Frequency"}


def bodies() -> dict[str, Schema]:
    """Return the schema of every JSON body that the door takes, and of what they share."""
    request = lifted(requests.schema())
    journey = lifted(journeys.schema())
    request["title"], journey["title"] = "AccessRequest", "JourneyRequest"
    stop = journey["properties"]["stops"]["items"]["properties"]
    stop["request"] = {"$ref": "#/components/schemas/StopRequest"}
    shared = requests.schema()["$defs"]
    return {
        "AccessRequest": request,
        "StopRequest": _stop(request),
        "JourneyRequest": journey,
        "Read": _read(),
        "BatchRead": _batch(),
        "Changes": _changes(),
        "Contribution": lifted(single.SCHEMA),
        "ContributedItem": _item(),
        "Poll": _poll(),
    } | {title: lifted(shared[name]) for name, title in _SHARED.items()}


def lifted(schema: Any) -> Any:
    """Return a schema as a component: what it defines for itself stands beside it, shared."""
    if isinstance(schema, list):
        return [lifted(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: lifted(part) for name, part in schema.items() if name not in _OWN}
    if "$ref" in found:
        found["$ref"] = "#/components/schemas/" + _SHARED[found["$ref"].removeprefix("#/$defs/")]
    return found


_OWN = frozenset({"$schema", "$defs"})


def _stop(request: Schema) -> Schema:
    given = journeys.GIVEN
    known = {name: part for name, part in request["properties"].items() if name not in given}
    needed = [name for name in request["required"] if name not in given]
    about = {
        "title": "StopRequest",
        "description": _("An access request; the journey says the rest."),
    }
    return request | about | {"properties": known, "required": needed}


def _read(*, shown: list[str] | None = None) -> Schema:
    either = [{"required": ["category"]}, {"required": ["view"]}]
    names = sorted(categories.views()) if shown is None else shown
    key = {**NAME, "type": ["string", "null"]}
    known = {
        "subject": NAME | {"description": _("The customer's pairwise id, from the grant.")},
        "category": NAME,
        "view": {"enum": names, "description": _("Instead of a category.")},
        "purpose": NAME,
        "fields": {
            "type": ["array", "null"], "minItems": 1, "maxItems": calls.MOST_FIELDS,
            "uniqueItems": True, "items": NAME,
        },
        "idempotency_key": key,
    }  # fmt: skip
    assert known.keys() == calls.MEMBERS
    return _object(known, required=["subject", "purpose"]) | {"oneOf": either}


def _batch() -> Schema:
    read = _read()
    known = {name: part for name, part in read["properties"].items() if name != "subject"}
    subjects = {
        "type": "array", "minItems": 1, "maxItems": MOST, "uniqueItems": True, "items": NAME,
    }  # fmt: skip
    needed = {"required": ["subjects", "purpose"]}
    return read | needed | {"properties": {"subjects": subjects} | known}


def _changes() -> Schema:
    each = [n for n, v in categories.views().items() if not computing.is_aggregate(v.compute)]
    read = _read(shown=sorted(each))
    known = {name: part for name, part in read["properties"].items() if name != "idempotency_key"}
    own = {
        "cursor": {"type": ["string", "null"], "maxLength": cursors.LONGEST},
        "limit": {
            "type": "integer", "minimum": 1, "maximum": MOST_RECORDS, "default": changes.USUAL,
        },
    }  # fmt: skip
    return read | {"properties": known | own}


def _item() -> Schema:
    single_item: Schema = lifted(single.SCHEMA)
    known = {"key": NAME | {"description": _("Tells it from the others of this call.")}}
    return single_item | {
        "title": "ContributedItem",
        "properties": known | single_item["properties"],
    }


def _poll() -> Schema:
    text = {"type": "string"}
    # RFC 8936, 2.2: with a description, which is not kept, and whatever a profile adds.
    error = {
        "type": "object", "required": ["err"], "additionalProperties": True,
        "properties": {"err": text, "description": {}},
    }  # fmt: skip
    known = {
        "maxEvents": {"type": "integer", "minimum": 0, "default": polling.MOST_EVENTS},
        "returnImmediately": {"type": "boolean", "default": False},
        "ack": {
            "type": "array", "maxItems": polling.MOST_ANSWERS, "items": text,
        },
        "setErrs": {
            "type": "object", "maxProperties": polling.MOST_ANSWERS,
            "additionalProperties": error,
        },
    }  # fmt: skip
    assert known.keys() == polling.MEMBERS
    return _object(known, required=[])


def _object(properties: Schema, *, required: list[str]) -> Schema:
    known: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return known | ({"required": required} if required else {})


def idempotency_key() -> Schema:
    """Return the header that makes a call repeatable."""
    return {"type": "string", "pattern": views.KEY_PATTERN}
