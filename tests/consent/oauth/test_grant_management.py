"""A grant as its client sees it."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from consent import grants
from consent.actors import Actor
from consent.models import Client, Grant
from consent.oauth import grant_management
from tests import cast
from vault.models import Pod


@pytest.mark.rule("Grant Management for OAuth 2.0", "6.3")
def test_a_grant_that_was_narrowed_says_when(pod: Pod, hotel: Client, owner: Actor) -> None:
    grant = cast.make_grant(pod, hotel, items=[cast.make_item("stay"), cast.make_item("itinerary")])
    before = grant_management.query(grant)
    assert before["last_updated_at"] == before["created_at"] == int(grant.given_at.timestamp())

    later = timezone.now() + timedelta(seconds=5)
    with time_machine.travel(later, tick=False):
        grants.end_item(grant.items.get(category="stay"), Grant.EndKind.WITHDRAWN, "", owner)
        seen = grant_management.query(Grant.objects.get())

    assert seen["last_updated_at"] == int(later.timestamp())
    assert [each["datatypes"] for each in seen["authorization_details"]] == [["itinerary"]]
