"""What its owner chose about the copies at an end that was lost is asked of the brand again."""

import pytest

from consent import erasure, grants
from consent.actors import Actor
from consent.models import Client, Delivery, Grant, Obligation, Partner
from tests import cast
from tests.backups import Taken, lose, recover
from tests.consent.restored import STAY, THREE, WITHDRAWN, fresh, read
from tests.leaves import leaves
from vault import pods
from vault.models import Pod

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bound(pod: Pod, hotel: Client) -> Grant:
    """Three categories with a brand in Australia, which has read one."""
    Partner.objects.filter(pk=hotel.partner_id).update(country="AU")
    grant = cast.make_grant(pod, hotel, items=THREE)
    pods.put(grant.pod, "stay", STAY)
    read(grant, hotel)
    return fresh(grant)


@pytest.mark.rule("consent.md", "7.3")
@pytest.mark.parametrize("may_anonymise", [False, True])
def test_what_was_chosen_at_an_end_is_asked_again(
    bound: Grant, owner: Actor, back_up: Taken, may_anonymise: bool
) -> None:
    backup = back_up()
    grants.end(bound, WITHDRAWN, "", owner, may_anonymise=may_anonymise)
    lose(backup)

    recover()

    wanted = not may_anonymise
    assert Obligation.objects.get().deletion_only == wanted
    told = Delivery.objects.get(event_type="grant-withdrawn").claims["payload"]
    assert ("deletion_only" in told["obligations"][0]) == wanted
    # The lost entry, at its own place again, and that of the new obligation say the same.
    assert [each.get("kind") == "deletion" for each in leaves("obligation.made")] == [wanted] * 2


@pytest.mark.rule("consent.md", "7.3")
def test_where_the_parts_of_a_grant_differ_all_of_it_is_to_be_deleted(
    bound: Grant, owner: Actor, back_up: Taken
) -> None:
    backup = back_up()
    grants.end_item(bound.items.get(category="stay"), WITHDRAWN, "", owner)
    grants.end(fresh(bound), WITHDRAWN, "", owner, may_anonymise=True)
    lose(backup)

    recover()

    assert Obligation.objects.get().deletion_only
    assert set(Obligation.objects.get().categories) == {"stay", "itinerary", "preferences"}


@pytest.mark.parametrize("may_anonymise", [False, True])
def test_a_part_that_ended_is_asked_again_as_it_was_chosen(
    bound: Grant, owner: Actor, back_up: Taken, may_anonymise: bool
) -> None:
    backup = back_up()
    item = bound.items.get(category="stay")
    grants.end_item(item, WITHDRAWN, "", owner, may_anonymise=may_anonymise)
    lose(backup)

    recover()

    assert fresh(bound).is_live
    assert Obligation.objects.get().categories == ["stay"]
    assert Obligation.objects.get().deletion_only == (not may_anonymise)


def test_what_was_erased_is_to_be_deleted(bound: Grant, owner: Actor, back_up: Taken) -> None:
    backup = back_up()
    erasure.erase_category(bound.pod, "stay", owner)
    lose(backup)

    recover()

    assert [one.deletion_only for one in Obligation.objects.all()] == [True]
