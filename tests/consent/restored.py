"""What the tests of recovery share: a stay, how a hotel reads it, and what must hold afterwards."""

from typing import Any

from consent.access import calls, reading
from consent.models import Client, Grant
from consent.oauth import tokens
from tests import cast
from tests.leaves import leaves

THREE = [cast.make_item(name) for name in ("stay", "itinerary", "preferences")]
STAY = {"hotel": "Maru Hotel", "room": "1204", "check_in": "2026-11-20", "check_out": "2026-11-22"}
WITHDRAWN = Grant.EndKind.WITHDRAWN
LOST = "lost-in-restore"


def read(grant: Grant, hotel: Client, **changes: Any) -> dict[str, Any]:
    """Read the stay as the hotel would, with a token of its own."""
    token = tokens.digest(tokens.issue(hotel))
    body = {"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE}
    return reading.read(token, calls.parse(body | changes))


def fresh(grant: Grant) -> Grant:
    return Grant.objects.select_related("pod__owner", "partner").get(pk=grant.pk)


def need_open_as_the_log_says(grant: Grant) -> None:
    """Hold a readable grant to the last leaf that opened it."""
    row = fresh(grant)
    said = [each for each in leaves(grant=grant.ref) if "opens" in each][-1]
    live = row.items.filter(ended_at=None)
    assert row.is_live
    assert row.epoch == said["opens"]
    assert sorted({each.category for each in live}) == said["categories"]
    assert sorted({each.action for each in live}) == said["actions"]
    assert not [each for each in leaves(grant=grant.ref) if each.get("closes") == row.epoch]
