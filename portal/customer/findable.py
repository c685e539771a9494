"""By which addresses brands find their owner, and until when."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from accounts import proofs
from accounts.models import User
from consent import profiles


@dataclass(frozen=True, slots=True)
class Findable:
    """A verified address, and until when a brand that knows it reaches its owner."""

    mail: str
    until: datetime | None  # None: nobody knows when it was verified

    @property
    def is_over(self) -> bool:
        """Return whether brands no longer find anybody by it."""
        return self.until is None or self.until <= timezone.now()


def by_mail(user: User) -> list[Findable]:
    """Return the verified addresses of an account, the first one first."""
    clock = profiles.length("hint_verified_within")
    return [
        Findable(mail, None if proved is None else proved + clock)
        for mail, proved in proofs.of(user)
    ]


def by_none(user: User) -> bool:
    """Return whether an account has addresses, and none by which brands still find it."""
    found = by_mail(user)
    return bool(found) and all(each.is_over for each in found)
