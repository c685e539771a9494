"""When an event comes again: the schedule, what an answer changes about it, and when people are told."""

from datetime import timedelta

import pytest
from django.utils import timezone

from consent.models import Channel, Delivery, Grant, Partner
from consent.revocation import claims, deliveries, schedule, settling
from tests import cast
from tests.consent.revocation.conftest import later, outcome, owed_for, send_all, types_of_entries
from tests.consent.revocation.receiver import Answer, Brand

pytestmark = pytest.mark.django_db


def test_a_failed_event_comes_again_by_the_published_schedule(told: Partner, owe) -> None:
    Delivery.objects.all().delete()
    delivery = owe()
    listed = schedule.RETRY_AFTER[:4]

    for attempt, wait in enumerate(listed, start=1):
        later(delivery, due_at=timezone.now())
        (claimed,) = claims.claim(10)
        Channel.objects.all().delete()
        before = timezone.now()
        settling.record([settling.Result(claimed=claimed, outcome=outcome(down=True))])
        delivery.refresh_from_db()
        assert delivery.attempts == attempt
        assert wait <= delivery.due_at - before <= wait * 1.25


def test_the_schedule_lasts_72_hours_and_never_ends() -> None:
    assert sum(schedule.RETRY_AFTER, timedelta()) >= timedelta(hours=72)
    assert schedule.next_wait(10_000) >= timedelta(days=1)


def test_retry_after_makes_the_wait_longer_but_not_endless(told: Partner, owe) -> None:
    assert schedule.next_wait(1, timedelta(minutes=7)) == timedelta(minutes=7)
    assert schedule.next_wait(1, timedelta(days=400)) == schedule.LONGEST_WAIT


def test_retry_after_is_honored_for_every_event_of_the_brand(
    told: Partner, hotel, grant: Grant, listening: Brand
) -> None:
    Delivery.objects.all().delete()
    listening.answers["/events"] = Answer(503, {"Retry-After": "120"})
    owed_for(grant)
    send_all()

    other = cast.make_grant(cast.make_pod(), hotel)
    assert Delivery.objects.unsettled().filter(grant=other).exists()
    assert claims.claim(10) == []
    assert Channel.objects.get().shut_until > timezone.now() + timedelta(seconds=100)


def test_gone_stops_the_attempts_until_the_partner_names_an_endpoint(
    told: Partner, owe, listening: Brand
) -> None:
    Delivery.objects.all().delete()
    listening.answers["/events"] = Answer(410)
    delivery = owe()
    send_all()
    later(delivery, due_at=timezone.now())

    assert claims.claim(10) == []
    listening.answers.clear()
    deliveries.redeliver(delivery)
    assert send_all() == 1


def test_an_event_that_is_refused_for_good_is_escalated_at_once_and_tried_daily(
    told: Partner, owe, listening: Brand
) -> None:
    Delivery.objects.all().delete()
    listening.answers["/events"] = Answer(400, body=b'{"err":"invalid_request"}')
    delivery = owe()

    send_all()

    delivery.refresh_from_db()
    assert delivery.escalated_at
    assert delivery.last_outcome == "invalid_request"
    assert delivery.due_at > timezone.now() + timedelta(hours=23)
    assert types_of_entries() == ["delivery.failed"]


def test_after_72_hours_an_event_is_escalated_once_and_still_tried(
    told: Partner, owe, listening: Brand
) -> None:
    Delivery.objects.all().delete()
    listening.answers["/events"] = Answer(500)
    delivery = owe()
    later(delivery, happened_at=timezone.now() - timedelta(hours=73))

    for _ in range(2):
        later(delivery, due_at=timezone.now())
        send_all()

    delivery.refresh_from_db()
    assert delivery.attempts == 2
    assert delivery.abandoned_at is None
    assert types_of_entries() == ["delivery.failed"]


def test_an_event_to_a_partner_without_an_endpoint_is_escalated_too(owe) -> None:
    Delivery.objects.all().delete()
    delivery = owe()
    assert claims.claim(10) == []
    later(delivery, happened_at=timezone.now() - timedelta(hours=73))

    assert settling.escalate_stale() == 1

    assert settling.escalate_stale() == 0
    assert types_of_entries() == ["delivery.failed"]


def test_a_dead_endpoint_gets_one_probe_at_a_time(told: Partner, hotel, grant: Grant) -> None:
    for _ in range(3):
        cast.make_grant(cast.make_pod(), hotel)
    Channel.objects.create(partner=told, failures=schedule.FAILURES_BEFORE_SHUT)

    assert len(claims.claim(50)) == 1


def test_the_breaker_shuts_after_failures_in_a_row_and_opens_on_success(
    told: Partner, hotel, grant: Grant, listening: Brand
) -> None:
    listening.answers["/events"] = Answer(500)
    for _ in range(6):
        Delivery.objects.update(due_at=timezone.now())
        send_all()
    assert Channel.objects.get().shut_until > timezone.now()
    Channel.objects.update(shut_until=timezone.now())
    Delivery.objects.update(due_at=timezone.now())
    listening.answers.clear()

    assert send_all() >= 1

    assert Channel.objects.get().failures == 0
