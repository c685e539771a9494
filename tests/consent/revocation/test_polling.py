"""A brand that fetches its events (RFC 8936) learns the same, in the same order, as one that is told."""

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest
from django.utils import timezone
from pytest_django import Settings

from audit.models import Entry
from consent import grants
from consent.actors import Actor
from consent.models import Channel, Delivery, Grant, Obligation, Partner
from consent.revocation import claims, deliveries, polling, schedule, settling
from consent.revocation.events import EventType
from tests import cast
from tests.consent.revocation.conftest import later, owed_for, send_all, was_read
from tests.consent.revocation.receiver import Brand as Server
from tests.door import brand as brands
from tests.door.brand import Brand, code

pytestmark = pytest.mark.django_db
EXCHANGES = json.loads(
    (Path(__file__).parents[2] / "vectors/set/rfc8935-8936-exchanges.json").read_text()
)
AT_ONCE = {"returnImmediately": True}


@pytest.fixture(autouse=True)
def _origin(settings: Settings) -> None:
    settings.ORIGIN = brands.ISSUER


@pytest.fixture
def fetching() -> Brand:
    """A brand without an address that anybody could send to."""
    made = brands.arrive()
    choose(made.made.client.partner, Partner.EventDelivery.POLL)
    return made


@pytest.fixture
def given(fetching: Brand) -> Grant:
    """Its grant, read once; what led to it counts as told."""
    grant = cast.make_grant(cast.make_pod(), fetching.made.client)
    was_read(grant)
    Delivery.objects.update(delivered_at=timezone.now())
    return grant


def choose(partner: Partner, way: str) -> None:
    Partner.objects.filter(pk=partner.pk).update(event_delivery=way)


def fetch(brand: Brand, **body: Any) -> dict[str, Any]:
    answer = brand.send("POST", "/api/v1/events/poll", AT_ONCE | body)
    assert answer.status_code == 200, answer.content
    return answer.json()


def end(grant: Grant) -> Delivery:
    grants.end(grant, Grant.EndKind.WITHDRAWN, "", Actor.owner(grant.pod.owner))
    return Delivery.objects.get(event_type=EventType.GRANT_WITHDRAWN, grant=grant)


@pytest.mark.rule("RFC 8936", "2.2")
def test_the_requests_of_the_standard_are_understood() -> None:
    for body in EXCHANGES["poll"]["requests"]:
        polling.parse(body)


@pytest.mark.rule("RFC 8936", "2.3")
def test_an_end_is_fetched_signed_and_an_acknowledgement_counts_as_an_arrival(
    fetching: Brand, given: Grant
) -> None:
    delivery = end(given)

    answer = fetch(fetching)

    (jti,) = answer["sets"]
    assert jti == str(delivery.pk)
    assert answer["moreAvailable"] is False
    header = pyjwt.get_unverified_header(answer["sets"][jti])
    assert header["typ"] == "secevent+jwt"
    keys = fetching.http.get("/.well-known/jwks.json").json()
    key = pyjwt.PyJWKSet.from_dict(keys)[header["kid"]]
    said = pyjwt.decode(
        answer["sets"][jti], key, algorithms=["ES256"], audience=str(given.partner_id)
    )
    assert said["jti"] == jti
    assert said["events"][EventType.GRANT_WITHDRAWN.uri]["grant"] == str(given.pk)

    assert fetch(fetching, ack=[jti], maxEvents=0) == {"sets": {}, "moreAvailable": False}

    delivery.refresh_from_db()
    assert delivery.delivered_at
    assert delivery.last_outcome == "accepted"
    assert Obligation.objects.get().acknowledged_at
    assert Entry.objects.filter(type="delivery.sent").count() == 1
    assert Entry.objects.filter(type="obligation.acknowledged").count() == 1


@pytest.mark.rule("P8: twice is once", "consent.md 9")
def test_an_event_acknowledged_twice_counts_once(fetching: Brand, given: Grant) -> None:
    jti = str(end(given).pk)
    fetch(fetching)

    for _ in range(3):
        fetch(fetching, ack=[jti, jti])

    assert Entry.objects.filter(type="delivery.sent").count() == 1
    assert fetch(fetching)["sets"] == {}


