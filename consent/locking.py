"""Rows held in the one lock order: pod → partner → membership → grants by id → grant_use → log.

The pod is held by `vault.holding`; suspending a partner holds its row alone (`partners.lock`).
"""

from collections.abc import Collection, Iterable
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Prefetch, prefetch_related_objects

from accounts.models import User
from consent import joined
from consent.exceptions import PartnerSuspended
from consent.models import AccessRequest, Grant, GrantQuerySet, Membership, Partner
from vault.models import Pod


def live_partner(partner_id: UUID) -> Partner:
    """Hold a partner so that it cannot be suspended until we commit. Raises `PartnerSuspended`.

    Shared, so that reads and other approvals of the same partner go on.
    """
    held = partner(partner_id)
    if not held.is_live:
        raise PartnerSuspended
    return held


def partner(partner_id: UUID) -> Partner:
    """Hold a partner against suspension and return it as it is now."""
    _share("SELECT 1 FROM consent_partner WHERE id = %s FOR SHARE", partner_id)
    return Partner.objects.get(pk=partner_id)


def members(alliance_id: UUID, partner_ids: Collection[UUID]) -> bool:
    """Hold partners in an alliance until we commit; return whether all of them are members."""
    here = Membership.objects.filter(alliance=alliance_id, partner__in=partner_ids, left_at=None)
    ids = sorted(here.values_list("pk", flat=True))
    for membership_id in ids:
        _share("SELECT 1 FROM consent_membership WHERE id = %s FOR SHARE", membership_id)
    # Asked again now that they are held: one of them may have left meanwhile.
    return here.filter(pk__in=ids).count() == len(partner_ids)


def steady_grant(grant_id: UUID) -> Grant:
    """Hold a grant so that it cannot change until we commit, and others may hold it too."""
    _share("SELECT 1 FROM consent_grant WHERE id = %s FOR SHARE", grant_id)
    return Grant.objects.get(pk=grant_id)


def grants(ids: Iterable[UUID]) -> list[Grant]:
    """Hold these grants, in the order of their ids, and return them as they are now."""
    return every(Grant.objects.filter(pk__in=list(ids)))


def every(chosen: GrantQuerySet) -> list[Grant]:
    """Hold every grant of a set, in the order of their ids, and return them as they are now.

    What no longer belongs to the set when its row is got is left out. Rows that point at a
    grant may be written meanwhile (no key is changed), reads and other changes may not.
    """
    # Many grants are of few pods: each pod and owner is fetched once, not once a grant.
    pods = Prefetch("pod", Pod.objects.select_related("owner"))
    return list(_held(chosen.select_related("partner", "request")).prefetch_related(pods))


def grant(grant_id: UUID) -> Grant:
    """Hold one grant and return it as it is now. Raises `Grant.DoesNotExist`."""
    if connection.vendor == "postgresql":
        return _grant_by_hand(grant_id)
    return _held(Grant.objects.select_related("partner", "pod__owner", "request")).get(pk=grant_id)


def _grant_by_hand(grant_id: UUID) -> Grant:
    """Do what `grant` does with a statement that is composed already: readers wait behind it."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("a grant is held in a transaction")
    with connection.cursor() as cursor:
        cursor.execute(_GRANT, [grant_id])
        row = cursor.fetchone()
    if row is None:
        raise Grant.DoesNotExist
    held: Grant
    held, held.partner, held.pod, held.pod.owner, held.request = joined.loaded(_TABLES, row)
    # A statement of its own: it sees what was committed while the lock was waited for.
    prefetch_related_objects([held], "items")
    return held


_TABLES: joined.Tables = (
    ("g", Grant), ("p", Partner), ("d", Pod), ("u", User), ("r", AccessRequest),
)  # fmt: skip
_GRANT = f"""
SELECT {joined.columns(_TABLES)}
  FROM consent_grant g
  JOIN consent_partner p ON p.id = g.partner_id
  JOIN vault_pod d ON d.id = g.pod_id
  JOIN accounts_user u ON u.id = d.owner_id
  JOIN consent_accessrequest r ON r.id = g.request_id
 WHERE g.id = %s FOR NO KEY UPDATE OF g
"""  # noqa: S608 names of our own tables


def _held(chosen: GrantQuerySet) -> GrantQuerySet:
    rows = chosen.select_for_update(of=("self",), no_key=True)
    return rows.prefetch_related("items").order_by("pk")


def _share(statement: str, row_id: UUID | int) -> None:
    # What is read next is a statement of its own: it sees what was committed during the wait.
    # SQLite needs no lock: its writing transactions come one after the other.
    if connection.features.has_select_for_update:
        with connection.cursor() as cursor:
            cursor.execute(statement, [row_id])
