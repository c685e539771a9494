"""Many workers at once, on PostgreSQL: no event counts twice, none overtakes, none is left."""

import threading
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.utils.timezone import now

from audit.models import Entry
from consent.models import Delivery, Grant, Obligation, Partner
from consent.revocation import bars, claims, courier, schedule, settling
from tests import cast
from tests.consent.revocation.conftest import listen, obliged, owed_for
from tests.consent.revocation.receiver import Answer, Brand, Got

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
WORKERS = 8


def at_once(work: Callable[[], object], times: int = WORKERS) -> list[BaseException]:
    """Run `work` in many threads that start together; return what they raised."""
    raised: list[BaseException] = []
    together = threading.Barrier(times)

    def one() -> None:
        try:
            together.wait()
            work()
        except BaseException as error:  # noqa: BLE001
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def send_until_done() -> None:
    idle = 0
    while idle < 3:
        claimed = claims.claim(5)
        settling.record([courier.attempt(one) for one in claimed])
        idle = 0 if claimed else idle + 1


@pytest.fixture
def hotels(listening: Brand) -> list[Grant]:
    """Four grants to each of three hotels that listen."""
    grants = []
    for number in range(3):
        hotel = cast.make_client()
        cast.make_template(hotel.partner)
        listen(hotel.partner, listening, f"/{number}")
        grants += [cast.make_grant(cast.make_pod(), hotel) for _ in range(4)]
    Delivery.objects.all().delete()
    return grants


def test_workers_at_once_send_every_event_once_and_in_order(
    hotels: list[Grant], listening: Brand
) -> None:
    for epoch in range(2, 6):
        for grant in hotels:
            owed_for(grant, "grant-paused", epoch=epoch)

    raised = at_once(send_until_done)

    assert raised == []
    assert not Delivery.objects.unsettled().exists()
    assert set(listening.effects().values()) == {1}
    assert Entry.objects.filter(type="delivery.sent").count() == 4 * len(hotels)
    epochs: dict[str, list[int]] = {}
    for got in listening.got:
        (payload,) = got.claims["events"].values()
        epochs.setdefault(payload["grant"], []).append(payload["epoch"])
    assert all(seen == sorted(seen) for seen in epochs.values())


def test_no_partner_sees_more_at_once_than_its_share_whoever_claims(
    hotels: list[Grant], listening: Brand
) -> None:
    flying: Counter[str] = Counter()
    most: Counter[str] = Counter()
    lock = threading.Lock()

    def takes(got: Got) -> Answer:
        with lock:
            flying[got.path] += 1
            most[got.path] = max(most[got.path], flying[got.path])
        threading.Event().wait(0.05)
        with lock:
            flying[got.path] -= 1
        return Answer()

    listening.answers |= dict.fromkeys(("/0", "/1", "/2"), takes)
    client = hotels[0].partner.clients.get()
    for _ in range(12):
        owed_for(cast.make_grant(cast.make_pod(), client))

    raised = at_once(lambda: courier.Courier(senders=8).run())

    assert raised == []
    assert max(most.values()) <= schedule.PER_PARTNER


def test_two_that_record_the_same_result_count_it_once(hotels: list[Grant]) -> None:
    owed_for(hotels[0])
    (claimed,) = claims.claim(10)
    result = courier.attempt(claimed)
    counted: list[int] = []

    at_once(lambda: counted.append(settling.record([result])))

    assert sum(counted) == 1
    assert Entry.objects.filter(type="delivery.sent").count() == 1


def test_a_bar_stays_that_one_obligation_puts_while_another_lifts_it(hotels: list[Grant]) -> None:
    settled, overdue = (obliged(grant)[0] for grant in hotels[:2])
    partner = Partner.objects.filter(pk=settled.partner_id)
    Obligation.objects.filter(pk=settled.pk).update(escalation=bars.STAGE, attested_at=now())
    partner.update(requests_barred_at=now())
    put = threading.Event()

    def lift() -> None:
        put.wait(10)
        with transaction.atomic():
            bars.lift(settled.partner_id)
        connection.close()

    lifting = threading.Thread(target=lift)
    lifting.start()
    with transaction.atomic():
        Obligation.objects.filter(pk=overdue.pk).update(escalation=bars.STAGE)
        bars.put(overdue.partner_id, now())
        put.set()
        lifting.join(1)  # not held up, it would be done long before
    lifting.join(10)

    assert partner.get().requests_barred_at is not None
