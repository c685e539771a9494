"""The owner's choice at an end between deletion alone and deletion or anonymising (consent.md 7.3).

Only where a profile that binds the brand leaves it to the owner: Australia's Consumer Data Right
(rules 1.18 and 4.14) and Korean credit law. Everywhere else a brand may do either.
"""

from collections.abc import Iterable
from uuid import UUID

from consent import profiles
from consent.models import Grant
from consent.revocation import obligations


def deletable(grants: Iterable[Grant]) -> dict[UUID, list[str]]:
    """Return, by the grant's id, the copies that would have to go and about which its owner can choose."""
    return obligations.would_owe(
        [grant for grant in grants if profiles.deletion_choice(grant.partner.bound_by)]
    )
