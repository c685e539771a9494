"""What a person's sign-ins leave in the log."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction

from accounts.models import User
from audit import log, nobody, tally
from audit.types import EntryType
from keys import tree
from keys.models import Key, Kind


def role_of(user: User) -> str:
    """Return as whom this account acts in its own matters."""
    return "operator" if user.is_staff else "owner"


def audit_key_of(user: User) -> UUID | None:
    """Return the key that seals details about this person; None without a pod, or once erased."""
    found = Key.objects.filter(kind=Kind.AUDIT, ref=tree.person_ref(user.ref))
    return found.values_list("id", flat=True).first()


def sign_in_failed(user: User | None) -> None:
    """Append that somebody failed to sign in to an account, and count it with all the others.

    Where there is no such account the same statements run, and only the count stays: the time
    tells nobody who has one, and guesses at others do not fill the log.
    """
    ref = nobody.REF if user is None else user.ref
    known = Key.objects.filter(kind=Kind.AUDIT, ref=tree.person_ref(ref))
    key = known.values_list("id", flat=True).first()
    if key is None and user is None:
        key = nobody.key()
    draft = log.Draft(
        type=EntryType.LOGIN_FAILED,
        role="owner" if user is None else role_of(user),
        account=None if user is None else user.ref,
        outcome="failed",
        person=ref if key else None,
        audit_key=key,
    )
    counted = log.Draft(
        type=EntryType.LOGIN_FAILED, role="owner", outcome="refused", reason="sign-in-failed"
    )
    with transaction.atomic():
        before = transaction.savepoint()
        log.append(draft)
        if user is None:
            transaction.savepoint_rollback(before)
        else:
            transaction.savepoint_commit(before)
        tally.refuse(counted, b"sign-ins", within=timedelta(hours=1))


def append(user: User, entry_type: EntryType, *, outcome: str = "ok") -> None:
    """Append what just happened to this account. No address and no device is noted."""
    key = audit_key_of(user)
    draft = log.Draft(
        type=entry_type,
        role=role_of(user),
        account=user.ref,
        outcome=outcome,
        person=user.ref if key else None,
        audit_key=key,
    )
    with transaction.atomic():
        log.append(draft)
