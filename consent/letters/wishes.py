"""How an owner likes to be told. What the law wants told is told either way."""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from consent.letters import times
from consent.models import Letter, LetterWish


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What an owner may choose."""

    gathers_location: bool = False  # every 30 days instead of at once
    wants_own_ends: bool = True


def wishes_of(owner: User) -> Wishes:
    """Return what an owner chose."""
    row = LetterWish.objects.filter(owner=owner).first()
    if row is None:
        return Wishes()
    return Wishes(
        gathers_location=row.gathered_since is not None,
        wants_own_ends=row.own_ends_unwanted_since is None,
    )


@transaction.atomic
def wish(owner: User, wishes: Wishes) -> None:
    """Choose. What was being gathered goes out now if the owner no longer gathers."""
    now = timezone.now()
    row, _made = LetterWish.objects.select_for_update().get_or_create(owner=owner)
    row.gathered_since = (row.gathered_since or now) if wishes.gathers_location else None
    row.own_ends_unwanted_since = (
        None if wishes.wants_own_ends else row.own_ends_unwanted_since or now
    )
    row.save()
    waiting = Letter.objects.unsettled().filter(owner=owner, kind=Letter.Kind.PROVIDED)
    if row.gathered_since is None:
        waiting.filter(due_at__gt=now).update(due_at=now)
    else:
        waiting.update(due_at=times.next_gathering(row.gathered_since, now))
