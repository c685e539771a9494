"""The courier: many senders, no connection held, nothing lost when it closes."""

import pytest
from django.db import connection

from consent.models import Delivery, Partner
from consent.revocation import courier, schedule
from tests import cast
from tests.consent.revocation.conftest import listen
from tests.consent.revocation.receiver import Answer, Brand

pytestmark = pytest.mark.django_db


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