def test_what_was_not_acknowledged_is_handed_out_again_after_its_lease(
    fetching: Brand, given: Grant
) -> None:
    delivery = end(given)
    assert fetch(fetching)["sets"]
    assert fetch(fetching)["sets"] == {}

    later(delivery, leased_until=timezone.now() - timedelta(seconds=1))

    assert set(fetch(fetching)["sets"]) == {str(delivery.pk)}
    delivery.refresh_from_db()
    assert delivery.attempts == 2


def test_a_late_acknowledgement_is_as_good_as_one_in_time(fetching: Brand, given: Grant) -> None:
    delivery = end(given)
    fetch(fetching)
    later(delivery, leased_until=timezone.now() - timedelta(days=1))

    fetch(fetching, ack=[str(delivery.pk)])

    delivery.refresh_from_db()
    assert delivery.delivered_at


def test_answers_about_what_is_not_ones_own_change_nothing(fetching: Brand, given: Grant) -> None:
    delivery = end(given)
    fetch(fetching)
    stranger = brands.arrive()
    choose(stranger.made.client.partner, Partner.EventDelivery.POLL)

    jti = str(delivery.pk)
    fetch(stranger, ack=[jti, "no-id", "", jti.upper()], setErrs={jti: {"err": "invalid_request"}})

    delivery.refresh_from_db()
    assert delivery.delivered_at is None
    assert delivery.escalated_at is None
    assert delivery.last_outcome == "handed-out"


def test_what_was_never_handed_out_cannot_be_acknowledged(fetching: Brand, given: Grant) -> None:
    delivery = end(given)

    fetch(fetching, ack=[str(delivery.pk)], maxEvents=0)

    delivery.refresh_from_db()
    assert delivery.delivered_at is None


@pytest.mark.rule("RFC 8936", "2.6")
def test_a_refused_event_is_recorded_and_one_that_cannot_heal_escalates(
    fetching: Brand, given: Grant
) -> None:
    other = cast.make_grant(cast.make_pod(), fetching.made.client)
    Delivery.objects.filter(grant=other).update(delivered_at=timezone.now())
    first, second = end(given), end(other)
    fetch(fetching)

    errors = {
        str(first.pk): {"err": "invalid_key", "description": "we do not know it"},
        str(second.pk): {"err": "invalid_request", "description": "we cannot read it"},
    }
    fetch(fetching, setErrs=errors)

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.last_outcome, first.escalated_at) == ("invalid_key", None)
    assert timedelta() < first.due_at - timezone.now() <= schedule.RETRY_AFTER[0] * 1.2
    assert second.last_outcome == "invalid_request"
    assert second.escalated_at
    assert Entry.objects.filter(type="delivery.failed").count() == 1


def test_words_that_a_brand_makes_up_are_not_kept(fetching: Brand, given: Grant) -> None:
    delivery = end(given)
    fetch(fetching)

    fetch(fetching, setErrs={str(delivery.pk): {"err": "canary-7f3a", "description": "canary"}})

    delivery.refresh_from_db()
    assert delivery.last_outcome == "refused"


@pytest.mark.rule("order by epoch per grant", "docs/decisions/0004-deliveries.md")
def test_a_later_event_of_a_grant_waits_for_the_earlier(fetching: Brand, given: Grant) -> None:
    owner = Actor.owner(given.pod.owner)
    grants.pause(given, owner)
    grants.resume(given, owner)
    end(given)
    seen = []

    for count in (1, 1, 1, 0):
        sets = fetch(fetching)["sets"]
        assert len(sets) == count
        assert fetch(fetching)["sets"] == {}, "the next one waits for the answer to this"
        seen += [pyjwt.decode(one, options={"verify_signature": False}) for one in sets.values()]
        fetch(fetching, ack=list(sets), maxEvents=0)

    told = [next(iter(one["events"])).rpartition("/")[2] for one in seen]
    assert told == ["grant-paused", "grant-resumed", "grant-withdrawn"]


def test_more_than_fits_is_announced(fetching: Brand) -> None:
    Delivery.objects.all().delete()
    for _ in range(3):
        end(cast.make_grant(cast.make_pod(), fetching.made.client))
    Delivery.objects.exclude(event_type=EventType.GRANT_WITHDRAWN).delete()

    answer = fetch(fetching, maxEvents=2)

    assert (len(answer["sets"]), answer["moreAvailable"]) == (2, True)
    answer = fetch(fetching, maxEvents=2)
    assert (len(answer["sets"]), answer["moreAvailable"]) == (1, False)


