"""No new requests for a partner that leaves obligations unanswered (consent.md 8.2). Reads go on."""

from datetime import datetime
from uuid import UUID

from audit import log
from audit.log import Draft
from audit.types import EntryType
from consent.models import Obligation, Partner

STAGE = 2  # of an obligation's escalation


def put(partner_id: UUID, now: datetime) -> None:
    """Bar a partner. The caller is in a transaction; twice is once.

    Its row is held though it is barred already: who would lift that bar must see why it stays.
    """
    held = Partner.objects.select_for_update(no_key=True).get(pk=partner_id)
    if held.requests_barred_at is None:
        Partner.objects.filter(pk=partner_id).update(requests_barred_at=now)
        _append(partner_id, "requests-barred")


def lift(partner_id: UUID) -> None:
    """Let a partner ask again if nothing that barred it is open any more."""
    barred = Partner.objects.filter(pk=partner_id, requests_barred_at__isnull=False)
    if barred.select_for_update(no_key=True).first() is None:
        return
    still = Obligation.objects.open().filter(partner_id=partner_id, escalation__gte=STAGE)
    if not still.exists():
        barred.update(requests_barred_at=None)
        _append(partner_id, "requests-allowed")


def _append(partner_id: UUID, reason: str) -> None:
    partner = Partner.objects.get(pk=partner_id)
    log.append(
        Draft(
            type=EntryType.PARTNER_CHANGED,
            role="system",
            partner_object=partner.ref,
            reason=reason,
        )
    )
