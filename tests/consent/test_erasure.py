"""Erasing: consents end, keys go, and from the commit on nothing opens."""

import pytest

from consent import erasure, pairs, requests
from consent.actors import Actor
from consent.exceptions import UnknownThing
from consent.models import Client, Delivery, Grant
from keys.models import CategoryKey, CategoryWrap, Key
from tests import cast
from tests.leaves import leaves, only
from vault import pods
from vault.exceptions import PodErased
from vault.models import Pod, Record

PREFERENCES = {"note": "메밀 베개"}


@pytest.mark.rule("GDPR", "Art. 17")
def test_an_erased_pod_has_no_keys_no_records_and_no_grants(
    pod: Pod, hotel: Client, owner: Actor
) -> None:
    pods.put(pod, "preferences", PREFERENCES)
    grant = cast.make_grant(pod, hotel)
    waiting = cast.make_request(pod)

    erased = erasure.erase_pod(pod, owner)

    assert erased.erased_at is not None
    grant.refresh_from_db()
    assert (grant.end_kind, grant.end_reason) == ("withdrawn", "pod-erased")
    assert not Record.objects.exists()
    assert not Key.objects.filter(kind__in=("pod", "grant")).exists()
    assert not CategoryWrap.objects.exists()
    assert not CategoryKey.objects.exists()
    assert Delivery.objects.filter(event_type="grant-withdrawn").exists()
    assert only("pod.erased")["pod"] == pod.ref
    assert pods.read(erased, "preferences") == []
    with pytest.raises(PodErased):
        pods.put(erased, "preferences", PREFERENCES)
    waiting.refresh_from_db()
    assert requests.state(waiting) == "pending"
    known = pairs.pod_of(hotel.partner, grant.pairwise)
    assert known is not None and known.erased_at is not None


def test_erasing_twice_is_once(pod: Pod, owner: Actor) -> None:
    erasure.erase_pod(pod, owner)
    erasure.erase_pod(pod, owner)
    assert len(leaves("pod.erased")) == 1


def test_a_stranger_erases_nothing(pod: Pod, stranger: Pod) -> None:
    for erase in (
        lambda actor: erasure.erase_pod(pod, actor),
        lambda actor: erasure.erase_category(pod, "stay", actor),
    ):
        with pytest.raises(UnknownThing):
            erase(Actor.owner(stranger.owner))
    pod.refresh_from_db()
    assert pod.erased_at is None


def test_erasing_a_category_ends_it_with_every_brand_and_leaves_the_rest(
    pod: Pod, hotel: Client, owner: Actor
) -> None:
    pods.put(pod, "preferences", PREFERENCES)
    both = cast.make_grant(
        pod, hotel, items=[cast.make_item("preferences"), cast.make_item("stay")]
    )
    one = cast.make_grant(pod, items=[cast.make_item("preferences")])

    erasure.erase_category(pod, "preferences", owner)

    one.refresh_from_db()
    assert one.end_kind == Grant.EndKind.WITHDRAWN
    assert list(Grant.objects.live()) == [both]
    assert not Record.objects.exists()
    both.refresh_from_db()
    under = CategoryWrap.objects.filter(under=both.key_id).values_list("category", flat=True)
    assert list(under) == ["stay"]


def test_a_failure_in_the_middle_leaves_everything(
    pod: Pod, grant: Grant, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_pod: Pod) -> None:
        raise ConnectionError

    monkeypatch.setattr(pods, "destroy", away)
    with pytest.raises(ConnectionError):
        erasure.erase_pod(pod, owner)
    grant.refresh_from_db()
    assert grant.is_live
