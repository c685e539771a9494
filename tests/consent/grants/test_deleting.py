"""The choice at an end between deletion alone and deletion or anonymising, where a profile gives it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from audit import exports
from consent import alliances, erasure, grants, profiles, receipts
from consent.actors import Actor
from consent.exceptions import UnknownThing
from consent.models import Client, Delivery, Grant, Journey, Obligation, Partner
from consent.revocation import obligations
from tests import airport, cast
from tests.audit.bundles import exported, sequenced, verified_apart
from tests.consent.alliances.test_deciding import asked_of, decide, yes
from tests.consent.grants.test_ending import read_once
from tests.consent.grants.test_ways import second_purpose
from tests.leaves import leaves, only
from vault.models import Pod

WITHDRAWN = Grant.EndKind.WITHDRAWN
BOUND = {"cdr": {"country": "AU"}, "kr-credit": {"declared_profiles": ["kr-credit"]}}
FREE = {"kr": {"country": "KR"}, "gdpr": {"country": "DE"}}
Way = Callable[..., object]
WAYS: dict[str, Way] = {
    "grant": lambda grant, by, **how: grants.end(grant, WITHDRAWN, "", by, **how),
    "item": lambda grant, by, **how: grants.end_item(grant.items.get(), WITHDRAWN, "", by, **how),
    "brand": lambda grant, by, **how: grants.end_partner(
        grant.pod, grant.partner, WITHDRAWN, "", by, **how
    ),
    "category": lambda grant, by, **how: grants.end_category(
        grant.pod, "stay", WITHDRAWN, "", by, **how
    ),
    "purpose": lambda grant, by, **how: grants.end_purpose(
        grant.pod, grant.purpose, WITHDRAWN, "", by, **how
    ),
    "everything": lambda grant, by, **how: grants.end_all(grant.pod, WITHDRAWN, "", by, **how),
}


def bind(partner: Partner, **how: Any) -> None:
    Partner.objects.filter(pk=partner.pk).update(**how)


@pytest.fixture
def bound(grant: Grant) -> Grant:
    """A grant that was read, of a brand in Australia."""
    bind(grant.partner, country="AU")
    read_once(grant)
    return Grant.objects.select_related("pod__owner", "partner").get(pk=grant.pk)


def owed() -> Obligation:
    return Obligation.objects.get()


@pytest.mark.rule("consent.md", "7.3, 10.1")
def test_the_choice_is_given_where_one_profile_that_binds_the_brand_gives_it() -> None:
    assert {name for name in profiles.names() if profiles.deletion_choice([name])} == set(BOUND)
    assert profiles.deletion_choice(("kr", "cdr"))
    assert profiles.deletion_choice(("kr", "kr-credit"))
    assert not profiles.deletion_choice(("kr", "gdpr"))


@pytest.mark.rule("consent.md", "7.3, 10.1")
@pytest.mark.parametrize("name", [*BOUND, *FREE])
@pytest.mark.parametrize("may_anonymise", [False, True])
def test_deletion_is_owed_where_a_profile_gives_the_choice_and_the_owner_did_not_leave_it_open(
    grant: Grant, owner: Actor, name: str, may_anonymise: bool
) -> None:
    bind(grant.partner, **(BOUND | FREE)[name])
    read_once(grant)

    grants.end(grant, WITHDRAWN, "", owner, may_anonymise=may_anonymise)

    assert owed().deletion_only == (name in BOUND and not may_anonymise)


@pytest.mark.rule("CDR Rules 2020", "1.18, 4.14")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("may_anonymise", [False, True])
def test_every_way_in_which_an_owner_ends_carries_the_choice(
    bound: Grant, owner: Actor, way: str, may_anonymise: bool
) -> None:
    WAYS[way](bound, owner, may_anonymise=may_anonymise)

    assert owed().deletion_only == (not may_anonymise)


@pytest.mark.rule("consent.md", "7.3")
@pytest.mark.parametrize("may_anonymise", [False, True])
def test_a_journey_carries_it_for_its_brands(pod: Pod, owner: Actor, may_anonymise: bool) -> None:
    journey: Journey = airport.make_journey(pod, airport.make_airport())
    given = _given_through(journey)
    bind(given.partner, country="AU")
    read_once(given)

    alliances.end_journey(journey, owner, may_anonymise=may_anonymise)

    assert owed().deletion_only == (not may_anonymise)


def _given_through(journey: Journey) -> Grant:
    (given,) = decide(journey, yes(asked_of(journey)[0]))
    return given


@pytest.mark.rule("consent.md", "7.3")
def test_a_part_that_ends_is_chosen_about_by_itself(pod: Pod, hotel: Client, owner: Actor) -> None:
    items = [cast.make_item("stay"), cast.make_item("itinerary")]
    grant = cast.make_grant(pod, hotel, items=items)
    bind(hotel.partner, country="AU")
    read_once(grant)

    grants.end_item(grant.items.get(category="stay"), WITHDRAWN, "", owner)
    grants.end(grant, WITHDRAWN, "", owner, may_anonymise=True)

    chosen = {one.categories[0]: one.deletion_only for one in Obligation.objects.all()}
    assert chosen == {"stay": True, "itinerary": False}


@pytest.mark.rule("consent.md", "7.3")
def test_of_many_brands_it_is_for_those_whose_profile_gives_it(
    bound: Grant, pod: Pod, owner: Actor
) -> None:
    other = cast.make_grant(pod, cast.make_client(cast.make_partner(country="DE")))
    read_once(other)

    grants.end_all(pod, WITHDRAWN, "", owner)

    assert Obligation.objects.get(grant=bound).deletion_only
    assert not Obligation.objects.get(grant=other).deletion_only


@pytest.mark.rule("consent.md", "7.3")
def test_of_an_end_that_its_owner_does_not_make_nobody_chose_anything(
    bound: Grant, hotel: Client
) -> None:
    for kind, actor in (("revoked", Actor.of_client(hotel)), ("revoked", Actor.operator())):
        with pytest.raises(ValueError, match="is not what"):
            grants.end(bound, kind, "", actor, may_anonymise=True)
    grants.end(bound, "revoked", "", Actor.of_client(hotel))

    assert not owed().deletion_only
    assert "kind" not in only("obligation.made")


@pytest.mark.rule("consent.md", "7.3")
def test_what_runs_out_leaves_the_brand_free(bound: Grant) -> None:
    Grant.objects.filter(pk=bound.pk).update(expires_at=timezone.now())

    grants.end_run_out()

    assert Grant.objects.get(pk=bound.pk).end_kind == "expired"
    assert not owed().deletion_only


@pytest.mark.rule("consent.md", "7.3")
def test_what_a_new_consent_no_longer_covers_leaves_the_brand_free(pod: Pod, hotel: Client) -> None:
    items = [cast.make_item("stay"), cast.make_item("itinerary")]
    grant = cast.make_grant(pod, hotel, items=items)
    bind(hotel.partner, country="AU")
    read_once(grant)

    cast.make_grant(pod, hotel, items=[cast.make_item("stay")])

    assert owed().categories == ["itinerary"]
    assert not owed().deletion_only


def test_who_erases_everything_wants_deletion(bound: Grant, owner: Actor) -> None:
    erasure.erase_pod(bound.pod, owner)

    assert owed().deletion_only


def test_what_was_kept_and_is_taken_back_is_to_be_deleted(grant: Grant, owner: Actor) -> None:
    read_once(grant)
    ended = grants.end(grant, WITHDRAWN, "", owner, kept=True)
    bind(grant.partner, country="AU")

    grants.recall(ended, owner)

    assert owed().deletion_only


@pytest.mark.rule("consent.md", "7.3")
def test_the_brand_is_told_by_the_event_and_by_the_list(bound: Grant, owner: Actor) -> None:
    grants.end(bound, WITHDRAWN, "", owner)

    payload = Delivery.objects.get(event_type="grant-withdrawn").claims["payload"]
    assert payload["obligations"][0]["deletion_only"] is True
    assert obligations.open_of(bound.partner)[0]["deletion_only"] is True


def test_a_brand_that_may_do_either_is_told_nothing_of_it(bound: Grant, owner: Actor) -> None:
    grants.end(bound, WITHDRAWN, "", owner, may_anonymise=True)

    payload = Delivery.objects.get(event_type="grant-withdrawn").claims["payload"]
    assert "deletion_only" not in payload["obligations"][0]
    assert "deletion_only" not in obligations.open_of(bound.partner)[0]


def test_an_event_about_many_ends_says_it_of_each_obligation(
    bound: Grant, hotel: Client, pod: Pod, owner: Actor
) -> None:
    second_purpose(pod, hotel)
    # Nothing is on its way to the brand, so both go into one event.
    Delivery.objects.update(delivered_at=timezone.now())

    grants.end_partner(pod, hotel.partner, WITHDRAWN, "", owner)

    payload = Delivery.objects.get(event_type="grants-ended").claims["payload"]
    assert [each["deletion_only"] for each in payload["obligations"]] == [True]


@pytest.mark.rule("consent.md", "7.3")
def test_the_log_says_it_where_the_obligation_opens_and_in_the_receipt_it_stands_too(
    bound: Grant, owner: Actor
) -> None:
    ended = grants.end(bound, WITHDRAWN, "", owner)

    assert only("obligation.made")["kind"] == "deletion"
    assert receipts.receipt(ended)["event"][-1]["deletion_only"] is True


def test_an_export_with_such_an_entry_verifies(bound: Grant, owner: Actor, tmp_path: Path) -> None:
    grants.end(bound, WITHDRAWN, "", owner)
    sequenced()

    exported(tmp_path / "bundle", scope=exports.ALL)

    assert verified_apart(tmp_path / "bundle").exit == 0


def test_a_receipt_says_as_well_that_nobody_chose_it(bound: Grant, owner: Actor) -> None:
    ended = grants.end(bound, WITHDRAWN, "", owner, may_anonymise=True)

    assert "kind" not in only("obligation.made")
    assert receipts.receipt(ended)["event"][-1]["deletion_only"] is False


def test_a_stranger_chooses_nothing(bound: Grant, stranger: Pod) -> None:
    for may_anonymise in (False, True):
        with pytest.raises(UnknownThing):
            grants.end(
                bound, WITHDRAWN, "", Actor.owner(stranger.owner), may_anonymise=may_anonymise
            )
    assert not Obligation.objects.exists()


def test_a_guardian_chooses_in_the_owners_name(bound: Grant) -> None:
    guardian = Actor.guardian(cast.make_owner(), bound.pod.owner)

    grants.end(bound, WITHDRAWN, "", guardian, may_anonymise=True)

    assert not owed().deletion_only


@pytest.mark.parametrize("first", [False, True])
def test_the_first_choice_stands(bound: Grant, owner: Actor, first: bool) -> None:
    grants.end(bound, WITHDRAWN, "", owner, may_anonymise=first)
    grants.end(bound, WITHDRAWN, "", owner, may_anonymise=not first)

    assert owed().deletion_only == (not first)
    assert len(leaves("obligation.made")) == 1


def test_what_can_be_chosen_about_is_what_such_a_brand_has_copies_of(
    grant: Grant, pod: Pod, hotel: Client
) -> None:
    unread = second_purpose(pod, hotel)
    read_once(grant)
    assert grants.deletable(Grant.objects.of(pod).select_related("partner")) == {}

    bind(hotel.partner, country="AU")

    found = grants.deletable(Grant.objects.of(pod).select_related("partner"))
    assert found == {grant.pk: ["stay"]}
    assert unread.pk not in found
