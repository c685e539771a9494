"""When addresses were last verified: after a year one no longer leads brands to anybody (3.3).

Signing in asks only whether an address is verified, not when.
"""

from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed
from django.dispatch import receiver
from django.utils import timezone

from accounts.models import MailProof, User


def make_verified(user: User) -> None:
    """Give an account its address as one that needs no mail to be proved."""
    note(EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True))


def note(address: EmailAddress) -> None:
    """Note that this address was verified now."""
    shown = {"user_id": address.user_id, "proved_at": timezone.now()}
    MailProof.objects.update_or_create(address=address.pk, defaults=shown)


@receiver(email_confirmed, dispatch_uid="accounts.proofs")
def _on_confirmed(*, email_address: EmailAddress, **_: Any) -> None:
    """Note what allauth confirmed: at sign-up, or for a further address."""
    note(email_address)


def of(user: User) -> list[tuple[str, datetime | None]]:
    """Return the verified addresses of an account, the first one first, and when each was proved."""
    verified = EmailAddress.objects.filter(user=user, verified=True).order_by("-primary", "email")
    proved = dict(MailProof.objects.filter(user=user).values_list("address", "proved_at"))
    return [(each.email, proved.get(each.pk)) for each in verified]
