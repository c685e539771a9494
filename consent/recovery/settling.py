"""What can only be said once all lost entries are back: what stays closed, and new epochs.

A grant that is readable again has exactly the terms of the last leaf that opened it. Where
leaves alone do not say how it was left, it ends; where only the log knows it, the log gets its
end, so that nothing is open for ever.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import combinations

from django.utils import timezone

from audit import drafts, log
from audit.log import Draft
from audit.types import EntryType
from consent import entries, partners
from consent.actors import Actor
from consent.grants import cutting, ending
from consent.models import AccessRequest, Grant, GrantItem, Partner
from consent.partners import Operator
from consent.recovery import grants, pods, rows
from consent.recovery.plans import Plan
from consent.recovery.states import LOST, GrantState, PartnerState
from vault import holding


def settle(plan: Plan) -> None:
    """Bring every partner and every touched grant to an end that the log agrees with.

    Needs the transaction of the last step.
    """
    # A consent whose end is lost too: nothing may be left at whatever end comes now.
    Grant.objects.unended().update(kept_by_consent_at=None)
    for ref, partner in plan.states.partners.items():
        _settle_partner(ref, partner)
    for live in Partner.objects.filter(suspended_at=None, deregistered_at=None).order_by("pk"):
        # Whatever was decided before the restore is decided anew.
        partners.raise_epoch(partners.lock(live), Operator(), reason=LOST)
    for ref, state in sorted(plan.states.grants.items()):
        grant = _held(ref)
        if grant is None:
            _lose(ref, state)
        elif grant.ended_at is None:
            _settle_grant(grant, state, plan)
    for pod, category in sorted(plan.hidings):
        pods.hide(pod, category)


def _held(ref: str) -> Grant | None:
    """Hold a grant, and before it the pod, whose keys may have to be wrapped anew."""
    found = Grant.objects.filter(ref=ref).select_related("pod").first()
    if found is None:
        return None
    if found.pod.erased_at is None:
        holding.alone(found.pod)
    return rows.grant(ref)


# What only the log knows -------------------------------------------------------------
def _settle_partner(ref: str, state: PartnerState) -> None:
    if state.registered_at and not state.deregistered_at and not _knows(ref):
        log.append(
            Draft(
                type=EntryType.PARTNER_DEREGISTERED,
                role="system",
                partner_object=ref,
                closes=state.opened,
                reason=LOST,
            )
        )


def _knows(ref: str) -> bool:
    return Partner.objects.filter(ref=ref).exists()


def _lose(ref: str, state: GrantState) -> None:
    """End, in the log, a grant that was given after the backup: items and keys are lost."""
    if state.ended_at or not state.given_at:
        return
    request = AccessRequest.objects.filter(ref=state.request, pod__isnull=False)
    asked = request.select_related("pod__owner").first()
    actor = Actor.system()
    about = entries.about(rows.addressable(asked.pod), actor) if asked and asked.pod else {}
    log.append(
        Draft(
            type=EntryType.GRANT_REVOKED,
            grant=ref,
            purpose=state.purpose,
            closes=state.opened,
            reason=LOST,
            **actor.facts(),
            **about,
        )
    )


# What the backup knows ---------------------------------------------------------------
def _settle_grant(grant: Grant, state: GrantState, plan: Plan) -> None:
    if state.blurred_at or not _place_item_ends(grant, state, plan) or not _agrees(grant, state):
        ending.end_held(grant, Grant.EndKind.REVOKED, LOST, Actor.system(), timezone.now())
    elif cutting.is_open(grant):
        _open_next(grant)


def _open_next(grant: Grant) -> None:
    """Close the epoch that the log left open and open the next: one more than the highest seen."""
    closes = grant.epoch
    grant.epoch += 1
    grant.save(update_fields=["epoch"])
    entry = entries.of_grant(
        EntryType.GRANT_CHANGED,
        grant,
        Actor.system(),
        opens=grant.epoch,
        closes=closes,
        reason=LOST,
    )
    log.append(entry)


def _place_item_ends(grant: Grant, state: GrantState, plan: Plan) -> bool:
    """End the items that the log says were ended; return False where it does not say which."""
    items = list(grant.items.all())
    # The erasure of a category has ended its items already.
    count = state.items_ended - sum(each.ended_at in plan.erasures for each in items)
    if count <= 0:
        return True
    if state.unsaid or state.terms is None:
        return False
    live = [each for each in items if each.ended_at is None]
    ended = which(live, count, state.terms.categories, state.terms.actions)
    at, kind = state.last_item_end
    return ended is not None and grants.try_end_items(
        grant,
        ended,
        datetime.fromisoformat(at),
        kind or Grant.EndKind.REVOKED,
        deletion=grant.ref in plan.deletions,
    )


def which(
    live: Sequence[GrantItem], count: int, categories: Iterable[str], actions: Iterable[str]
) -> tuple[GrantItem, ...] | None:
    """Return the items whose end leaves exactly these categories and actions.

    None where no choice of `count` does, or more than one: two items of one category look
    alike in a leaf.
    """
    wanted = (set(categories), set(actions))
    ways = [
        ended
        for ended in combinations(live, count)
        if _covered([each for each in live if each not in ended]) == wanted
    ]
    return ways[0] if len(ways) == 1 else None


def _agrees(grant: Grant, state: GrantState) -> bool:
    """Return whether the row says what the last leaf that opened it said, made so if it may be.

    A period that was cut short is cut short again. One that grew needed a new consent, which
    is lost.
    """
    terms = state.terms
    if terms is None or state.unsaid:
        return True
    live = grant.items.filter(ended_at=None)
    same = _covered(live) == (set(terms.categories), set(terms.actions))
    if not same or terms.purpose != grant.purpose or terms.since != _text(grant.valid_from):
        return False
    if terms.until < _text(grant.stops_at):
        grant.expires_at = datetime.fromisoformat(terms.until)
        grant.save(update_fields=["expires_at"])
    return terms.until == _text(grant.stops_at)


def _covered(items: Iterable[GrantItem]) -> tuple[set[str], set[str]]:
    listed = list(items)
    return {each.category for each in listed}, {each.action for each in listed}


def _text(moment: datetime) -> str:
    return drafts.moment(moment.astimezone(UTC))
