"""Opens what partners owe after an end: one obligation per holder of copies (consent.md 8.1).

Works on any number of grants with the same few statements: ending everything must not take
longer for somebody who is known to a thousand brands.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.utils import timezone

from audit import log
from audit.log import Draft
from audit.models import Detail
from audit.types import EntryType
from consent import inserting, profiles
from consent.models import Grant, Obligation, RequestItem
from consent.revocation import clocks, entries

Owed = dict[UUID, list[Obligation]]
# The `kind` of an opening entry whose obligation only deletion settles.
DELETION = "deletion"


def open_for(
    grant: Grant,
    now: datetime | None = None,
    *,
    categories: Iterable[str] | None = None,
    deletion: bool = False,
) -> list[Obligation]:
    """Open what the partner owes now that this grant, or `categories` of it, ended: one per holder.

    Nothing is owed where nothing was ever read, or where the owner consented apart to leaving
    it there. A superseded grant's copies live on under its successor: name in `categories`
    what the successor lacks, otherwise nothing is owed. With `deletion` its owner wants the copies
    deleted wherever a profile that binds the partner leaves the owner this choice. The caller ends the grant in this
    transaction and holds its lock, so no read can slip in between; twice is once.
    """
    named = None if categories is None else {grant.pk: categories}
    owed = open_all([grant], now or timezone.now(), categories=named, deletion=deletion)
    log.append_many(drafts(owed))
    return owed.get(grant.pk, [])


def open_all(
    ended: Sequence[Grant],
    now: datetime,
    *,
    categories: Mapping[UUID, Iterable[str]] | None = None,
    deletion: bool = False,
) -> Owed:
    """Do `open_for` for several grants; `categories` gives those of some grants by their id.

    The caller appends `drafts`, together with what it has to say itself.
    """
    named = categories or {}
    read = _read([grant for grant in ended if grant.kept_by_consent_at is None])
    held = [grant for grant in ended if grant.ref in read]
    before = _before(held)
    bound = {grant.partner.bound_by for grant in held}
    due = {each: clocks.attest_due(now, each) for each in bound}
    only = {each: deletion and profiles.deletion_choice(each) for each in bound}
    owed: Owed = {}
    fresh: list[Obligation] = []
    for grant in held:
        names = _gone(grant, named.get(grant.pk), before[grant.pk])
        if not names:
            continue
        bound_by = grant.partner.bound_by
        same = [one for one in before[grant.pk] if one.epoch == grant.epoch]
        if same:
            owed[grant.pk] = _widened(same, names, only[bound_by])
            continue
        owed[grant.pk] = _new(grant, names, now, due[bound_by], only[bound_by])
        fresh += owed[grant.pk]
    inserting.insert_all(Obligation, fresh)
    return owed


def would_owe(grants: Sequence[Grant]) -> dict[UUID, list[str]]:
    """Return, by the grant's id, the categories that would be owed if it ended now."""
    read = _read(grants)
    held = [grant for grant in grants if grant.ref in read]
    before = _before(held)
    named = {grant.pk: _gone(grant, None, before[grant.pk]) for grant in held}
    return {grant: names for grant, names in named.items() if names}


def drafts(owed: Owed) -> list[Draft]:
    """Return the entries that say what was opened."""
    return [
        entries.of_obligation(
            EntryType.OBLIGATION_MADE,
            each,
            outcome="ok",
            kind=DELETION if each.deletion_only else None,
        )
        for opened in owed.values()
        for each in opened
    ]


def was_read(grant: Grant) -> bool:
    """Return whether at least one read under this grant was answered with data."""
    return grant.ref in _read([grant])


def _read(grants: Sequence[Grant]) -> set[str]:
    """Return the references of those grants under which something was read.

    A read is entered before its records are opened; where that then failed, a `record.failed`
    takes it back.
    """
    refs = [grant.ref for grant in grants]
    if not refs:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_READ.format(", ".join(["%s"] * len(refs))), refs)
        failed = dict(cursor.fetchall())
    return {ref for ref, some in failed.items() if not some} | _read_once_more(
        [ref for ref, some in failed.items() if some]
    )


# By hand: Django would compose it anew while readers wait behind the lock of a grant that ends.
_READ = f"""
SELECT g.ref, EXISTS (SELECT 1 FROM audit_detail f
                       WHERE f.grant_ref = g.ref AND f.type = '{EntryType.RECORD_FAILED}')
  FROM consent_grant g
 WHERE g.ref IN ({{}})
   AND EXISTS (SELECT 1 FROM audit_detail r
                WHERE r.grant_ref = g.ref AND r.type = '{EntryType.RECORD_READ}')
"""  # noqa: S608 our own words


def _read_once_more(refs: Sequence[str]) -> set[str]:
    """Return those references with more reads than failures.

    Looks at one read more than failed and no further: an end must not wait for a million.
    """
    if not refs:
        return set()
    failures = Detail.objects.filter(grant_ref__in=refs, type=EntryType.RECORD_FAILED)
    by_count = defaultdict(list)
    for ref, failed in failures.values_list("grant_ref").annotate(Count("seq")):
        by_count[failed].append(ref)
    reads = _entered(EntryType.RECORD_READ)
    return {
        ref
        for failed, some in by_count.items()
        for ref in Grant.objects.filter(Exists(reads[failed : failed + 1]), ref__in=some)
        .order_by()
        .values_list("ref", flat=True)
    }


def _entered(entry_type: EntryType) -> QuerySet[Detail]:
    return Detail.objects.filter(grant_ref=OuterRef("ref"), type=entry_type)


def _before(ended: Sequence[Grant]) -> defaultdict[UUID, list[Obligation]]:
    before: defaultdict[UUID, list[Obligation]] = defaultdict(list)
    if not ended:
        return before
    grants = {grant.pk: grant for grant in ended}
    for one in Obligation.objects.filter(grant__in=list(grants)):
        one.grant = grants[one.grant_id]
        before[one.grant_id].append(one)
    return before


def _gone(
    grant: Grant, categories: Iterable[str] | None, before: Iterable[Obligation]
) -> list[str]:
    if categories is None:
        if grant.end_kind == Grant.EndKind.SUPERSEDED:
            return []
        categories = [
            item.category for item in grant.items.all() if item.action == RequestItem.Action.READ
        ]
    # An item that ended before was owed for then.
    owed = {name for one in before for name in one.categories}
    return sorted(set(categories) - owed)


def _holders(grant: Grant) -> Sequence[str]:
    """Return the partner itself, as "", and whoever else it said would hold copies."""
    asked = grant.request
    named = [_name(one) for one in (*asked.processors, *asked.onward)]
    return ("", *dict.fromkeys(name for name in named if name))


def _name(declared: object) -> str:
    if isinstance(declared, dict):
        declared = declared.get("name") or declared.get("name_ko") or ""
    return str(declared)[:120]


def _new(
    grant: Grant, categories: list[str], now: datetime, due: datetime, only: bool
) -> list[Obligation]:
    return [
        Obligation(
            grant=grant,
            partner_id=grant.partner_id,
            epoch=grant.epoch,
            holder=holder,
            categories=categories,
            deletion_only=only,
            opened_at=now,
            due_at=due,
        )
        for holder in _holders(grant)
    ]


def _widened(opened: list[Obligation], categories: list[str], only: bool) -> list[Obligation]:
    """Add categories to what the same end opened a moment ago."""
    for obligation in opened:
        obligation.categories = sorted({*obligation.categories, *categories})
        obligation.deletion_only = obligation.deletion_only or only
    Obligation.objects.bulk_update(opened, ["categories", "deletion_only"])
    return opened
