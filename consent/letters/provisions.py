"""Tells owners of location that went to brands: who, when, for what (위치정보법 제19조, 11.5).

Read from the log like the activity: by the dense index of the tree, position and letters in one
transaction. So the read itself does nothing for it, and none is passed over.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit import leaf
from audit.types import EntryType
from consent.letters import times, writing
from consent.models import Fold, Grant, Letter, LetterWish
from consent.revocation.folding import leaves_from
from vault import categories

NAME = "provisions"
BATCH = 2000


@transaction.atomic
def note_provisions(limit: int = BATCH) -> int:
    """Look through the next leaves, at most `limit`; return how many. Two workers take turns."""
    Fold.objects.get_or_create(name=NAME)
    position = Fold.objects.select_for_update().get(name=NAME)
    leaves = leaves_from(position.leaves, limit)
    writing.write(_letters([leaf.decode(each) for each in leaves]))
    Fold.objects.filter(name=NAME).update(leaves=position.leaves + len(leaves))
    return len(leaves)


def _letters(leaves: Sequence[Mapping[str, Any]]) -> list[Letter]:
    provided = [one for one in leaves if _is_provision(one)]
    found = Grant.objects.filter(ref__in={one["grant"] for one in provided})
    grants = {grant.ref: grant for grant in found.select_related("pod")}
    wishes = LetterWish.objects.filter(owner__in={grant.pod.owner_id for grant in grants.values()})
    since = {wish.owner_id: wish.gathered_since for wish in wishes if wish.gathered_since}
    now = timezone.now()
    return [
        Letter(
            owner_id=grant.pod.owner_id,
            kind=Letter.Kind.PROVIDED,
            grant=grant,
            partner_id=grant.partner_id,
            happened_at=datetime.fromisoformat(one["time"]),
            due_at=times.next_gathering(since[owner], now) if owner in since else now,
        )
        for one in provided
        if (grant := grants.get(one["grant"])) and grant.pod.erased_at is None
        for owner in [grant.pod.owner_id]
    ]


def _is_provision(one: Mapping[str, Any]) -> bool:
    return (
        one["type"] == EntryType.RECORD_READ
        and "grant" in one
        and any(_is_location(name) for name in one.get("categories", ()))
    )


@cache
def _is_location(category: str) -> bool:
    known = categories.find(category)
    return known is not None and "location" in known.classes
