"""What is shut before anything comes back: tokens, sessions, repeats, and every budget.

What was spent, killed or signed out after the backup, the backup does not know.
"""

from collections.abc import Iterator
from datetime import datetime

from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from consent.access import budgets, repeats
from consent.models import Grant, GrantUse, SpentRepeat
from consent.recovery.plans import Plan
from vault.models import Record

BATCH = 1000


@transaction.atomic
def shut(plan: Plan, now: datetime | None = None) -> None:
    """Kill every token and session, let nothing be repeated, and count every budget as full.

    Calendar windows are full for all grants, until the next one begins: reads that were never
    signed may be missing from the log, too. A total, and a count for each record, is full
    where the log shows a read that the backup lacks.
    """
    now = now or timezone.now()
    _kill_tokens(now)
    Session.objects.all().delete()
    SpentRepeat.objects.update(repeats=repeats.MOST)
    with_budget = Grant.objects.unended().filter(frequency__isnull=False).order_by("pk")
    for grant in with_budget.iterator(chunk_size=BATCH):
        _fill(grant, list(_buckets(grant, plan, now)))


def _kill_tokens(now: datetime) -> None:
    """Kill tokens of every kind: whatever has a moment at which it was killed."""
    for model in apps.get_app_config("consent").get_models():
        if any(field.name == "killed_at" for field in model._meta.fields):
            model._default_manager.filter(killed_at=None).update(killed_at=now)


def _buckets(grant: Grant, plan: Plan, now: datetime) -> Iterator[str]:
    assert grant.frequency is not None
    unit = grant.frequency["unit"]
    if unit not in ("total", "record"):
        yield budgets.bucket(unit, grant.zone, now)
    elif plan.reads[grant.ref] and unit == "total":
        yield "total"
    elif plan.reads[grant.ref]:
        read = plan.read_categories[grant.ref]
        records = Record.objects.filter(pod_id=grant.pod_id, category__in=read)
        yield from (f"record:{each}" for each in records.values_list("pk", flat=True))


def _fill(grant: Grant, buckets: list[str]) -> None:
    assert grant.frequency is not None
    GrantUse.objects.bulk_create(
        [GrantUse(grant=grant, bucket=each, used=grant.frequency["count"]) for each in buckets],
        update_conflicts=True,
        unique_fields=["grant", "bucket"],
        update_fields=["used"],
    )
