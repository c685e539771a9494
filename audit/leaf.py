"""What one leaf of the log holds, byte for byte.

A leaf is one ASCII JSON object with sorted keys and no blanks, at most 4 KiB, written once,
stored and hashed verbatim. Readers hash first and parse second. A field that does not apply
is absent, never null. docs/events.md is the table for people.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from audit.exceptions import LeafMalformed, LeafRefused

VERSION = 1
LIMIT = 4096  # bytes; tlog-tiles would allow 65,535, an entry never needs them
LARGEST = 2**53 - 1  # what every JSON reader still counts exactly

# Actor, under "actor". "role" is always there.
ACTOR_REFERENCES = ("partner", "client", "account")
# Log references: 32 lower-case hex digits, random, one per object.
REFERENCES = (
    "grant", "request", "pod", "key", "partner", "client", "account",
    "delivery", "obligation", "hold", "journey", "alliance",
)  # fmt: skip
COUNTS = (
    "opens", "closes", "epoch", "partner_epoch", "repeats", "count", "first", "size",
)  # fmt: skip
WORDS = ("purpose", "reason", "kind", "law", "outcome")
LISTS = ("categories", "actions")
MOMENTS = ("from", "until")
DIGESTS = ("policy", "notice", "commitment", "root")  # SHA-256 or HMAC-SHA-256, 64 hex digits
EVENTS = ("of", "repeat_of")  # ids of other entries
ALWAYS = ("v", "id", "time", "type", "actor")
FIELDS = frozenset((*ALWAYS, *REFERENCES, *COUNTS, *WORDS, *LISTS, *MOMENTS, *DIGESTS, *EVENTS))

REFERENCE = re.compile(r"[0-9a-f]{32}", re.ASCII).fullmatch
DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII).fullmatch
WORD = re.compile(r"[a-zA-Z0-9:_.-]{1,64}", re.ASCII).fullmatch
EVENT = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII
).fullmatch
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII).fullmatch


def encode(fields: Mapping[str, Any]) -> bytes:
    """Return the leaf's bytes.

    Raises LeafRefused where they would not be ASCII or would be longer than LIMIT.
    """
    leaf = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    if not leaf.isascii():
        raise LeafRefused("a leaf holds ASCII only")
    if len(leaf) > LIMIT:
        raise LeafRefused(f"a leaf holds at most {LIMIT} bytes")
    return leaf


def decode(leaf: bytes) -> dict[str, Any]:
    """Return what a leaf says. Raises LeafMalformed for anything that `encode` never writes."""
    if len(leaf) > LIMIT or not leaf.isascii():
        raise LeafMalformed("too long, or not ASCII")
    try:
        fields = orjson.loads(leaf)
    except orjson.JSONDecodeError:
        raise LeafMalformed("not JSON") from None
    if not isinstance(fields, dict) or fields.get("v") != VERSION:
        raise LeafMalformed("not an object of version 1")
    if missing := [name for name in ALWAYS if name not in fields]:
        raise LeafMalformed(f"without {missing[0]}")
    if not all(_plain(value) for value in fields.values()):
        raise LeafMalformed("holds something that leaves never hold")
    # Duplicate keys, blanks, another order: none of them survives the round trip.
    if orjson.dumps(fields, option=orjson.OPT_SORT_KEYS) != leaf:
        raise LeafMalformed("not in the one form that is written")
    return fields


def _plain(value: object) -> bool:
    """Tell whether a value is text, a whole number, a list of texts or an object of texts."""
    if isinstance(value, list):
        return all(type(each) is str for each in value)
    if isinstance(value, dict):
        return all(type(each) is str for each in value.values())
    return type(value) is str or (type(value) is int and abs(value) <= LARGEST)
