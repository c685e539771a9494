"""What happens when a partner leaves an obligation unanswered (consent.md 8.2, 10.2).

Stage 1, when it is due: its privacy officer gets a mail. Stage 2: it may ask nothing new.
Stage 3: it is flagged for the regulator. None of it ends the obligation.
"""

import logging
from datetime import datetime
from itertools import islice
from uuid import UUID

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
    """Take overdue obligations to the stage that their age deserves; return how many moved.

    At most `limit` move. All are looked at: many that wait for a stage of theirs, or whose mail
    nobody takes, must not keep the others from theirs.
    """
    now = now or timezone.now()
    overdue = Obligation.objects.overdue(now).filter(escalation__lt=LAST_STAGE)
    # Mails come last: they take time, and sometimes nobody takes them.
    in_order = overdue.select_related("partner").order_by("-escalation", "due_at")
    due = [one.pk for one in in_order.iterator() if _is_due(one, now)]
    unreached: set[UUID] = set()
    moved = (pk for pk in due if _escalated(pk, now, unreached))
    return sum(1 for _pk in islice(moved, limit))


def _is_due(obligation: Obligation, now: datetime) -> bool:
    due = clocks.escalation_due(
        obligation.opened_at, obligation.escalation + 1, obligation.partner.bound_by
    )
    return due is not None and now >= due


def _escalated(obligation_id: UUID, now: datetime, unreached: set[UUID]) -> bool:
    try:
        return _escalate(obligation_id, now, unreached)
    except (ValueError, KeysError):
        # One that cannot be moved does not stop the others.
        logger.exception("an obligation cannot be escalated")
        return False


def _escalate(obligation_id: UUID, now: datetime, unreached: set[UUID]) -> bool:
    """Move one that is due. `unreached`: the partners whose mail was not taken in this turn."""
    obligation = Obligation.objects.select_related("partner").get(pk=obligation_id)
    stage = obligation.escalation + 1
    # The mail goes first: a process that dies in between sends it twice, never not at all.
    if stage == 1 and not _is_told(obligation, unreached) and not _is_next_due(obligation, now):
        return False
    return _record(obligation, stage, now)


def _is_told(obligation: Obligation, unreached: set[UUID]) -> bool:
    if obligation.partner_id in unreached:
        return False
    taken = _mail(obligation)
    if not taken:
        unreached.add(obligation.partner_id)
    return taken


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