def test_a_verification_event_comes_by_either_way(
    fetching: Brand, told: Partner, listening: Server
) -> None:
    pinged = [deliveries.ping(fetching.made.client.partner), deliveries.ping(told)]

    send_all()

    assert set(fetch(fetching)["sets"]) == {str(pinged[0].pk)}
    assert set(listening.effects()) == {str(pinged[1].pk)}


def test_a_brand_that_fetches_is_sent_nothing(
    fetching: Brand, given: Grant, listening: Server
) -> None:
    Partner.objects.filter(pk=given.partner_id).update(event_endpoint=listening.at("/events"))
    end(given)

    assert claims.claim(10) == []


def test_a_brand_whose_events_are_pushed_is_told_so_but_its_answers_count(
    fetching: Brand, given: Grant
) -> None:
    delivery = end(given)
    fetch(fetching)
    choose(given.partner, Partner.EventDelivery.PUSH)

    answer = fetching.send("POST", "/api/v1/events/poll", {"ack": [str(delivery.pk)]})

    assert (answer.status_code, code(answer)) == (409, "events-are-pushed")
    delivery.refresh_from_db()
    assert delivery.delivered_at


def test_a_brand_that_changes_from_fetching_to_being_told_misses_nothing(
    fetching: Brand, given: Grant, listening: Server
) -> None:
    delivery = end(given)
    fetch(fetching)
    choose(given.partner, Partner.EventDelivery.PUSH)
    Partner.objects.filter(pk=given.partner_id).update(event_endpoint=listening.at("/events"))
    later(delivery, leased_until=timezone.now() - timedelta(seconds=1))

    assert send_all() == 1
    assert set(listening.effects()) == {str(delivery.pk)}


@pytest.mark.parametrize(
    "body",
    [
        [], "poll", {"maxEvents": -1}, {"maxEvents": True}, {"maxEvents": "9"}, {"max": 1},
        {"returnImmediately": 1}, {"ack": "x"}, {"ack": [1]}, {"ack": ["x"] * 1001},
        {"setErrs": []}, {"setErrs": {"x": "err"}}, {"setErrs": {"x": {}}},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_poll_is_refused_and_changes_nothing(
    body: object, fetching: Brand, given: Grant
) -> None:
    delivery = end(given)

    answer = fetching.send("POST", "/api/v1/events/poll", body)

    assert (answer.status_code, code(answer)) == (422, "request-invalid")
    delivery.refresh_from_db()
    assert delivery.attempts == 0


@pytest.mark.django_db(transaction=True)
def test_a_call_that_waits_is_answered_as_soon_as_something_ends(
    fetching: Brand, given: Grant, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            end(given)

    monkeypatch.setattr(polling, "sleep", sleep)
    answer = fetching.send("POST", "/api/v1/events/poll", {})

    assert len(answer.json()["sets"]) == 1
    assert len(slept) == 2


def test_a_call_never_waits_longer_than_it_says(
    fetching: Brand, given: Grant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "WAITS_FOR", timedelta(seconds=0.2))
    monkeypatch.setattr(polling, "_GLANCE", 0.05)
    began = time.monotonic()

    answer = fetching.send("POST", "/api/v1/events/poll", {})

    assert answer.json() == {"sets": {}, "moreAvailable": False}
    assert 0.2 <= time.monotonic() - began < 5


def test_few_calls_may_wait_and_the_others_are_answered_at_once(
    fetching: Brand, given: Grant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "sleep", lambda _: pytest.fail("it waits"))
    for _ in range(polling.WAITERS):
        polling._waiting.acquire()
    try:
        assert fetching.send("POST", "/api/v1/events/poll", {}).json()["sets"] == {}
    finally:
        for _ in range(polling.WAITERS):
            polling._waiting.release()


def test_a_row_that_nobody_can_read_stops_no_other(fetching: Brand, given: Grant) -> None:
    broken = owed_for(given)
    other = end(cast.make_grant(cast.make_pod(), fetching.made.client))
    Delivery.objects.filter(grant=other.grant).exclude(pk=other.pk).update(
        delivered_at=timezone.now()
    )
    later(broken, claims={})

    assert set(fetch(fetching)["sets"]) == {str(other.pk)}
    broken.refresh_from_db()
    assert broken.escalated_at


def test_an_event_that_is_never_fetched_escalates(fetching: Brand, given: Grant) -> None:
    delivery = end(given)

    assert settling.escalate_stale(delivery.happened_at + schedule.ESCALATE_AFTER) == 1
    assert not Channel.objects.exists()
