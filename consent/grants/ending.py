"""Ends grants. From the commit on nothing is served under them: row, epoch and key are gone at once.

Withdrawn is what the owner ends (동의 철회), revoked what anybody else ends (1.2). Twice is
once: the first end stands. Whatever way leads here, `cutting.cut` does the same to all of them.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from consent import locking, pipelining, profiles
from consent.actors import OWNERS, Actor
from consent.exceptions import GrantNotLive, UnknownThing
from consent.grants import cutting
from consent.grants.cutting import End
from consent.models import Grant, GrantQuerySet, Partner
from vault.models import Pod


@transaction.atomic
def end(
    grant: Grant,
    kind: str,
    reason: str,
    actor: Actor,
    *,
    kept: bool = False,
    may_anonymise: bool = False,
    now: datetime | None = None,
) -> Grant:
    """End a grant: from the commit on, the partner reads nothing under it.

    Destroys the grant key, closes the epoch, owes the partner the news and the owner the
    destruction of the copies; with `kept` its owner lets the partner keep those (7.3). Where a
    profile leaves the owner the choice the copies are to be deleted, unless `may_anonymise`.
    Raises `UnknownThing` for a stranger.
    """
    need_fitting(kind, actor, chooses=kept or may_anonymise)
    with pipelining.pipeline():
        held = locking.grant(grant.pk)
        need_party(held, actor)
        if held.ended_at is None:
            at = now or timezone.now()
            how = _end(kind, reason, actor, at, kept=kept, may_anonymise=may_anonymise)
            cutting.cut([held], how)
    return held


def end_all(
    pod: Pod, kind: str, reason: str, actor: Actor, *, may_anonymise: bool = False
) -> list[Grant]:
    """End every grant over a pod, each as `end` does; return those that this ended."""
    return end_every(Grant.objects.of(pod), kind, reason, actor, may_anonymise=may_anonymise)


def end_partner(
    pod: Pod,
    partner: Partner,
    kind: str,
    reason: str,
    actor: Actor,
    *,
    kept: bool = False,
    may_anonymise: bool = False,
) -> list[Grant]:
    """End everything that one partner may do with a pod; return the grants that this ended.

    With `kept` its owner lets the partner keep the copies that it has (7.3).
    """
    chosen = Grant.objects.of(pod).to(partner)
    return end_every(chosen, kind, reason, actor, kept=kept, may_anonymise=may_anonymise)


def end_purpose(
    pod: Pod, purpose: str, kind: str, reason: str, actor: Actor, *, may_anonymise: bool = False
) -> list[Grant]:
    """End one purpose with every partner; return the grants that this ended."""
    chosen = Grant.objects.of(pod).filter(purpose=purpose)
    return end_every(chosen, kind, reason, actor, may_anonymise=may_anonymise)


def invalidate(chosen: GrantQuerySet, ground: str, actor: Actor) -> list[Grant]:
    """End consents that were found never to have been valid; return those that this ended.

    `ground` is one of the profile's. Only the house can find so. Raises `ValueError`.
    """
    if ground not in profiles.load()["invalidation_grounds"] or actor.role != "operator":
        raise ValueError("this is none of the grounds of the profile, or not for this person")
    return end_every(chosen, Grant.EndKind.INVALIDATED, ground, actor)


@transaction.atomic
def end_every(
    chosen: GrantQuerySet,
    kind: str,
    reason: str,
    actor: Actor,
    *,
    kept: bool = False,
    may_anonymise: bool = False,
    now: datetime | None = None,
) -> list[Grant]:
    """End every grant of a set, each as `end` does; return those that this ended.

    Raises `UnknownThing`, with nothing changed, if one of them is none of the actor's business.
    """
    need_fitting(kind, actor, chooses=kept or may_anonymise)
    with pipelining.pipeline():
        held = locking.every(chosen.unended())
        for grant in held:
            need_party(grant, actor)
        at = now or timezone.now()
        how = _end(kind, reason, actor, at, kept=kept, may_anonymise=may_anonymise)
        cutting.cut(held, how)
    return held


def end_held(
    grant: Grant,
    kind: str,
    reason: str,
    actor: Actor,
    now: datetime,
    *,
    owed_for: Sequence[str] | None = None,
) -> None:
    """End a grant whose row the caller holds and has found un-ended.

    `owed_for` names the categories whose copies have to go; None: all that were read.
    """
    named = None if owed_for is None else {grant.pk: owed_for}
    cutting.cut([grant], _end(kind, reason, actor, now), owed_for=named)


def need_party(grant: Grant, actor: Actor) -> None:
    """Pass if the actor has to do with this grant. Raises `UnknownThing`: others' do not exist."""
    if actor.role in OWNERS and not actor.acts_for(grant.pod.owner):
        raise UnknownThing
    if actor.role == "partner" and (actor.partner is None or actor.partner.pk != grant.partner_id):
        raise UnknownThing


def need_unended(grant: Grant) -> None:
    """Pass if the grant has not ended, formally or by the clock. Raises `GrantNotLive`."""
    if grant.ended_at is not None or grant.stops_at <= timezone.now():
        raise GrantNotLive


def need_fitting(kind: str, actor: Actor, *, chooses: bool = False) -> None:
    """Pass if such an actor can end in such a way: the words are not interchangeable (1.2).

    Only who withdraws `chooses` that a brand may keep what it has, or make it anonymous.
    """
    if chooses and actor.role not in OWNERS:
        raise ValueError(f"choosing what becomes of copies is not what a {actor.role} does")
    if (kind == Grant.EndKind.WITHDRAWN) != (actor.role in OWNERS):
        raise ValueError(f"{kind} is not what a {actor.role} does")


def _end(kind: str, reason: str, actor: Actor, at: datetime, **how: bool) -> End:
    return End(kind=Grant.EndKind(kind), reason=reason, actor=actor, at=at, **how)
