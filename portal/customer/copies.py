"""The choice about copies on every page that ends something: deleted, or deleted or anonymised (7.3)."""

from collections.abc import Collection, Iterable

from django.http import HttpRequest

from consent import grants
from consent.models import Grant


def brands(shared: Iterable[tuple[str, Grant]], categories: Collection[str] = ()) -> list[str]:
    """Return those brands, of these names and grants, about whose copies the owner has the choice.

    With `categories` only copies of these would have to go.
    """
    named = list(shared)
    copies = grants.deletable(grant for _, grant in named)
    chosen = [
        name
        for name, grant in named
        if any(not categories or each in categories for each in copies.get(grant.pk, ()))
    ]
    return list(dict.fromkeys(chosen))


def may_anonymise(request: HttpRequest) -> bool:
    """Return whether the owner leaves it to the brand; anything else that is sent means deletion."""
    return request.POST.get("copies") == "either"
