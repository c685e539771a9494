"""Pauses and suspends grants, and lets them go on. No key is touched: the decision says no.

A pause is the owner's; a suspension is the house's, on one of the statutory grounds. While
either lasts the epoch is closed; the next one opens when both are over. Each change is made to
one grant or to a thousand with the same few statements.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from audit import log
from audit.types import EntryType
from consent import batches, entries, letters, locking, profiles
from consent.actors import Actor
from consent.grants import telling
from consent.grants.cutting import CHUNK, is_open
from consent.grants.ending import need_party, need_unended
from consent.models import Grant, GrantQuerySet, Letter
from consent.revocation.events import EventType
from vault.models import Pod

BATCH = 200


@transaction.atomic
def pause(grant: Grant, actor: Actor, until: datetime | None = None) -> Grant:
    """Stop reads under a grant, until `until` or until resumed. Twice is once.

    Raises `UnknownThing` for a stranger, `GrantNotLive` for a grant that is over.
    """
    held = _held(grant, actor)
    _pause([held], actor, until)
    return held


@transaction.atomic
def resume(grant: Grant, actor: Actor) -> Grant:
    """Let a paused grant go on. Twice is once.

    Raises `UnknownThing` for a stranger, `GrantNotLive` for a grant that is over.
    """
    held = _held(grant, actor)
    _resume([held], actor)
    return held


@transaction.atomic
def suspend(grant: Grant, ground: str, actor: Actor) -> Grant:
    """Stop reads under a grant on one of the statutory grounds. Twice is once: the first stands."""
    need_ground(ground)
    held = _held(grant, actor)
    _suspend([held], ground, actor)
    return held


@transaction.atomic
def unsuspend(grant: Grant, ground: str, actor: Actor) -> Grant:
    """End a suspension; `ground` says why, in a code. Twice is once."""
    held = _held(grant, actor)
    _unsuspend([held], ground, actor)
    return held


@transaction.atomic
def pause_all(pod: Pod, actor: Actor, until: datetime | None = None) -> list[Grant]:
    """Pause every grant over a pod ("모두 잠시 멈추기"); return those that this paused."""
    return _pause(_every(Grant.objects.of(pod).filter(paused_at=None), actor), actor, until)


@transaction.atomic
def resume_all(pod: Pod, actor: Actor) -> list[Grant]:
    """Let every paused grant over a pod go on; return those that this resumed."""
    return _resume(_every(Grant.objects.of(pod).filter(paused_at__isnull=False), actor), actor)


@transaction.atomic
def suspend_all(chosen: GrantQuerySet, ground: str, actor: Actor) -> list[Grant]:
    """Suspend every running grant of a set; return those that this stopped."""
    need_ground(ground)
    return _suspend(_every(chosen.filter(suspended_at=None), actor), ground, actor)


@transaction.atomic
def unsuspend_all(chosen: GrantQuerySet, ground: str, actor: Actor) -> list[Grant]:
    """End the suspension of every grant of a set; return those that this let go on."""
    return _unsuspend(_every(chosen.filter(suspended_at__isnull=False), actor), ground, actor)


def resume_due(limit: int = BATCH) -> int:
    """Let go on what was paused until a moment that has come; return how many."""
    due = Grant.objects.filter(paused_until__lte=timezone.now()).unended()
    return batches.do(
        list(due.order_by("paused_until").values_list("pk", flat=True)[:limit]), _resume_some
    )


@transaction.atomic
def _resume_some(ids: Sequence[UUID]) -> int:
    due = Grant.objects.filter(pk__in=ids, paused_until__lte=timezone.now())
    system = Actor.system()
    return len(_resume(_every(due, system), system))


def need_ground(ground: str) -> None:
    """Pass if the profile knows this ground for a suspension. Raises `ValueError`."""
    if ground not in profiles.load()["suspension_grounds"]:
        raise ValueError("this is none of the grounds of the profile")


def _held(grant: Grant, actor: Actor) -> Grant:
    held = locking.grant(grant.pk)
    need_party(held, actor)
    need_unended(held)
    return held


def _every(chosen: GrantQuerySet, actor: Actor) -> list[Grant]:
    """Hold what is not over. Raises `UnknownThing` if one of them is a stranger's."""
    now = timezone.now()
    held = [grant for grant in locking.every(chosen.unended()) if grant.stops_at > now]
    for grant in held:
        need_party(grant, actor)
    return held


