"""Ends formally what a clock or a budget has stopped already: run out, or used up.

Nothing was served any more; the end says so to everybody, and starts what is owed.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, IntegerField, OuterRef
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.utils import timezone

from consent import batches, locking
from consent.access import repeats
from consent.actors import Actor
from consent.grants import cutting
from consent.grants.cutting import End
from consent.models import Grant, GrantItem, GrantQuerySet, GrantUse, RequestItem, SpentRepeat

BATCH = 200


def end_run_out(limit: int = BATCH) -> int:
    """End what ran out, and what was used up, at most `limit` of each; return how many."""
    now = timezone.now()
    expired = Grant.objects.run_out(now).order_by("expires_at")
    return sum(
        batches.do(list(due.values_list("pk", flat=True)[:limit]), partial(_end, kind))
        for due, kind in (
            (expired, Grant.EndKind.EXPIRED),
            (used_up(now).order_by("pk"), Grant.EndKind.CONSUMED),
        )
    )


def used_up(now: datetime) -> GrantQuerySet:
    """Return the grants whose budget in all is spent, and under which nothing else can happen.

    The last answer may be repeated for ten minutes (6.4); until then the grant stands.
    """
    spent = GrantUse.objects.filter(
        grant=OuterRef("pk"), bucket="total", used__gte=OuterRef("most")
    )
    repeatable = SpentRepeat.objects.filter(grant=OuterRef("pk"), made_at__gt=now - repeats.FOR)
    other = GrantItem.objects.filter(grant=OuterRef("pk"), ended_at=None).exclude(
        action=RequestItem.Action.READ
    )
    budgeted = Grant.objects.unended().filter(frequency__unit="total")
    return budgeted.annotate(most=Cast(KT("frequency__count"), IntegerField())).filter(
        Exists(spent), ~Exists(repeatable), ~Exists(other)
    )


@transaction.atomic
def _end(kind: Grant.EndKind, ids: Sequence[UUID]) -> int:
    now = timezone.now()
    held = locking.every(_DUE[kind](now).filter(pk__in=ids))
    cutting.cut(held, End(kind=kind, reason="", actor=Actor.system(), at=now))
    return len(held)


_DUE: dict[Grant.EndKind, Callable[[datetime], GrantQuerySet]] = {
    Grant.EndKind.EXPIRED: Grant.objects.run_out,
    Grant.EndKind.CONSUMED: used_up,
}
