"""Leaving copies with a brand at an end: a consent of its own, given apart and taken back apart."""

from typing import Any

import pytest
from django.utils import timezone

from consent import erasure, grants, receipts
from consent.access import calls, reading
from consent.actors import Actor
from consent.exceptions import ConsentError, UnknownThing
from consent.models import Client, Delivery, Grant, Obligation, Partner
from consent.oauth import tokens
from consent.revocation import clocks
from keys.models import DestroyedKey
from tests import cast
from tests.consent.grants.test_ending import read_once
from tests.consent.grants.test_ways import second_purpose
from tests.leaves import is_about, leaves, only
from vault.models import Pod

WITHDRAWN = Grant.EndKind.WITHDRAWN


def kept(grant: Grant, owner: Actor) -> Grant:
    read_once(grant)
    return grants.end(grant, WITHDRAWN, "", owner, kept=True)


def news(event_type: str) -> dict[str, Any]:
    payload: dict[str, Any] = Delivery.objects.get(event_type=event_type).claims["payload"]
    return payload


@pytest.mark.rule("consent.md", "7.3")
def test_an_end_always_includes_destruction_unless_the_owner_says_so_apart(
    grant: Grant, owner: Actor
) -> None:
    read_once(grant)

    ended = grants.end(grant, WITHDRAWN, "", owner)

    assert ended.kept_by_consent_at is None
    assert Obligation.objects.filter(grant=grant).count() == 1
    assert leaves("retention.given") == []
    assert "kept_by_consent" not in news("grant-withdrawn")


