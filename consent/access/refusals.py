"""Puts a refused call into the log: an entry at once, identical ones tallied (6.7)."""

import hashlib
from typing import Any
from uuid import UUID

from audit import log, tally
from audit.types import EntryType
from consent.access.decision import Facts
from consent.exceptions import ConsentError, GrantEnded, RateLimited
from consent.models import Obligation
from vault import categories, vocabulary

RAW_BYTES = 200  # of what a caller made up, and only in the sealed detail


def refuse(
    facts: Facts,
    audit_key: UUID | None,
    *,
    purpose: str,
    category: str,
    action: str,
    reason: str,
    times: int = 1,
) -> None:
    """Log that a known partner's call was refused. Commits by itself: the refusal outlives the error.

    `times` says how many of one call's parts were refused alike.
    """
    known_purpose = purpose if purpose in vocabulary.purposes() else "unknown"
    known_category = category if categories.find(category) else "unknown"
    grant, pod = facts.grant, facts.pod
    draft = log.Draft(
        type=EntryType.RECORD_REFUSED,
        role="partner",
        partner=facts.partner.ref,
        client=facts.client.ref,
        grant=grant.ref if grant else None,
        epoch=grant.epoch if grant else None,
        partner_epoch=facts.partner.epoch,
        purpose=known_purpose,
        categories=(known_category,),
        actions=(action,),
        outcome="refused",
        reason=reason,
        person=pod.person if pod and audit_key else None,
        audit_key=audit_key if pod else None,
        detail=_detail(purpose, category, known_purpose, known_category) if pod else None,
    )
    said = (reason, action, known_purpose, known_category)
    tally.refuse(draft, _sameness(facts, *said), times=times)


def too_many(*, partner: str, client: str, partner_epoch: int) -> None:
    """Log that a client's call came too fast: one entry a minute, the others tallied (6.7)."""
    draft = log.Draft(
        type=EntryType.RECORD_REFUSED,
        role="partner",
        partner=partner,
        client=client,
        partner_epoch=partner_epoch,
        outcome="refused",
        reason=RateLimited.code,
    )
    said = f"{client}\n{RateLimited.code}"
    tally.refuse(draft, hashlib.sha256(said.encode()).digest())


def with_obligation(refusal: ConsentError, facts: Facts) -> ConsentError:
    """Let the refusal of an ended grant name what its partner owes since then, if anything (6.5)."""
    if isinstance(refusal, GrantEnded) and facts.grant is not None:
        refusal.obligation = owed_after(facts.grant.id)
    return refusal


def owed_after(grant_id: UUID) -> str | None:
    """Return what a partner itself owes since a grant ended, by its id; None for nothing."""
    owed = Obligation.objects.filter(grant_id=grant_id, holder="")
    latest = owed.order_by("-opened_at").values_list("pk", flat=True).first()
    return None if latest is None else str(latest)


def _detail(purpose: str, category: str, known_purpose: str, known_category: str) -> dict[str, Any]:
    said = {}
    if known_purpose == "unknown":
        said["purpose"] = _short(purpose)
    if known_category == "unknown":
        said["category"] = _short(category)
    return said


def _short(text: str) -> str:
    return text.encode()[:RAW_BYTES].decode(errors="ignore")


def _sameness(facts: Facts, reason: str, action: str, purpose: str, category: str) -> bytes:
    # Calls are identical when the same client is refused the same thing about the same grant for
    # the same reason. Without a grant the subject is a stranger's word: all of them are one. So
    # are purposes and categories that nobody registered, or each made-up word would be an entry.
    who = facts.grant.ref if facts.grant else ""
    said = "\n".join((facts.client.ref, who, reason, action, purpose, category))
    return hashlib.sha256(said.encode()).digest()
