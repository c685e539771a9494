"""What the law keeps of an erased person: sealed anew under hold keys, opened by two, gone at its date.

One hold key per person and retention class. Values were never in the log; what stays are
consents, ends, provisions and accesses, each as long as its law says (`types.KEPT_FOR`).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

import orjson
from django.db import transaction
from django.utils import timezone

from audit import leaf, log
from audit.drafts import detail_context
from audit.entries import Opening, Seen, opening
from audit.models import Detail, Entry, Held
from audit.types import KEPT_FOR, EntryType, RetentionClass, retention_of
from keys import sealing, tree
from keys.exceptions import KeyErased

# What no law asks for goes with the audit key.
KEPT = (RetentionClass.CONSENT, RetentionClass.ACCESS, RetentionClass.RIGHTS)
Holds = Mapping[str, UUID]  # retention class → hold key


def make(person: str, now: datetime) -> dict[str, UUID]:
    """Make the hold keys of a person who is being erased, and say so. Needs a transaction."""
    made = {kept.value: tree.make_hold_key(person, kept.value) for kept in KEPT}
    log.append_many(
        [
            log.Draft(
                type=EntryType.HOLD_MADE,
                role="system",
                hold=key_id.hex,
                kind=kept,
                until=now + KEPT_FOR[RetentionClass(kept)],
            )
            for kept, key_id in made.items()
        ]
    )
    return made


@transaction.atomic
def move(person: str, holds: Holds, limit: int) -> int:
    """Move the next details of a person under their holds, at most `limit`; return how many.

    What no law keeps, and what its law keeps no longer, is deleted. Where it is interrupted
    the rest is still there for the next call.
    """
    details = list(Detail.objects.filter(person=person).select_for_update().order_by("seq")[:limit])
    seqs = [each.seq for each in details]
    events = dict(Entry.objects.filter(seq__in=seqs).values_list("seq", "event_id"))
    keys = {kept: tree.open_audit_key(key_id) for kept, key_id in holds.items()}
    now = timezone.now()
    Held.objects.bulk_create(
        held
        for each in details
        if (held := _held(each, events.get(each.seq), holds, keys, now)) is not None
    )
    Detail.objects.filter(seq__in=seqs).delete()
    return len(details)


def destroy_due(limit: int = 1000, now: datetime | None = None) -> int:
    """Delete what no law keeps any longer, and the hold keys that nothing is left under."""
    now = now or timezone.now()
    due = list(Held.objects.filter(due_at__lte=now).values_list("seq", "hold")[:limit])
    with transaction.atomic():
        Held.objects.filter(seq__in=[seq for seq, _ in due]).delete()
        for hold in sorted({hold for _, hold in due}):
            if not Held.objects.filter(hold=hold).exists():
                _destroy(hold)
    return len(due)


def release_empty(holds: Holds) -> None:
    """Destroy those hold keys that nothing lies under. Needs a transaction."""
    used = set(Held.objects.filter(hold__in=holds.values()).values_list("hold", flat=True))
    for hold in sorted(set(holds.values()) - used):
        _destroy(hold)


@transaction.atomic
def open_hold(hold: UUID, case: str, accounts: tuple[str, str]) -> list[Seen]:
    """Return what lies under a hold, for a case of an authority, by two operators.

    Each of the two stands in an entry, with the case. Raises `ValueError` for one person twice,
    `KeyErased`, `NeverHadAKey`.
    """
    if len(set(accounts)) != 2:
        raise ValueError("a hold is opened by two")
    key = tree.open_audit_key(hold)
    log.append_many(
        [
            log.Draft(
                type=EntryType.HOLD_OPENED,
                role="operator",
                account=account,
                hold=hold.hex,
                reason=case,
            )
            for account in accounts
        ]
    )
    return _opened(Held.objects.filter(hold=hold).order_by("seq"), key)


def _held(
    detail: Detail,
    event_id: UUID | None,
    holds: Holds,
    keys: Mapping[str, bytes],
    now: datetime,
) -> Held | None:
    kept = retention_of(detail.type)
    due = detail.at + KEPT_FOR[kept]
    if kept.value not in holds or due <= now or event_id is None:
        return None
    opened = opening(detail, event_id)
    if opened is None:
        return None
    return Held(
        seq=detail.seq,
        hold=holds[kept.value],
        type=detail.type,
        at=detail.at,
        due_at=due,
        sealed=_sealed(opened, keys[kept.value], holds[kept.value], event_id, detail.type),
    )


def _sealed(opened: Opening, key: bytes, hold: UUID, event_id: UUID, entry_type: str) -> bytes:
    return sealing.seal(
        key,
        key_id=hold.bytes,
        key_version=1,
        plaintext=opened.detail + opened.r,
        context=detail_context(event_id, entry_type),
    )


def _opened(rows: Iterable[Held], key: bytes) -> list[Seen]:
    held = list(rows)
    entries = Entry.objects.in_bulk([each.seq for each in held])
    return [_seen(each, entries[each.seq], key) for each in held if each.seq in entries]


def _seen(held: Held, entry: Entry, key: bytes) -> Seen:
    plain = sealing.open_sealed(
        key, bytes(held.sealed), context=detail_context(entry.event_id, held.type)
    )
    return Seen(
        seq=held.seq,
        event_id=entry.event_id,
        at=held.at,
        type=held.type,
        leaf=leaf.decode(bytes(entry.leaf)),
        detail=orjson.loads(plain[:-32]),
    )


def _destroy(hold: UUID) -> None:
    try:
        tree.open_audit_key(hold)
    except KeyErased:
        return
    tree.destroy(hold)
    log.append(log.Draft(type=EntryType.HOLD_DESTROYED, role="system", hold=hold.hex))
