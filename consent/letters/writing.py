"""Owes owners the news, in the transaction of what happened. Touches no network."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from consent import inserting
from consent.actors import OWNERS, Actor
from consent.letters.times import CONFIRMED_AFTER
from consent.models import Grant, Letter


def write(letters: Iterable[Letter]) -> None:
    """Owe letters, with one statement. The caller is in a transaction."""
    inserting.insert_all(Letter, letters)


def of_ends(ended: Sequence[Grant], kind: str, actor: Actor, at: datetime) -> None:
    """Owe the news that grants ended: to whoever did it as one proof, else for each grant.

    What a new consent replaced is no news: its owner has just agreed to it.
    """
    if kind == Grant.EndKind.SUPERSEDED:
        return
    if actor.role not in OWNERS:
        of_grants(ended, Letter.Kind.ENDED, at)
        return
    by_owner: defaultdict[UUID, list[Grant]] = defaultdict(list)
    for grant in ended:
        by_owner[grant.pod.owner_id].append(grant)
    write(
        Letter(
            owner_id=owner,
            kind=Letter.Kind.WITHDRAWN,
            grant=some[0] if len(some) == 1 else None,
            count=len(some),
            happened_at=at,
        )
        for owner, some in by_owner.items()
    )


def of_grants(grants: Iterable[Grant], kind: str, at: datetime | None = None) -> None:
    """Owe the owners of some grants a letter of this kind about each. `pod` should be loaded."""
    now = timezone.now()
    due = now + CONFIRMED_AFTER if kind == Letter.Kind.CONFIRMED else now
    write(
        Letter(
            owner_id=grant.pod.owner_id,
            kind=kind,
            grant=grant,
            partner_id=grant.partner_id,
            happened_at=at or now,
            due_at=due,
        )
        for grant in grants
    )
