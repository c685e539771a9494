from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from audit.models import Entry
from consent.models import Channel, Delivery, Grant, Partner
from consent.revocation import claims, courier, deliveries, schedule, settling
from consent.revocation.events import EventType
from consent.revocation.sending import Outcome
from keys import tree
from tests import cast
from tests.consent.revocation.conftest import later, listen, owed_for, send_all
from tests.consent.revocation.receiver import Answer, Brand

pytestmark = pytest.mark.django_db


def outcome(code: str = "answered-500", **more: object) -> Outcome:
    return Outcome(code=code, **more)  # type: ignore[arg-type]


def types_of_entries() -> list[str]:
    return [one for one in Entry.objects.order_by("seq").values_list("type", flat=True)
            if one.startswith(("delivery", "obligation"))]  # fmt: skip


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


def test_the_courier_sends_everything_and_its_senders_hold_no_connection(
    told: Partner, hotel, listening: Brand
) -> None:
    for _ in range(6):
        cast.make_grant(cast.make_pod(), hotel)
    owed = Delivery.objects.count()
    working = courier.Courier(senders=4)

    settled = working.run()

    # A connection belongs to a thread: each sender says what it has.
    held = [working._pool.submit(lambda: connection.connection).result() for _ in range(20)]
    working.close()
    assert settled == owed
    assert not Delivery.objects.unsettled().exists()
    assert set(held) == {None}


def test_only_one_thread_of_a_process_leads(told: Partner, owe) -> None:
    working = courier.Courier(senders=2)
    with working._leading:
        assert working.run() == 0
    working.close()


def test_a_courier_that_closes_writes_down_what_is_in_flight(
    told: Partner, owe, listening: Brand
) -> None:
    Delivery.objects.all().delete()
    delivery = owe()
    listening.answers["/events"] = Answer(after=0.3)
    working = courier.Courier(senders=2)
    assert working._hand_out() == 1

    working.close()

    delivery.refresh_from_db()
    assert delivery.delivered_at


def test_a_slow_brand_does_not_delay_another(told: Partner, hotel, listening: Brand) -> None:
    for _ in range(schedule.PER_PARTNER + 2):
        cast.make_grant(cast.make_pod(), hotel)
    other = cast.make_grant()
    listen(other.partner, listening, "/quick")
    listening.answers["/events"] = Answer(after=0.5)
    working = courier.Courier(senders=8)

    working.run()

    working.close()
    quick = next(at for at, got in enumerate(listening.got) if got.path == "/quick")
    assert quick <= schedule.PER_PARTNER


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