@pytest.mark.rule("consent.md", "7.3")
def test_what_is_left_with_a_brand_is_not_owed_and_everything_else_ends_all_the_same(
    grant: Grant, owner: Actor, hotel: Client
) -> None:
    key = grant.key_id

    ended = kept(grant, owner)

    ended.refresh_from_db()
    assert (ended.end_kind, ended.epoch, ended.key_id) == (WITHDRAWN, 2, None)
    assert ended.kept_by_consent_at == ended.ended_at
    assert not Obligation.objects.exists()
    assert DestroyedKey.objects.filter(pk=key).exists()
    assert only("grant.withdrawn")["closes"] == 1
    told = news("grant-withdrawn")
    assert told["kept_by_consent"] is True
    assert "obligations" not in told
    body = {"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE}
    with pytest.raises(ConsentError):
        reading.read(tokens.digest(tokens.issue(hotel)), calls.parse(body))
    assert receipts.receipt(ended)["event"][-1]["kept_by_consent"] is True


@pytest.mark.rule("consent.md", "7.3")
def test_the_consent_stands_in_the_log_by_itself_and_names_no_person(
    grant: Grant, owner: Actor
) -> None:
    kept(grant, owner)

    said = only("retention.given")
    assert said["grant"] == grant.ref
    assert said["categories"] == ["stay"]
    assert said["notice"] == grant.notice_id
    assert said["actor"] == {"role": "owner"}
    assert not {"opens", "closes", "account", "pod"} & set(said)
    assert is_about(grant.pod.owner.ref, "retention.given")


@pytest.mark.rule("consent.md", "7.3")
def test_only_the_owner_leaves_copies_with_a_brand(grant: Grant, hotel: Client) -> None:
    read_once(grant)
    for kind, actor in (
        ("revoked", Actor.operator()),
        ("revoked", Actor.of_client(hotel)),
        ("expired", Actor.system()),
        (WITHDRAWN, Actor.operator()),
    ):
        with pytest.raises(ValueError, match="is not what"):
            grants.end(grant, kind, "", actor, kept=True)
    grant.refresh_from_db()
    assert grant.is_live


def test_a_stranger_neither_leaves_nor_takes_back_anything(
    grant: Grant, owner: Actor, stranger: Pod
) -> None:
    with pytest.raises(UnknownThing):
        grants.end(grant, WITHDRAWN, "", Actor.owner(stranger.owner), kept=True)
    ended = kept(grant, owner)
    with pytest.raises(UnknownThing):
        grants.recall(ended, Actor.owner(stranger.owner))
    with pytest.raises(ValueError, match="is not what"):
        grants.recall(ended, Actor.operator())
    ended.refresh_from_db()
    assert ended.kept_by_consent_at is not None
    assert leaves("retention.withdrawn") == []


def test_a_guardian_may_leave_them_in_the_owners_name(grant: Grant) -> None:
    kept(grant, Actor.guardian(cast.make_owner(), grant.pod.owner))

    assert only("retention.given")["actor"] == {"role": "guardian"}
    assert not Obligation.objects.exists()


def test_nothing_is_left_where_nothing_was_read(grant: Grant, owner: Actor) -> None:
    ended = grants.end(grant, WITHDRAWN, "", owner, kept=True)

    assert ended.kept_by_consent_at is None
    assert leaves("retention.given") == []


def test_what_was_only_to_be_looked_at_cannot_be_left(
    pod: Pod, hotel: Client, owner: Actor
) -> None:
    grant = cast.make_grant(pod, hotel)
    Grant.objects.filter(pk=grant.pk).update(access_mode="look_only", retention=None)
    grant.refresh_from_db()

    assert kept(grant, owner).kept_by_consent_at is None
    assert Obligation.objects.filter(grant=grant).exists()


@pytest.mark.rule("consent.md", "7.3, 10.1")
@pytest.mark.parametrize(
    "bound", [{"country": "AU"}, {"declared_profiles": ["kr-credit"]}], ids=["cdr", "kr-credit"]
)
def test_nothing_is_left_where_a_profile_does_not_say_that_it_may_stay(
    grant: Grant, owner: Actor, bound: dict[str, Any]
) -> None:
    Partner.objects.filter(pk=grant.partner_id).update(**bound)
    read_once(grant)

    fresh = Grant.objects.get(pk=grant.pk)

    assert grants.keepable([fresh]) == {}
    assert grants.end(fresh, WITHDRAWN, "", owner, kept=True).kept_by_consent_at is None
    assert Obligation.objects.filter(grant=grant).exists()


def test_what_ended_before_stays_owed(pod: Pod, hotel: Client, owner: Actor) -> None:
    items = [cast.make_item("stay"), cast.make_item("itinerary")]
    grant = cast.make_grant(pod, hotel, items=items)
    read_once(grant)
    grants.end_item(grant.items.get(category="stay"), WITHDRAWN, "", owner)

    grants.end(grant, WITHDRAWN, "", owner, kept=True)

    assert only("retention.given")["categories"] == ["itinerary"]
    assert Obligation.objects.get().categories == ["stay"]


def test_ending_once_more_leaves_nothing_with_anybody(grant: Grant, owner: Actor) -> None:
    read_once(grant)
    grants.end(grant, WITHDRAWN, "", owner)

    assert grants.end(grant, WITHDRAWN, "", owner, kept=True).kept_by_consent_at is None
    assert Obligation.objects.count() == 1
    assert leaves("retention.given") == []


@pytest.mark.rule("consent.md", "7.3")
def test_everything_of_one_brand_can_be_left_with_it(pod: Pod, hotel: Client, owner: Actor) -> None:
    read, unread = cast.make_grant(pod, hotel), second_purpose(pod, hotel)
    # Nothing is on its way to the brand, so both go into one event.
    Delivery.objects.update(delivered_at=timezone.now())
    read_once(read)

    grants.end_partner(pod, hotel.partner, WITHDRAWN, "", owner, kept=True)

    told = {each["grant"]: each for each in news("grants-ended")["endings"]}
    assert told[str(read.pk)]["kept_by_consent"] is True
    assert "kept_by_consent" not in told[str(unread.pk)]
    assert not Obligation.objects.exists()


@pytest.mark.rule("consent.md", "7.3")
def test_what_was_left_can_be_taken_back_and_is_owed_from_then_on(
    grant: Grant, owner: Actor
) -> None:
    ended = kept(grant, owner)

    back = grants.recall(ended, owner)

    assert back.kept_by_consent_at is None
    assert back.ended_at == ended.ended_at
    owed = Obligation.objects.get()
    assert owed.categories == ["stay"]
    assert owed.due_at == clocks.attest_due(owed.opened_at, grant.partner.bound_by)
    told = news("retention-withdrawn")
    assert told["grant"] == str(grant.pk)
    assert [each["id"] for each in told["obligations"]] == [str(owed.pk)]
    assert [each["type"] for each in leaves("retention.withdrawn", "obligation.made")] == [
        "retention.withdrawn", "obligation.made",
    ]  # fmt: skip
    assert is_about(grant.pod.owner.ref, "retention.withdrawn")


def test_taking_back_twice_is_once(grant: Grant, owner: Actor) -> None:
    ended = kept(grant, owner)
    grants.recall(ended, owner)

    grants.recall(ended, owner)

    assert Obligation.objects.count() == 1
    assert Delivery.objects.filter(event_type="retention-withdrawn").count() == 1
    assert len(leaves("retention.withdrawn")) == 1


def test_there_is_nothing_to_take_back_where_nothing_was_left(grant: Grant, owner: Actor) -> None:
    read_once(grant)
    assert grants.recall(grant, owner).is_live

    grants.end(grant, WITHDRAWN, "", owner)
    grants.recall(grant, owner)

    assert Obligation.objects.count() == 1
    assert leaves("retention.withdrawn") == []


@pytest.mark.rule("consent.md", "7.3")
def test_who_erases_everything_leaves_nothing_with_anybody(grant: Grant, owner: Actor) -> None:
    kept(grant, owner)

    erasure.erase_pod(grant.pod, owner)

    grant.refresh_from_db()
    assert grant.kept_by_consent_at is None
    owed = Obligation.objects.open().get(grant=grant)
    assert [each["id"] for each in news("retention-withdrawn")["obligations"]] == [str(owed.pk)]
    assert len(leaves("retention.withdrawn")) == 1
