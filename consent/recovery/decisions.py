"""Does again to requests, obligations and accounts what the log says happened to them."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone

from accounts.models import User
from audit.types import EntryType
from consent.models import AccessRequest, Obligation
from consent.recovery import rows
from consent.recovery.states import LOST
from consent.requests import closing
from consent.revocation import clocks, deliveries
from consent.revocation.events import EventType


def replay(said: dict[str, Any]) -> None:
    """Do one lost decision again."""
    _CHANGES[said["type"]](said)


def _approve(said: dict[str, Any]) -> None:
    """Close a request whose approval is lost: the decision stands, but not what was chosen.

    Its partner learns that, and may ask again.
    """
    request = _undecided(said)
    if request is not None:
        request.decided_at = request.closed_at = rows.moment(said)
        request.refusal_reason, request.refusal_reason_shared = LOST, True
        request.save()
        closing.tell_closed(request)


def _decline(said: dict[str, Any]) -> None:
    request = _undecided(said)
    if request is not None:
        request.decided_at = request.refused_at = rows.moment(said)
        request.closed_at = rows.moment(said) if request.in_session else None
        request.save()
        if request.in_session:
            closing.tell_closed(request)


def _close(said: dict[str, Any]) -> None:
    request = _undecided(said)
    if request is not None:
        request.closed_at = rows.moment(said)
        request.save()
        if said["type"] == EntryType.REQUEST_EXPIRED:
            closing.tell_closed(request)


def _undecided(said: dict[str, Any]) -> AccessRequest | None:
    found = AccessRequest.objects.filter(ref=said.get("request", ""), closed_at=None)
    return found.filter(decided_at=None).select_related("partner").first()


def _abandon(said: dict[str, Any]) -> None:
    Obligation.objects.open().filter(ref=said.get("obligation", "")).update(
        abandoned_at=rows.moment(said), abandoned_reason=LOST
    )


def _ask_again(said: dict[str, Any]) -> None:
    """Ask again for a signed answer that was lost, with the time that such an answer has."""
    found = Obligation.objects.open().filter(ref=said.get("obligation", ""))
    owed = found.select_related("grant", "partner").first()
    if owed is None:
        return
    owed.due_at = clocks.attest_due(timezone.now(), owed.partner.bound_by)
    owed.save(update_fields=["due_at"])
    kind = owed.grant.end_kind
    told = EventType(f"grant-{kind}") if kind else EventType.ITEM_ENDED
    deliveries.enqueue(owed.partner, owed.grant, told, {"reason": LOST}, obligation=owed)


def _close_account(said: dict[str, Any]) -> None:
    User.objects.filter(ref=_account(said)).update(is_active=False)


def _remove_role(said: dict[str, Any]) -> None:
    user = User.objects.filter(ref=_account(said)).first()
    if user is not None:
        User.objects.filter(pk=user.pk).update(is_staff=False, is_superuser=False)
        user.groups.clear()


def _account(said: dict[str, Any]) -> str:
    # Named as the object, or else it was its owner's own act.
    return str(said.get("account") or said["actor"].get("account", ""))


_CHANGES: dict[str, Callable[[dict[str, Any]], None]] = {
    EntryType.REQUEST_APPROVED: _approve,
    EntryType.REQUEST_DECLINED: _decline,
    EntryType.REQUEST_CANCELLED: _close,
    EntryType.REQUEST_EXPIRED: _close,
    EntryType.OBLIGATION_ABANDONED: _abandon,
    EntryType.OBLIGATION_ATTESTED: _ask_again,
    EntryType.ACCOUNT_CLOSED: _close_account,
    EntryType.ROLE_REMOVED: _remove_role,
}
TYPES = frozenset(_CHANGES)
