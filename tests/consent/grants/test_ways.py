"""Every way to end, and what all of them do: the same, to one grant or to a thousand."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.types import EntryType
from consent import deregistration, erasure, grants
from consent.actors import Actor
from consent.exceptions import UnknownThing
from consent.models import (
    AccessRequest,
    AccessToken,
    Client,
    Delivery,
    Grant,
    GrantUse,
    Obligation,
    RefreshToken,
    SpentRepeat,
)
from keys.models import CategoryWrap, DestroyedKey
from tests import cast
from tests.consent.grants.test_ending import read_once
from tests.leaves import leaves, only
from vault.models import Pod

WITHDRAWN = Grant.EndKind.WITHDRAWN
HOUSE = Actor.operator()
Way = Callable[[Grant], object]
WAYS: dict[str, tuple[Way, str]] = {
    "grant": (lambda g: grants.end(g, WITHDRAWN, "", of(g)), "withdrawn"),
    "last item": (lambda g: grants.end_item(g.items.get(), WITHDRAWN, "", of(g)), "withdrawn"),
    "brand": (lambda g: grants.end_partner(g.pod, g.partner, WITHDRAWN, "", of(g)), "withdrawn"),
    "category": (lambda g: grants.end_category(g.pod, "stay", WITHDRAWN, "", of(g)), "withdrawn"),
    "purpose": (
        lambda g: grants.end_purpose(g.pod, g.purpose, WITHDRAWN, "", of(g)),
        "withdrawn",
    ),
    "everything": (lambda g: grants.end_all(g.pod, WITHDRAWN, "", of(g)), "withdrawn"),
    "guardian": (
        lambda g: grants.end(g, WITHDRAWN, "", Actor.guardian(cast.make_owner(), g.pod.owner)),
        "withdrawn",
    ),
    "erasure": (lambda g: erasure.erase_pod(g.pod, of(g)), "withdrawn"),
    "brand struck off": (lambda g: deregistration.deregister(g.partner, HOUSE), "revoked"),
    "found invalid": (lambda g: grants.invalidate(same(g), "notice-wrong", HOUSE), "invalidated"),
    "expired": (lambda g: (run_out(g), grants.end_run_out()), "expired"),
    "used up": (lambda g: (use_up(g), grants.end_run_out()), "consumed"),
    "superseded": (lambda g: cast.make_grant(g.pod, g.request.client), "superseded"),
}


def of(grant: Grant) -> Actor:
    return Actor.owner(grant.pod.owner)


def same(grant: Grant) -> "object":
    return Grant.objects.filter(pk=grant.pk)


def run_out(grant: Grant) -> None:
    past = timezone.now() - timedelta(days=2)
    ran = {"given_at": past, "valid_from": past, "expires_at": past + timedelta(days=1)}
    Grant.objects.filter(pk=grant.pk).update(**ran)


def use_up(grant: Grant) -> None:
    Grant.objects.filter(pk=grant.pk).update(frequency={"count": 2, "unit": "total"})
    GrantUse.objects.create(grant=grant, bucket="total", used=2)


def a_token(grant: Grant, number: int = 1) -> AccessToken:
    """A token that is for this grant alone."""
    return AccessToken.objects.create(
        digest=bytes([number]) * 32,
        client=grant.request.client,
        grant=grant,
        expires_at=timezone.now() + timedelta(minutes=5),
    )


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.rule("consent.md", "7.1")
def test_every_way_does_the_same(grant: Grant, name: str) -> None:
    way, kind = WAYS[name]
    read_once(grant)
    key, token = grant.key_id, a_token(grant)
    way(grant)

    ended = Grant.objects.get(pk=grant.pk)
    assert (ended.end_kind, ended.key_id, ended.epoch) == (kind, None, 2)
    assert ended.ended_at is not None
    assert DestroyedKey.objects.filter(pk=key).exists()
    assert not CategoryWrap.objects.filter(under=key).exists()
    token.refresh_from_db()
    assert token.killed_at is not None
    assert only(f"grant.{kind}")["closes"] == 1
    assert Delivery.objects.filter(grant=grant, event_type=f"grant-{kind}").count() == 1
    # The copies of a superseded grant live on under the next one.
    assert Obligation.objects.filter(grant=grant).exists() == (kind != "superseded")


@pytest.mark.parametrize("name", sorted(WAYS.keys() - {"superseded"}))
@pytest.mark.rule("consent.md", "P8")
def test_every_way_twice_is_once(grant: Grant, name: str) -> None:
    way, _kind = WAYS[name]
    grants.end(grant, WITHDRAWN, "", of(grant))
    if name == "used up":
        use_up(grant)
    else:
        way(Grant.objects.get(pk=grant.pk))

    assert Grant.objects.get().epoch == 2
    assert [leaf["type"] for leaf in leaves(*(f"grant.{each}" for each in Grant.EndKind))] == [
        "grant.withdrawn"
    ]


@pytest.mark.parametrize("name", ["brand", "category", "purpose", "everything"])
def test_a_stranger_ends_nothing(grant: Grant, stranger: Pod, name: str) -> None:
    someone = Actor.owner(stranger.owner)
    ways = {
        "brand": lambda: grants.end_partner(grant.pod, grant.partner, WITHDRAWN, "", someone),
        "category": lambda: grants.end_category(grant.pod, "stay", WITHDRAWN, "", someone),
        "purpose": lambda: grants.end_purpose(grant.pod, grant.purpose, WITHDRAWN, "", someone),
        "everything": lambda: grants.end_all(grant.pod, WITHDRAWN, "", someone),
    }
    with pytest.raises(UnknownThing):
        ways[name]()
    grant.refresh_from_db()
    assert grant.is_live


def test_a_guardian_of_somebody_else_ends_nothing(grant: Grant, stranger: Pod) -> None:
    guardian = Actor.guardian(cast.make_owner(), stranger.owner)
    with pytest.raises(UnknownThing):
        grants.end(grant, WITHDRAWN, "", guardian)


def test_a_category_ends_everywhere_and_leaves_the_rest(pod: Pod, owner: Actor) -> None:
    both = [cast.make_item("stay"), cast.make_item("itinerary")]
    wide = [cast.make_grant(pod, items=both) for _ in range(3)]
    narrow = cast.make_grant(pod)
    untouched = cast.make_grant(pod, items=[cast.make_item("preferences")])
    old = {grant.key_id for grant in wide}
    for grant in wide:
        read_once(grant)

    changed = grants.end_category(pod, "stay", WITHDRAWN, "", owner)

    assert {grant.pk for grant in changed} == {narrow.pk, *(grant.pk for grant in wide)}
    assert set(DestroyedKey.objects.values_list("pk", flat=True)) == old | {narrow.key_id}
    for grant in Grant.objects.filter(pk__in=[each.pk for each in wide]):
        assert grant.is_live
        covered = CategoryWrap.objects.filter(under=grant.key_id)
        assert list(covered.values_list("category", flat=True)) == ["itinerary"]
        assert Obligation.objects.get(grant=grant).categories == ["stay"]
        (told,) = leaves("grant.item_ended", grant=grant.ref)
        assert (told["closes"], told["opens"], told["categories"]) == (1, 2, ["itinerary"])
    assert Grant.objects.get(pk=narrow.pk).end_kind == WITHDRAWN
    assert Grant.objects.get(pk=untouched.pk).epoch == 1
    assert Delivery.objects.filter(event_type="item-ended").count() == 3


def test_a_category_that_is_read_and_brought_ends_both_ways_in_one_step(
    pod: Pod, hotel: Client, owner: Actor
) -> None:
    items = [
        cast.make_item("stay"),
        cast.make_item("stay", action="contribute"),
        cast.make_item("itinerary"),
    ]
    grant = cast.make_grant(pod, hotel, items=items)
    grants.end_category(pod, "stay", WITHDRAWN, "", owner)

    told = only("grant.item_ended")
    assert (told["closes"], told["opens"], told["count"]) == (1, 2, 2)
    assert Delivery.objects.filter(grant=grant, event_type="item-ended").count() == 2


def test_a_purpose_ends_with_every_brand_and_no_other(pod: Pod, owner: Actor) -> None:
    kept = cast.make_client()
    cast.make_template(kept.partner, purpose="dpv:CustomerCare")
    other = cast.make_grant(pod, kept, purpose="dpv:CustomerCare")
    cast.make_grant(pod)
    cast.make_grant(pod)

    assert len(grants.end_purpose(pod, cast.PURPOSE, WITHDRAWN, "", owner)) == 2
    assert list(Grant.objects.live()) == [other]


def test_several_ends_at_one_brand_are_one_event(pod: Pod, hotel: Client, owner: Actor) -> None:
    mine = [cast.make_grant(pod, hotel), second_purpose(pod, hotel)]
    Delivery.objects.update(delivered_at=timezone.now())
    read_once(mine[0])

    grants.end_all(pod, WITHDRAWN, "", owner)

    event = Delivery.objects.get(delivered_at=None)
    assert (event.event_type, event.grant, event.partner) == ("grants-ended", None, hotel.partner)
    said = event.claims["payload"]
    assert said["kind"] == "withdrawn"
    assert {each["grant"] for each in said["endings"]} == {str(grant.pk) for grant in mine}
    assert {each["epoch"] for each in said["endings"]} == {2}
    assert {each["subject"] for each in said["endings"]} == {mine[0].pairwise}
    (owed,) = said["obligations"]
    assert (owed["grant"], owed["categories"]) == (str(mine[0].pk), ["stay"])


def test_an_end_does_not_overtake_what_the_brand_has_not_heard_yet(
    pod: Pod, hotel: Client, owner: Actor
) -> None:
    late, told = cast.make_grant(pod, hotel), second_purpose(pod, hotel)
    Delivery.objects.exclude(grant=late).update(delivered_at=timezone.now())

    grants.end_all(pod, WITHDRAWN, "", owner)

    assert Delivery.objects.filter(grant=late, event_type="grant-withdrawn").exists()
    assert Delivery.objects.filter(grant=told, event_type="grant-withdrawn").exists()
    assert not Delivery.objects.filter(event_type="grants-ended").exists()


def test_the_events_of_one_act_carry_one_name_for_it(pod: Pod, owner: Actor) -> None:
    """It leaves here only as a keyed hash, another one for each brand (revocation/events.py)."""
    cast.make_grant(pod)
    cast.make_grant(pod)
    grants.end_all(pod, WITHDRAWN, "", owner)

    ends = Delivery.objects.filter(event_type="grant-withdrawn")
    assert len({each.claims["action"] for each in ends}) == 1


def second_purpose(pod: Pod, client: Client) -> Grant:
    cast.make_template(client.partner, purpose="dpv:CustomerCare")
    return cast.make_grant(pod, client, purpose="dpv:CustomerCare")


def test_what_is_used_up_stands_while_its_last_answer_may_be_repeated(grant: Grant) -> None:
    use_up(grant)
    repeat = SpentRepeat.objects.create(
        client=grant.request.client_id, idempotency_key="k", body_digest=bytes(32), grant=grant,
        epoch=1, event_id=grant.pk, versions=[],
    )  # fmt: skip
    assert grants.end_run_out() == 0
    SpentRepeat.objects.filter(pk=repeat.pk).update(made_at=timezone.now() - timedelta(minutes=11))
    assert grants.end_run_out() == 1
    assert Grant.objects.get().end_kind == "consumed"


def test_a_budget_that_is_not_spent_or_comes_back_ends_nothing(pod: Pod) -> None:
    for frequency, used in (({"count": 2, "unit": "total"}, 1), ({"count": 1, "unit": "day"}, 1)):
        grant = cast.make_grant(pod)
        Grant.objects.filter(pk=grant.pk).update(frequency=frequency)
        GrantUse.objects.create(grant=grant, bucket="total", used=used)
    assert grants.end_run_out() == 0


def test_what_may_still_be_brought_is_not_used_up(pod: Pod, hotel: Client) -> None:
    items = [cast.make_item("stay"), cast.make_item("stay", action="contribute")]
    use_up(cast.make_grant(pod, hotel, items=items))
    assert grants.end_run_out() == 0


def test_only_the_house_finds_a_consent_invalid_and_on_a_known_ground(grant: Grant) -> None:
    for ground, actor in (("we-felt-like-it", HOUSE), ("coerced", of(grant))):
        with pytest.raises(ValueError, match="ground"):
            grants.invalidate(same(grant), ground, actor)
    assert grants.invalidate(same(grant), "coerced", HOUSE)
    assert only("grant.invalidated")["reason"] == "coerced"


def test_a_brand_that_is_struck_off_has_nothing_left(grant: Grant, stranger: Pod) -> None:
    asked = cast.make_request(stranger, grant.request.client)
    (ended,) = deregistration.deregister(grant.partner, HOUSE)

    assert ended.end_reason == "partner-deregistered"
    assert only("partner.deregistered")["closes"] == 1
    assert AccessRequest.objects.get(pk=asked.pk).closed_at is not None
    assert Delivery.objects.filter(event_type="request-closed").count() == 1
    assert deregistration.deregister(grant.partner, HOUSE) == []
    assert len(leaves("partner.deregistered")) == 1


def test_refresh_tokens_die_with_their_grant(grant: Grant, owner: Actor) -> None:
    token = RefreshToken.objects.create(
        digest=bytes(32), client=grant.request.client, grant=grant, family=grant.pk
    )
    grants.end(grant, WITHDRAWN, "", owner)
    token.refresh_from_db()
    assert token.killed_at is not None


@pytest.mark.rule("issue", "a constant number of statements")
def test_ending_many_takes_as_many_statements_as_ending_one(
    pod: Pod, owner: Actor, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    for _ in range(12):
        read_once(cast.make_grant(pod))
    with django_assert_max_num_queries(22):  # type: ignore[attr-defined]
        assert len(grants.end_all(pod, WITHDRAWN, "", owner)) == 12
    assert Obligation.objects.count() == 12
    assert len(leaves(EntryType.GRANT_WITHDRAWN, EntryType.OBLIGATION_MADE)) == 24
