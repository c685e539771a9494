"""Where a feed of changes goes on: sealed, so that a cursor says nothing and is good for nothing else.

Bound to the partner, the grant, the category and the fields: a cursor from anywhere else, of
another partner or made up does not open.
"""

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from uuid import UUID

from consent.access.calls import Call
from consent.access.decision import Facts
from consent.exceptions import CursorRefused
from keys import sealing
from keys.exceptions import Tampered
from keys.keyring import keyring

LONGEST = 400  # characters
_FORM = struct.Struct(">BqqQ16s")
_VERSION = 1
_LAST_ID = UUID(int=2**128 - 1)
# Clocks of two processes differ a little: whoever may have been told of a record is told of its end.
_SLACK = timedelta(minutes=1)
_NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the changes of one category of one pod.

    Changes are told in runs. A run goes from `change` and `id` up to the newest; the next one
    begins at `settled`, below which nothing was under way when this run began. So a change that
    commits late is told late, never lost, and some are told twice.
    """

    change: int
    id: UUID
    settled: int | None  # None: a run begins here
    told_at: datetime  # when something was told last; of later records only the newest state is

    @classmethod
    def first(cls) -> Self:
        """Return where the first run begins: before everything, with nothing told yet."""
        return cls(-1, _LAST_ID, None, _NEVER)

    @property
    def told_before(self) -> datetime:
        """Records obtained before this may have been told, so their end is told, too."""
        return self.told_at if self.told_at == _NEVER else self.told_at + _SLACK

    def after(self, change: int, record: UUID, settled: int, now: datetime) -> "Cursor":
        """Return where the same run goes on."""
        return Cursor(change, record, settled if self.settled is None else self.settled, now)

    def next_run(self, settled: int, now: datetime) -> "Cursor":
        """Return where the next run begins, after this one has told everything."""
        first = settled if self.settled is None else self.settled
        return Cursor(first - 1, _LAST_ID, None, now)


def seal(cursor: Cursor, facts: Facts, call: Call) -> str:
    """Return a cursor as the partner gets it."""
    settled = -1 if cursor.settled is None else cursor.settled
    micros = int(cursor.told_at.timestamp() * 1_000_000)
    plain = _FORM.pack(_VERSION, cursor.change, settled, micros, cursor.id.bytes)
    blob = sealing.seal(
        _key(), key_id=sealing.NO_KEY_ID, key_version=0, plaintext=plain,
        context=_context(facts, call),
    )  # fmt: skip
    return base64.urlsafe_b64encode(blob).decode().rstrip("=")


def open_cursor(text: str, facts: Facts, call: Call) -> Cursor:
    """Return what a partner's cursor stands for. Raises `CursorRefused`."""
    try:
        blob = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        plain = sealing.open_sealed(_key(), blob, context=_context(facts, call))
        version, change, settled, micros, record = _FORM.unpack(plain)
    except (Tampered, binascii.Error, ValueError, struct.error):
        raise CursorRefused from None
    if version != _VERSION:
        raise CursorRefused
    told_at = datetime.fromtimestamp(micros / 1_000_000, UTC)
    return Cursor(change, UUID(bytes=record), None if settled < 0 else settled, told_at)


def _key() -> bytes:
    return keyring().secret("consent/changes-cursor")


def _context(facts: Facts, call: Call) -> list[bytes]:
    assert facts.grant is not None
    said = [b"changes", facts.partner.id.bytes, facts.grant.id.bytes, call.category.encode()]
    return said + [name.encode() for name in call.fields or ()]
