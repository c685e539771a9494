"""Pauses and suspensions: no key is touched, and each epoch is opened and closed once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from consent import grants
from consent.actors import Actor
from consent.exceptions import GrantNotLive
from consent.models import Client, Delivery, Grant
from tests import cast
from tests.leaves import leaves, only
from vault.models import Pod

GROUND = "court-order"


def epochs() -> list[tuple[str, int | None, int | None]]:
    return [
        (told["type"], told.get("closes"), told.get("opens"))
        for told in leaves()
        if told["type"].startswith("grant.")
    ]


@pytest.mark.rule("consent.md", "1.4")
def test_a_pause_closes_the_epoch_and_resuming_opens_a_later_one(
    grant: Grant, owner: Actor
) -> None:
    key = grant.key_id
    assert not grants.pause(grant, owner).is_live
    resumed = grants.resume(grant, owner)

    assert resumed.is_live
    assert resumed.key_id == key
    paused, restarted = epochs()[1:]
    assert paused == ("grant.paused", 1, None)
    assert restarted == ("grant.resumed", None, resumed.epoch)
    assert resumed.epoch > 1
    kinds = list(Delivery.objects.order_by("epoch").values_list("event_type", flat=True))
    assert kinds[-2:] == ["grant-paused", "grant-resumed"]


def test_pausing_and_resuming_twice_is_once(grant: Grant, owner: Actor) -> None:
    for act in (grants.pause, grants.pause, grants.resume, grants.resume):
        act(grant, owner)
    assert len(leaves("grant.paused")) == len(leaves("grant.resumed")) == 1


def test_a_pause_until_a_moment_ends_then(grant: Grant, owner: Actor) -> None:
    grants.pause(grant, owner, until=timezone.now() + timedelta(days=1))
    assert grants.resume_due() == 0

    Grant.objects.filter(pk=grant.pk).update(paused_until=timezone.now())
    assert grants.resume_due() == 1
    assert grants.resume_due() == 0
    assert only("grant.resumed")["actor"] == {"role": "system"}


@pytest.mark.rule("consent.md", "6.5")
def test_the_partner_is_not_told_until_when(grant: Grant, owner: Actor) -> None:
    until = timezone.now() + timedelta(days=1)
    grants.pause(grant, owner, until=until)

    told = Delivery.objects.get(event_type="grant-paused").claims
    assert until.isoformat()[:10] not in str(told)


@pytest.mark.rule("consent.md", "1.4")
@pytest.mark.parametrize("first_over", ["pause", "suspension"])
def test_an_epoch_opens_when_pause_and_suspension_are_both_over(
    grant: Grant, owner: Actor, first_over: str
) -> None:
    house = Actor.operator()
    grants.pause(grant, owner)
    grants.suspend(grant, GROUND, house)
    steps = [lambda: grants.resume(grant, owner), lambda: grants.unsuspend(grant, GROUND, house)]
    if first_over == "suspension":
        steps.reverse()

    assert not steps[0]().is_live
    live = steps[1]()

    assert live.is_live
    opened = [opens for _, _, opens in epochs() if opens is not None]
    closed = [closes for _, closes, _ in epochs() if closes is not None]
    assert opened == [1, live.epoch]
    assert closed == [1]


def test_a_suspension_needs_a_ground_of_the_statute(grant: Grant) -> None:
    with pytest.raises(ValueError, match="grounds"):
        grants.suspend(grant, "we-felt-like-it", Actor.operator())


def test_ending_a_paused_grant_closes_nothing_twice(grant: Grant, owner: Actor) -> None:
    grants.pause(grant, owner)
    grants.end(grant, "withdrawn", "", owner)
    assert "closes" not in only("grant.withdrawn")


def test_what_is_over_is_neither_paused_nor_resumed(grant: Grant, owner: Actor) -> None:
    grants.end(grant, "withdrawn", "", owner)
    for act in (grants.pause, grants.resume):
        with pytest.raises(GrantNotLive):
            act(grant, owner)


@pytest.mark.rule("consent.md", "7.2")
def test_pausing_everything_and_going_on(
    pod: Pod, stranger: Pod, hotel: Client, owner: Actor
) -> None:
    mine = [cast.make_grant(pod, hotel), cast.make_grant(pod)]
    other = cast.make_grant(stranger, hotel)
    grants.pause(mine[0], owner)

    assert [grant.pk for grant in grants.pause_all(pod, owner)] == [mine[1].pk]
    assert list(Grant.objects.live()) == [other]
    assert len(grants.resume_all(pod, owner)) == 2
    assert Grant.objects.live().count() == 3
