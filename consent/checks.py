"""What must be true of the settings for the partner's door, as a Django check."""

from typing import Any

from django.conf import settings
from django.core import checks


@checks.register("consent", deploy=True)
def proofs_are_seen_by_all(**_: Any) -> list[checks.CheckMessage]:
    """Report a production vault whose processes would each remember DPoP proofs for themselves."""
    if not settings.PRODUCTION or settings.CACHE_URL:
        return []
    return [
        checks.Error(
            "Without CACHE_URL a DPoP proof counts once in each process instead of once.",
            hint="Set CACHE_URL to a Redis that all web processes share.",
            id="consent.E001",
        )
    ]
