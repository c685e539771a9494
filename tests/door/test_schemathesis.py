"""Schemathesis tries the whole door: by the description, around it, and against it."""

import os
from pathlib import Path

import pytest

from consent import alliances, grants
from consent.actors import Actor
from consent.models import Grant, Obligation, Partner
from tests import airport, cast
from tests.consent.oauth.flow.hotel import Hotel
from tests.door import brand as brands
from tests.door import fuzz
from tests.door.brand import STAY
from tests.door.server import Server, serving
from vault import pods

# So long in the suite; longer by hand: VAULT_FUZZ_SECONDS=600 VAULT_FUZZ_EXAMPLES=2000
SECONDS = int(os.environ.get("VAULT_FUZZ_SECONDS", "60"))
EXAMPLES = int(os.environ.get("VAULT_FUZZ_EXAMPLES", "12"))
SPARE = 5
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(SECONDS + 120)]


def world(server: Server, hotel: Hotel, made: dict[str, object]) -> fuzz.World:
    return fuzz.World(server=server, hotel=hotel, **made)  # type: ignore[arg-type]


def make() -> dict[str, object]:
    """A brand that fetches its events, and for each kind of id in an address one that it may see."""
    brand = brands.arrive(event_delivery=Partner.EventDelivery.POLL)
    client = brand.made.client
    both = [cast.make_item(name, action=action) for name in ("stay", "preferences")
            for action in ("read", "contribute")]  # fmt: skip
    given = [cast.make_grant(_pod(), client, items=both) for _ in range(2)]
    often = {"count": 3, "unit": "day"}
    counted = cast.make_grant(_pod(), client, frequency=often)
    spare = [cast.make_grant(_pod(), client) for _ in range(SPARE)]
    ended = cast.make_grant(_pod(), client)
    owed = _ended(brand, ended)
    day = airport.make_airport(2)
    alliances.join(day.alliance, client.partner, Actor.operator())
    live = [*given, counted]
    return {
        "brand": brand,
        "ids": {
            "grant_id": [str(each.pk) for each in [*live, ended]],
            "request_id": [str(each.request_id) for each in live],
            "obligation_id": [str(owed.pk)],
        },
        "spare": [str(each.pk) for each in spare],
        "subjects": [each.pairwise for each in [*live, ended]],
    }


def _pod() -> object:
    pod = cast.make_pod()
    pods.put(pod, "stay", STAY)
    return pod


def _ended(brand: brands.Brand, grant: Grant) -> Obligation:
    call = {"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE}
    assert brand.read(call).status_code == 200
    grants.end(grant, Grant.EndKind.WITHDRAWN, "owner", Actor.owner(grant.pod.owner))
    return Obligation.objects.get(grant=grant)


@pytest.mark.rule("Schemathesis on the whole API: no 5xx, no undocumented answer", "issue 4")
def test_whatever_is_sent_gets_a_described_answer(tmp_path: Path) -> None:
    made, hotel = make(), Hotel.arrive()
    with serving(tmp_path, VAULT_TRUSTED_PROXIES="1") as server:
        tried = world(server, hotel, made)
        failures = fuzz.run(tried, seconds=SECONDS, examples=EXAMPLES)
        assert not failures, "\n\n".join(f"{key}\n{value}" for key, value in failures.items())
        assert "unanswered" not in server.said()
    assert tried.calls > 100
    print(f"{tried.calls} calls")
