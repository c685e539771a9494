"""What a person's sign-ins leave in the log."""

from uuid import UUID

from django.db import transaction

from accounts.models import User
from audit import log
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
