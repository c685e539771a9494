"""A stand-in for people who are not there, so that looking for them costs what finding them costs.

Its log details are sealed under a key of the house that no page opens and no retention outlives.
"""

from contextlib import suppress
from uuid import UUID

from django.db import IntegrityError, transaction

from keys import tree
from keys.models import Key, Kind

REF = "0" * 32  # no account's log reference: those are random


def key() -> UUID:
    """Return the id of nobody's audit key; it is made once in the life of a vault."""
    known = Key.objects.filter(kind=Kind.AUDIT, ref=tree.person_ref(REF))
    ids = known.values_list("id", flat=True)
    if (found := ids.first()) is not None:
        return found
    make()
    return ids.get()


def make() -> None:
    """Make the key, unless another process has just made it."""
    with suppress(IntegrityError), transaction.atomic():
        tree.make_audit_key(REF)
