"""What happens when a partner leaves an obligation unanswered (consent.md 8.2, 10.2).

Stage 1, when it is due: its privacy officer gets a mail. Stage 2: it may ask nothing new.
Stage 3: it is flagged for the regulator. None of it ends the obligation.
"""

import logging
from datetime import datetime

from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from audit.types import EntryType
from consent import letters
from consent.models import Letter, Obligation
from consent.revocation import bars, clocks, entries
from keys.exceptions import KeysError

logger = logging.getLogger(__name__)

LAST_STAGE = 3
BATCH = 200


def escalate_overdue(now: datetime | None = None, limit: int = BATCH) -> int:
    """Take overdue obligations to the stage that their age deserves; return how many moved."""
    now = now or timezone.now()
    overdue = (
        Obligation.objects.overdue(now)
        .filter(escalation__lt=LAST_STAGE)
        .select_related("partner")
        .order_by("escalation", "due_at")
    )
    return sum(_escalated(one, now) for one in overdue[:limit])


def _escalated(obligation: Obligation, now: datetime) -> bool:
    try:
        return _escalate(obligation, now)
    except (ValueError, KeysError):
        # One that cannot be moved does not stop the others.
        logger.exception("an obligation cannot be escalated")
        return False


def _escalate(obligation: Obligation, now: datetime) -> bool:
    stage = obligation.escalation + 1
    due = clocks.escalation_due(obligation.opened_at, stage, obligation.partner.bound_by)
    if due is None or now < due:
        return False
    # The mail goes first: a process that dies in between sends it twice, never not at all.
    if stage == 1 and not _mail(obligation) and not _is_next_due(obligation, now):
        return False
    return _record(obligation, stage, now)


@transaction.atomic
def _record(obligation: Obligation, stage: int, now: datetime) -> bool:
    unmoved = Obligation.objects.open().filter(pk=obligation.pk, escalation=stage - 1)
    if not unmoved.update(escalation=stage, escalated_at=now):
        return False
    held = Obligation.objects.select_related("grant__pod__owner").get(pk=obligation.pk)
    entry_type = EntryType.OBLIGATION_OVERDUE if stage == 1 else EntryType.OBLIGATION_ESCALATED
    entry = entries.of_obligation(entry_type, held, count=stage, outcome="failed")
    entries.append_many([entry])
    if stage == 1:
        letters.of_grants([held.grant], Letter.Kind.OVERDUE, now)
    if stage == bars.STAGE:
        bars.put(obligation.partner_id, now)
    return True


def _is_next_due(obligation: Obligation, now: datetime) -> bool:
    due = clocks.escalation_due(obligation.opened_at, 2, obligation.partner.bound_by)
    return due is not None and now >= due


def _mail(obligation: Obligation) -> bool:
    """Tell the partner's privacy officer; no person and no pod value stands in the mail."""
    partner = obligation.partner
    with translation.override("ko" if partner.country == "KR" else "en"):
        subject = _("Proof of destruction is overdue: %(id)s") % {"id": obligation.pk}
        body = _(
            "A customer ended a consent. Your answer on what became of the copies was due on "
            "%(date)s and has not arrived.\n\nObligation: %(id)s\nGrant: %(grant)s\n\n"
            "Please send the signed attestation. If it stays open, new requests by your company "
            "are no longer accepted, and the authority in charge is told."
        ) % {
            "date": date_format(obligation.due_at, "DATE_FORMAT"),
            "id": obligation.pk,
            "grant": obligation.grant_id,
        }
    try:
        return EmailMessage(subject, body, to=[partner.officer_mail]).send() == 1
    except OSError:
        # smtplib's errors are OSErrors; the address stays out of the log.
        logger.exception("a mail to a privacy officer was not taken and is tried again")
        return False
