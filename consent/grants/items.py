"""Ends single items: a category of one grant, or a category with every partner.

The grant gets a new key that covers only the rest, so the old one opens nothing any more. The
last item ends its grant.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from audit import log
from audit.types import EntryType
from consent import entries, locking
from consent.actors import Actor
from consent.grants import cutting, telling
from consent.grants.cutting import End, is_open
from consent.grants.ending import need_fitting, need_party
from consent.models import Grant, GrantItem, RequestItem
from consent.revocation import obligations
from keys import tree
from vault import categories, holding
from vault.models import Pod

Ending = Mapping[Grant, Sequence[GrantItem]]


@transaction.atomic
def end_item(
    item: GrantItem, kind: str, reason: str, actor: Actor, *, may_anonymise: bool = False
) -> Grant:
    """End one item; ending the last one ends the grant. Twice is once.

    Its copies have to go as those of a whole grant (`ending.end`). Raises `UnknownThing` for a
    stranger.
    """
    need_fitting(kind, actor, chooses=may_anonymise)
    # Wrapping the rest under the new key needs the pod, and the pod comes first.
    pod = holding.alone(Pod.objects.get(grants__items=item))
    grant = locking.grant(item.grant_id)
    need_party(grant, actor)
    ended = [each for each in live_items(grant) if each.pk == item.pk]
    if grant.ended_at is None and ended:
        _end(pod, {grant: ended}, _how(kind, reason, actor, may_anonymise))
    return grant


@transaction.atomic
def end_category(
    pod: Pod, category: str, kind: str, reason: str, actor: Actor, *, may_anonymise: bool = False
) -> list[Grant]:
    """End one category, and views of it, with every partner; return the grants that this changed.

    Raises `UnknownThing`, with nothing changed, for a stranger.
    """
    need_fitting(kind, actor, chooses=may_anonymise)
    held_pod = holding.alone(pod)
    names = categories.covering(category)
    covering = GrantItem.objects.filter(grant=OuterRef("pk"), category__in=names, ended_at=None)
    held = locking.every(Grant.objects.of(pod).unended().filter(Exists(covering)))
    for grant in held:
        need_party(grant, actor)
    ending = {
        grant: [item for item in live_items(grant) if item.category in names] for grant in held
    }
    found = {grant: items for grant, items in ending.items() if items}
    _end(held_pod, found, _how(kind, reason, actor, may_anonymise))
    return list(found)


def live_items(grant: Grant) -> list[GrantItem]:
    """Return the items that have not ended."""
    return [item for item in grant.items.all() if item.ended_at is None]


def _end(pod: Pod, ending: Ending, end: End) -> None:
    whole = [grant for grant, items in ending.items() if len(items) == len(live_items(grant))]
    part = {grant: items for grant, items in ending.items() if grant not in whole}
    if part:
        _narrow(pod, part, end)
    cutting.cut(whole, end)


def _narrow(pod: Pod, ending: Ending, end: End) -> None:
    """End these items of grants that keep others: rows, keys, epochs, entries, what is owed."""
    opened = {grant.pk: is_open(grant) for grant in ending}
    _write_rows(pod, ending, end)
    gone = {
        grant.pk: [item.category for item in items if item.action == RequestItem.Action.READ]
        for grant, items in ending.items()
    }
    owed = obligations.open_all(list(ending), end.at, categories=gone, deletion=end.wants_deletion)
    ends = [
        _entry(grant, end, len(items), opened=opened[grant.pk]) for grant, items in ending.items()
    ]
    log.append_many(ends + obligations.drafts(owed))
    telling.of_items(ending, owed)


def _write_rows(pod: Pod, ending: Ending, end: End) -> None:
    for item in (item for items in ending.values() for item in items):
        item.ended_at, item.end_kind = end.at, end.kind
    ended = [item.pk for items in ending.values() for item in items]
    GrantItem.objects.filter(pk__in=ended).update(ended_at=end.at, end_kind=end.kind)
    for grant in ending:
        grant.epoch += 1
    made = tree.replace_grant_keys(pod.pk, {grant.pk: _rest(grant) for grant in ending})
    for grant in ending:
        grant.key_id = made[grant.pk]
    Grant.objects.bulk_update(ending, ["key_id", "epoch"])


def _rest(grant: Grant) -> tuple[UUID, list[str]]:
    assert grant.key_id is not None
    return grant.key_id, categories.sources(item.category for item in live_items(grant))


def _entry(grant: Grant, end: End, count: int, *, opened: bool) -> log.Draft:
    return entries.of_grant(
        EntryType.GRANT_ITEM_ENDED,
        grant,
        end.actor,
        opens=grant.epoch if opened else None,
        closes=grant.epoch - 1 if opened else None,
        kind=end.kind.value,
        count=count if count > 1 else None,
        reason=end.reason or None,
    )


def _how(kind: str, reason: str, actor: Actor, may_anonymise: bool) -> End:
    return End(
        kind=Grant.EndKind(kind),
        reason=reason,
        actor=actor,
        at=timezone.now(),
        may_anonymise=may_anonymise,
    )