def _pause(held: Sequence[Grant], actor: Actor, until: datetime | None) -> list[Grant]:
    running = [grant for grant in held if grant.paused_at is None]
    others = [grant.pk for grant in held if grant.paused_at is not None]
    Grant.objects.filter(pk__in=others).exclude(paused_until=until).update(paused_until=until)
    said = {"paused_at": timezone.now(), "paused_until": until}
    _close(running, said, EntryType.GRANT_PAUSED, EventType.GRANT_PAUSED, actor)
    return running


def _resume(held: Sequence[Grant], actor: Actor) -> list[Grant]:
    paused = [grant for grant in held if grant.paused_at is not None]
    said = {"paused_at": None, "paused_until": None}
    _open(paused, said, EntryType.GRANT_RESUMED, EventType.GRANT_RESUMED, actor)
    return paused


def _suspend(held: Sequence[Grant], ground: str, actor: Actor) -> list[Grant]:
    running = [grant for grant in held if grant.suspended_at is None]
    said = {"suspended_at": timezone.now(), "suspension_ground": ground}
    events = (EntryType.GRANT_SUSPENDED, EventType.GRANT_SUSPENDED)
    _close(running, said, *events, actor, reason=ground)
    letters.of_grants(running, Letter.Kind.SUSPENDED)
    return running


def _unsuspend(held: Sequence[Grant], ground: str, actor: Actor) -> list[Grant]:
    suspended = [grant for grant in held if grant.suspended_at is not None]
    said = {"suspended_at": None, "suspension_ground": ""}
    events = (EntryType.GRANT_REINSTATED, EventType.GRANT_REINSTATED)
    _open(suspended, said, *events, actor, reason=ground)
    letters.of_grants(suspended, Letter.Kind.REINSTATED)
    return suspended


def _close(
    held: Sequence[Grant],
    said: dict[str, Any],
    entry_type: EntryType,
    event_type: EventType,
    actor: Actor,
    *,
    reason: str | None = None,
) -> None:
    # Counted up even where nothing was open: whoever decided under the old number decides anew.
    closes = [grant.epoch if is_open(grant) else None for grant in held]
    _write(held, said)
    drafts = [
        entries.of_grant(entry_type, grant, actor, closes=epoch, reason=reason)
        for grant, epoch in zip(held, closes, strict=True)
    ]
    _say(held, drafts, event_type)


def _open(
    held: Sequence[Grant],
    said: dict[str, Any],
    entry_type: EntryType,
    event_type: EventType,
    actor: Actor,
    *,
    reason: str | None = None,
) -> None:
    _write(held, said)
    drafts = [
        entries.of_grant(
            entry_type, grant, actor, opens=grant.epoch if is_open(grant) else None, reason=reason
        )
        for grant in held
    ]
    _say(held, drafts, event_type)


def _write(held: Sequence[Grant], said: dict[str, Any]) -> None:
    Grant.objects.filter(pk__in=[grant.pk for grant in held]).update(epoch=F("epoch") + 1, **said)
    for grant in held:
        grant.epoch += 1
        for name, value in said.items():
            setattr(grant, name, value)


def _say(held: Sequence[Grant], drafts: Sequence[log.Draft], event_type: EventType) -> None:
    # No "until" and no ground: when the owner comes back is the owner's business (6.5).
    for start in range(0, len(held), CHUNK):
        log.append_many(drafts[start : start + CHUNK])
        telling.of_each(held[start : start + CHUNK], event_type)
