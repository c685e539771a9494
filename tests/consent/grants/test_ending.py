"""How a grant ends: at once, once, with its key, its entry, its event and what the partner owes."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from audit import log
from audit.drafts import Draft
from audit.models import Entry
from consent import grants
from consent.actors import Actor
from consent.exceptions import UnknownThing
from consent.models import Client, Delivery, Grant, Obligation
from keys.models import CategoryWrap, DestroyedKey, Key
from tests import cast
from tests.leaves import is_about, leaves, only
from vault.models import Pod

THREE = [cast.make_item(name) for name in ("stay", "itinerary", "preferences")]
WITHDRAWN = Grant.EndKind.WITHDRAWN


@transaction.atomic
def read_once(grant: Grant, category: str = "stay") -> None:
    """Put a read under this grant on record, as the read guard would."""
    grant = Grant.objects.select_related("pod__owner", "partner").get(pk=grant.pk)
    log.append(
        Draft(
            type="record.read",
            role="partner",
            partner=grant.partner.ref,
            grant=grant.ref,
            epoch=grant.epoch,
            partner_epoch=grant.partner.epoch,
            purpose=grant.purpose,
            categories=(category,),
            actions=("read",),
            outcome="ok",
            person=grant.pod.owner.ref,
            audit_key=grant.pod.audit_key_id,
        )
    )


def item(grant: Grant, category: str) -> object:
    return grant.items.get(category=category)


@pytest.mark.rule("consent.md", "7.1")
def test_ending_destroys_the_key_closes_the_epoch_and_tells_the_partner(
    grant: Grant, owner: Actor
) -> None:
    key = grant.key_id
    ended = grants.end(grant, WITHDRAWN, "", owner)

    assert not ended.is_live
    assert ended.key_id is None
    assert ended.epoch == 2
    assert DestroyedKey.objects.filter(pk=key).exists()
    assert not CategoryWrap.objects.filter(under=key).exists()
    told = only("grant.withdrawn")
    assert told["closes"] == 1
    assert "opens" not in told
    event = Delivery.objects.get(event_type="grant-withdrawn")
    assert event.partner == grant.partner
    assert is_about(ended.pod.owner.ref, "grant.withdrawn")
    assert (ended.end_actor, ended.end_channel) == ("owner", "portal")


@pytest.mark.rule("GDPR", "Art. 7(3)")
def test_ending_twice_is_ending_once(grant: Grant, owner: Actor) -> None:
    first = grants.end(grant, WITHDRAWN, "", owner).ended_at

    again = grants.end(grant, "revoked", "mistake", Actor.operator())

    assert again.ended_at == first
    assert again.end_kind == WITHDRAWN
    assert len(leaves("grant.withdrawn", "grant.revoked")) == 1
    assert Delivery.objects.filter(event_type__startswith="grant-").count() == 2  # given, withdrawn


@pytest.mark.rule("consent.md", "1.2")
def test_only_owners_withdraw_and_only_others_revoke(grant: Grant, owner: Actor) -> None:
    for kind, actor in ((WITHDRAWN, Actor.operator()), ("revoked", owner), ("expired", owner)):
        with pytest.raises(ValueError, match="is not what"):
            grants.end(grant, kind, "", actor)


def test_a_partner_gives_back_its_own_grant_only(grant: Grant, hotel: Client) -> None:
    with pytest.raises(UnknownThing):
        grants.end(grant, "revoked", "", Actor.of_client(cast.make_client()))
    assert grants.end(grant, "revoked", "not-needed", Actor.of_client(hotel)).end_kind == "revoked"
    assert only("grant.revoked")["reason"] == "not-needed"


@pytest.mark.parametrize(
    "act",
    [
        lambda grant, actor: grants.end(grant, WITHDRAWN, "", actor),
        lambda grant, actor: grants.end_item(grant.items.first(), WITHDRAWN, "", actor),
        lambda grant, actor: grants.end_all(grant.pod, WITHDRAWN, "", actor),
        grants.pause,
        grants.resume,
        lambda grant, actor: grants.pause_all(grant.pod, actor),
    ],
)
def test_a_stranger_changes_nothing(
    grant: Grant, stranger: Pod, act: Callable[[Grant, Actor], object]
) -> None:
    entries = Entry.objects.count()
    with pytest.raises(UnknownThing):
        act(grant, Actor.owner(stranger.owner))

    grant.refresh_from_db()
    assert grant.is_live
    assert grant.epoch == 1
    assert Entry.objects.count() == entries


@pytest.mark.rule("consent.md", "8.1")
def test_what_was_read_has_to_be_destroyed(grant: Grant, owner: Actor) -> None:
    read_once(grant)
    grants.end(grant, WITHDRAWN, "", owner)

    obligation = Obligation.objects.get()
    assert obligation.partner == grant.partner
    assert obligation.categories == ["stay"]
    assert Delivery.objects.get(event_type="grant-withdrawn").obligation == obligation


@pytest.mark.rule("consent.md", "8")
def test_nothing_is_owed_where_nothing_was_read(grant: Grant, owner: Actor) -> None:
    grants.end(grant, WITHDRAWN, "", owner)
    assert not Obligation.objects.exists()


@pytest.mark.rule("consent.md", "5.1")
def test_ending_an_item_leaves_the_rest_readable_under_a_new_key(
    pod: Pod, hotel: Client, owner: Actor
) -> None:
    grant = cast.make_grant(pod, hotel, items=THREE)
    old_key = grant.key_id

    grants.end_item(item(grant, "itinerary"), WITHDRAWN, "", owner)

    grant.refresh_from_db()
    assert grant.is_live
    assert grant.key_id != old_key
    assert DestroyedKey.objects.filter(pk=old_key).exists()
    covered = CategoryWrap.objects.filter(under=grant.key_id).values_list("category", flat=True)
    assert sorted(covered) == ["preferences", "stay"]
    told = only("grant.item_ended")
    assert (told["closes"], told["opens"]) == (1, 2)
    assert told["categories"] == ["preferences", "stay"]
    assert Delivery.objects.filter(event_type="item-ended").count() == 1


def test_ending_an_item_twice_is_once_and_the_last_one_ends_the_grant(
    pod: Pod, hotel: Client, owner: Actor
) -> None:
    grant = cast.make_grant(pod, hotel, items=THREE[:2])
    for _ in range(2):
        grants.end_item(item(grant, "stay"), WITHDRAWN, "", owner)
    assert len(leaves("grant.item_ended")) == 1

    ended = grants.end_item(item(grant, "itinerary"), WITHDRAWN, "", owner)

    assert ended.end_kind == WITHDRAWN
    assert only("grant.withdrawn")["closes"] == 2
    assert len(leaves("grant.item_ended")) == 1


def test_an_item_that_ends_during_a_pause_opens_no_epoch(
    pod: Pod, hotel: Client, owner: Actor
) -> None:
    grant = cast.make_grant(pod, hotel, items=THREE[:2])
    grants.pause(grant, owner)
    grants.end_item(item(grant, "stay"), WITHDRAWN, "", owner)

    told = only("grant.item_ended")
    assert "opens" not in told
    assert "closes" not in told
    grants.resume(grant, owner)
    assert only("grant.resumed")["categories"] == ["itinerary"]


def test_ending_everything_ends_every_grant_of_that_pod(
    pod: Pod, stranger: Pod, hotel: Client, owner: Actor
) -> None:
    mine = [cast.make_grant(pod, hotel), cast.make_grant(pod)]
    other = cast.make_grant(stranger, hotel)

    ended = grants.end_all(pod, WITHDRAWN, "", owner)

    assert {grant.pk for grant in ended} == {grant.pk for grant in mine}
    assert grants.end_all(pod, WITHDRAWN, "", owner) == []
    assert list(Grant.objects.live()) == [other]


def test_what_ran_out_is_ended_by_the_clock_once(grant: Grant) -> None:
    past = timezone.now() - timedelta(days=2)
    Grant.objects.filter(pk=grant.pk).update(
        given_at=past, valid_from=past, expires_at=past + timedelta(days=1)
    )
    key = grant.key_id

    assert grants.end_run_out() == 1
    assert grants.end_run_out() == 0
    told = only("grant.expired")
    assert told["closes"] == 1
    assert told["actor"] == {"role": "system"}
    assert DestroyedKey.objects.filter(pk=key).exists()


@pytest.mark.rule("consent.md", "3.2")
def test_what_a_grant_is_bound_to_ends_it(pod: Pod, hotel: Client) -> None:
    ends = timezone.now() + timedelta(days=3)
    stay = {"kind": "stay", "ref": "stay-9", "ends_at": ends.isoformat()}
    grant = cast.make_grant(pod, hotel, bound_to=stay)
    assert grant.stops_at == ends

    Grant.objects.filter(pk=grant.pk).update(bound_ends_at=timezone.now())
    grant.refresh_from_db()
    assert not grant.is_live
    assert grants.end_run_out() == 1


def test_a_failure_in_the_middle_leaves_everything_as_it_was(
    grant: Grant, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from consent.revocation import deliveries

    def away(*_args: object, **_more: object) -> None:
        raise ConnectionError

    entries = Entry.objects.count()
    monkeypatch.setattr(deliveries, "enqueue_all", away)
    with pytest.raises(ConnectionError):
        grants.end(grant, WITHDRAWN, "", owner)

    grant.refresh_from_db()
    assert grant.is_live
    assert Key.objects.filter(pk=grant.key_id).exists()
    assert Entry.objects.count() == entries


def test_ending_takes_few_statements(
    grant: Grant, owner: Actor, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    read_once(grant)
    with django_assert_max_num_queries(23):  # type: ignore[attr-defined]
        grants.end(grant, WITHDRAWN, "", owner)
