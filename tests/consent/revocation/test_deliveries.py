"""An event is owed with its change, reaches its brand, and counts once."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from consent.models import Delivery, Grant, Partner
from consent.revocation import claims, courier, deliveries, schedule, settling
from consent.revocation.events import EventType
from keys import tree
from tests import cast
from tests.consent.revocation.conftest import (
    later,
    listen,
    outcome,
    owed_for,
    send_all,
    types_of_entries,
)
from tests.consent.revocation.receiver import Brand

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
def test_an_event_is_owed_only_inside_a_transaction(grant: Grant) -> None:
    with pytest.raises(transaction.TransactionManagementError):
        deliveries.enqueue(grant.partner, grant, EventType.GRANT_PAUSED, {})


def test_an_event_of_a_change_that_failed_is_not_owed(grant: Grant) -> None:
    before = Delivery.objects.count()

    def fail() -> None:
        with transaction.atomic():
            deliveries.enqueue(grant.partner, grant, EventType.GRANT_PAUSED, {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert Delivery.objects.count() == before


def test_an_owed_event_reaches_the_brand_and_the_log(
    told: Partner, owe, listening: Brand, grant: Grant
) -> None:
    Delivery.objects.all().delete()
    delivery = owe()

    assert send_all() == 1

    delivery.refresh_from_db()
    assert delivery.delivered_at
    assert delivery.last_outcome == "accepted"
    (got,) = listening.got
    assert got.headers["content-type"] == "application/secevent+jwt"
    assert got.claims["jti"] == str(delivery.pk)
    assert got.claims["sub_id"] == {"format": "opaque", "id": grant.pairwise}
    assert types_of_entries()[-1] == "delivery.sent"


def test_a_settled_event_is_not_sent_again(told: Partner, owe, listening: Brand) -> None:
    owe()
    send_all()
    seen = len(listening.got)

    assert send_all() == 0

    assert len(listening.got) == seen


def test_a_claimed_event_is_nobody_elses_until_its_lease_ends(told: Partner, owe) -> None:
    Delivery.objects.all().delete()
    delivery = owe()

    (claimed,) = claims.claim(10)

    assert claimed.event.id == delivery.pk
    assert claims.claim(10) == []
    soon = timezone.now() + schedule.LEASE + timedelta(seconds=1)
    assert [one.event.id for one in claims.claim(10, soon)] == [delivery.pk]


def test_a_worker_that_lost_its_lease_changes_nothing(told: Partner, owe) -> None:
    Delivery.objects.all().delete()
    delivery = owe()
    (lost,) = claims.claim(10)
    (held,) = claims.claim(10, timezone.now() + schedule.LEASE + timedelta(seconds=1))

    late = settling.record([settling.Result(claimed=lost, outcome=outcome(accepted=True))])

    delivery.refresh_from_db()
    assert late == 0
    assert delivery.delivered_at is None
    assert delivery.lease_token == held.token
    assert types_of_entries() == []


def test_two_workers_that_both_sent_count_one_effect(told: Partner, owe, listening: Brand) -> None:
    Delivery.objects.all().delete()
    owe()
    (first,) = claims.claim(10)
    (second,) = claims.claim(10, timezone.now() + schedule.LEASE + timedelta(seconds=1))
    results = [courier.attempt(first), courier.attempt(second)]

    counted = [settling.record([result]) for result in results]

    assert sum(counted) == 1
    assert types_of_entries() == ["delivery.sent"]
    # The brand saw it twice, under one id: twice is once there too.
    assert list(listening.effects().values()) == [2]


def test_a_later_event_of_a_grant_waits_for_the_earlier(
    told: Partner, grant: Grant, listening: Brand
) -> None:
    Delivery.objects.all().delete()
    second = owed_for(grant, EventType.GRANT_WITHDRAWN, epoch=3)
    first = owed_for(grant, EventType.GRANT_PAUSED, epoch=2)

    assert [one.event.id for one in claims.claim(10)] == [first.pk]
    later(first, leased_until=None, lease_token=None)
    send_all()

    assert [got.claims["jti"] for got in listening.got] == [str(first.pk), str(second.pk)]


def test_an_escalated_event_no_longer_holds_back_the_next(told: Partner, grant: Grant) -> None:
    Delivery.objects.all().delete()
    first = owed_for(grant, EventType.GRANT_PAUSED, epoch=2)
    second = owed_for(grant, EventType.GRANT_WITHDRAWN, epoch=3)
    later(first, escalated_at=timezone.now(), due_at=timezone.now() + timedelta(days=1))

    assert [one.event.id for one in claims.claim(10)] == [second.pk]


def test_events_of_different_grants_do_not_wait_for_each_other(
    told: Partner, hotel, grant: Grant
) -> None:
    Delivery.objects.all().delete()
    other = cast.make_grant(cast.make_pod(), hotel)
    Delivery.objects.all().delete()
    owed_for(grant, epoch=5)
    owed_for(other, epoch=2)

    assert len(claims.claim(10)) == 2


def test_no_partner_takes_more_than_its_share_of_the_senders(
    told: Partner, hotel, listening: Brand
) -> None:
    Delivery.objects.all().delete()
    for _ in range(schedule.PER_PARTNER + 3):
        cast.make_grant(cast.make_pod(), hotel)
    other = cast.make_grant()
    listen(other.partner, listening, "/other")

    claimed = claims.claim(50)

    by_partner = [one.event.partner for one in claimed]
    assert by_partner.count(told.pk) == schedule.PER_PARTNER
    assert by_partner.count(other.partner_id) == 1
    assert claims.claim(50) == []


def test_first_attempts_come_before_repeats(told: Partner, listening: Brand, grant: Grant) -> None:
    Delivery.objects.update(attempts=3, due_at=timezone.now() - timedelta(hours=1))
    other = cast.make_grant()
    listen(other.partner, listening, "/other")

    (claimed,) = claims.claim(1)

    assert claimed.event.partner == other.partner_id


def test_an_attempt_that_cannot_be_signed_is_tried_again(
    told: Partner, owe, settings, tmp_path
) -> None:
    from keys import keyring

    Delivery.objects.all().delete()
    delivery = owe()
    (claimed,) = claims.claim(10)
    settings.KEYRING_DIR = tmp_path
    keyring.forget()

    result = courier.attempt(claimed)

    assert result.outcome.code == "not-signed"
    assert delivery.delivered_at is None


@pytest.mark.parametrize(
    "changes", [{"claims": {}}, {"claims": []}, {"event_type": "from-a-later-version"}]
)
def test_a_row_that_nobody_can_read_is_escalated_and_stops_no_other(
    told: Partner, hotel, grant: Grant, listening: Brand, changes: dict[str, object]
) -> None:
    Delivery.objects.all().delete()
    broken = owed_for(grant)
    other = owed_for(cast.make_grant(cast.make_pod(), hotel))
    later(broken, **changes)

    send_all()

    broken.refresh_from_db()
    other.refresh_from_db()
    assert (broken.last_outcome, bool(broken.escalated_at)) == ("unreadable", True)
    assert other.delivered_at
    assert "delivery.failed" in types_of_entries()


def test_an_event_about_somebody_who_was_erased_meanwhile_is_still_recorded(
    told: Partner, owe, pod
) -> None:
    Delivery.objects.all().delete()
    delivery = owe()
    (claimed,) = claims.claim(10)
    with transaction.atomic():
        tree.destroy(pod.audit_key_id)

    assert settling.record([courier.attempt(claimed)]) == 1

    delivery.refresh_from_db()
    assert delivery.delivered_at
    assert types_of_entries() == ["delivery.sent"]


def test_abandoning_takes_two_persons(told: Partner, owe) -> None:
    from consent.actors import Actor
    from consent.exceptions import SecondPersonNeeded

    delivery = owe()
    one, two = (Actor.operator(cast.make_owner()) for _ in range(2))

    with pytest.raises(SecondPersonNeeded):
        deliveries.abandon(delivery, "brand dissolved", first=one, second=one)
    assert deliveries.abandon(delivery, "brand dissolved", first=one, second=two)
    assert not deliveries.abandon(delivery, "brand dissolved", first=one, second=two)

    assert types_of_entries() == ["delivery.abandoned", "delivery.abandoned"]
    delivery.refresh_from_db()
    assert delivery.abandoned_at


def test_a_ping_is_the_verification_event_about_nobody(told: Partner, listening: Brand) -> None:
    deliveries.ping(told)

    send_all()

    claims_ = listening.got[-1].claims
    (uri,) = claims_["events"]
    assert uri == "https://schemas.openid.net/secevent/ssf/event-type/verification"
    assert claims_["sub_id"]["id"] == str(told.pk)
