"""The same guard for SQLite: one IMMEDIATE transaction, which is the only writer while it runs."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone

from audit import log
from audit.models import LogState
from consent.contributions.groups import Group, Sealed
from consent.models import Contribution, Grant, Partner
from keys.models import CategoryKey
from vault.models import Record, Source


@transaction.atomic
def put(
    items: Sequence[Sealed], groups: Sequence[Group], named: Sequence[str], name: str, now: datetime
) -> tuple[int, list[int], list[UUID]]:
    """Do as `guard.put` does; return the log's size, the fresh groups' numbers, the events."""
    fresh = [number for number, group in enumerate(groups) if _still_so(group)]
    may = {id(groups[number]) for number in fresh}
    client = groups[0].facts.client.id
    used = set(
        Contribution.objects.filter(
            client=client, idempotency_key__in=[each.item.key for each in items]
        ).values_list("idempotency_key", flat=True)
    )
    going = [
        (each, known_as)
        for each, known_as in zip(items, named, strict=True)
        if id(each.group) in may and each.item.key not in used
    ]
    Contribution.objects.bulk_create(_contribution(each, known_as) for each, known_as in going)
    Record.objects.bulk_create(_record(each, name, now) for each, _ in going)
    log.insert_many([each.entry for each, _ in going])
    size = LogState.objects.values_list("size", flat=True).first() or 0
    return size, fresh, [each.entry.event_id for each, _ in going]


def _still_so(group: Group) -> bool:
    facts, now = group.facts, timezone.now()
    grant, pod = facts.grant, facts.pod
    assert grant is not None and pod is not None  # a yes has both
    newest = CategoryKey.objects.filter(pod=pod.id, category=group.category.id)
    return (
        Partner.objects.filter(pk=facts.partner.id, epoch=facts.partner.epoch).exists()
        and Grant.objects.filter(pk=grant.id, epoch=grant.epoch, expires_at__gt=now)
        .filter(Q(bound_ends_at=None) | Q(bound_ends_at__gt=now))
        .exists()
        and facts.client.token_expires_at > now
        and newest.aggregate(newest=Max("version"))["newest"] == group.key.version
    )


def _contribution(each: Sealed, named: str) -> Contribution:
    grant = each.group.facts.grant
    assert grant is not None
    return Contribution(
        client_id=each.group.facts.client.id,
        grant_id=grant.id,
        idempotency_key=each.item.key,
        body_digest=each.item.body_digest,
        category=each.group.category.id,
        records=[named],
        event_id=each.entry.event_id,
    )


def _record(each: Sealed, name: str, now: datetime) -> Record:
    pod = each.group.facts.pod
    assert pod is not None
    return Record(
        id=each.record,
        pod_id=pod.id,
        category=each.group.category.id,
        key_version=each.group.key.version,
        source=Source.PARTNER,
        source_partner=str(each.group.facts.partner.id),
        source_name=name,
        obtained_at=now,
        changed_at=now,
        occurred_at=each.occurred_at,
        sealed=each.sealed,
    )
