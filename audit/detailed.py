"""Holds details against the commitments in their leaves."""

import json
from collections.abc import Iterator
from typing import Any

from audit import drafts, entries
from audit.exceptions import LeafMalformed
from audit.finding import Finding
from audit.leaf import decode
from audit.models import Detail, Entry
from keys import sealing
from keys.exceptions import Tampered

_STEP = 1000


def details_against_leaves() -> Iterator[Finding]:
    """Yield every detail that is not the one its leaf committed to.

    Details whose audit key was destroyed cannot be opened, and rows may be gone: both are as
    they should be. Raises ProviderAway.
    """
    last = 0
    while details := list(Detail.objects.filter(seq__gt=last).order_by("seq")[:_STEP]):
        last = details[-1].seq
        found = {each.seq: each for each in Entry.objects.filter(seq__in=[d.seq for d in details])}
        for each in details:
            if what := _wrong(each, found.get(each.seq)):
                yield Finding(what, f"detail of entry {each.seq}")


def _wrong(detail: Detail, entry: Entry | None) -> str | None:
    if entry is None:
        return "detail-stray"
    try:
        said = decode(bytes(entry.leaf))
        opening = entries.opening(detail, entry.event_id)
    except LeafMalformed:
        return None  # already told: the leaf itself is wrong
    except Tampered:
        return "detail-changed"
    if opening is None:
        return None
    if sealing.commit(opening.r, detail.type, opening.detail).hex() != said.get("commitment"):
        return "detail-differs"
    return _row_wrong(detail, said, json.loads(opening.detail)["person"])


def _row_wrong(detail: Detail, said: dict[str, Any], person: str) -> str | None:
    row = (detail.person, detail.grant_ref, detail.type, drafts.moment(detail.at))
    leaf = (person, said.get("grant"), said["type"], said["time"])
    return None if row == leaf else "detail-differs"
