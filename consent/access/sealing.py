"""Seals what an answer gives to the key that its client registered (level 3).

In clear stay the event, the grant and what goes with it, which the receiver needs to open the
rest. The seal is bound to partner, client, grant and event: an answer that is passed off as
another does not open.
"""

import base64
from collections.abc import Mapping
from typing import Any

import orjson
from django.utils import timezone

from consent.access.decision import Facts
from keys import envelopes

GIVEN = ("records", "changes")


def closed(answer: dict[str, Any], facts: Facts) -> dict[str, Any]:
    """Return the answer with what it gives sealed, where the client asked for that."""
    if facts.client.sealing_key is None:
        return answer
    key = envelopes.in_use(facts.client.sealing_key, timezone.now())
    given = {name: answer[name] for name in GIVEN if name in answer}
    plaintext = orjson.dumps(given, option=orjson.OPT_UTC_Z)
    return {name: value for name, value in answer.items() if name not in GIVEN} | {
        "sealed": _box(key, plaintext, _context(facts, answer["event"]))
    }


def _box(key: Mapping[str, str], plaintext: bytes, context: list[bytes]) -> dict[str, str]:
    blob = envelopes.seal(key, plaintext, context)
    return {
        "suite": key["suite"],
        "kid": key["kid"],
        "data": base64.urlsafe_b64encode(blob).decode().rstrip("="),
    }


def _context(facts: Facts, event: str) -> list[bytes]:
    assert facts.grant is not None
    names = (str(facts.partner.id), facts.client.client_id, str(facts.grant.id), event)
    return [name.encode() for name in names]
