"""What a partner still owes, page by page, the most urgent first.

A cursor is sealed and bound to its partner: it says nothing, and one that is made up, or another
partner's, does not open. What is settled meanwhile is left out of later pages, what is new and more
urgent than the cursor's place is told by the next listing; nothing is told twice.
"""

import base64
import binascii
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from consent.exceptions import CursorRefused, RequestInvalid
from consent.models import Obligation, Partner
from consent.revocation import obligations
from keys import sealing
from keys.exceptions import Tampered
from keys.keyring import keyring

USUAL, MOST = 100, 200
LONGEST = 400  # characters of a cursor
_FORM = struct.Struct(">Bq16s")
_VERSION = 1
_LIMIT = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
_START = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Page:
    """How many, and after which cursor."""

    limit: int = USUAL
    cursor: str | None = None


def parse(query: Mapping[str, Any]) -> Page:
    """Return the page that a query asks for. Raises `RequestInvalid`."""
    limit = str(query.get("limit", USUAL))
    if not _LIMIT.fullmatch(limit) or int(limit) > MOST:
        raise RequestInvalid([("/limit", f"must be a whole number from 1 to {MOST}")])
    return Page(int(limit), query.get("cursor"))


def listed(partner: Partner, page: Page) -> dict[str, Any]:
    """Return one page, and a cursor where there is more. Raises `CursorRefused`."""
    owed = obligations.owed_by(partner)
    if page.cursor is not None:
        due_at, last = _opened(page.cursor, partner)
        owed = owed.filter(Q(due_at__gt=due_at) | Q(due_at=due_at, pk__gt=last))
    found = list(owed[: page.limit + 1])
    told = found[: page.limit]
    answer: dict[str, Any] = {"obligations": [obligations.state(one) for one in told]}
    return answer | ({"cursor": _sealed(told[-1], partner)} if len(found) > len(told) else {})


def _sealed(last: Obligation, partner: Partner) -> str:
    plain = _FORM.pack(_VERSION, (last.due_at - _START) // _MICROSECOND, last.pk.bytes)
    blob = sealing.seal(
        _key(), key_id=sealing.NO_KEY_ID, key_version=0, plaintext=plain, context=_context(partner)
    )
    return base64.urlsafe_b64encode(blob).decode().rstrip("=")


def _opened(text: str, partner: Partner) -> tuple[datetime, UUID]:
    if len(text) > LONGEST:
        raise CursorRefused
    try:
        blob = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        plain = sealing.open_sealed(_key(), blob, context=_context(partner))
        version, micros, last = _FORM.unpack(plain)
    except (Tampered, binascii.Error, ValueError, struct.error):
        raise CursorRefused from None
    if version != _VERSION:
        raise CursorRefused
    return _START + micros * _MICROSECOND, UUID(bytes=last)


def _key() -> bytes:
    return keyring().secret("consent/obligations-cursor")


def _context(partner: Partner) -> list[bytes]:
    return [b"obligations", partner.pk.bytes]
