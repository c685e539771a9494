"""Why people refused, through the door."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from consent import requests
from consent.actors import Actor
from consent.models import AccessRequest
from tests import cast
from tests.door.brand import Brand

pytestmark = pytest.mark.django_db
PATH = "/api/v1/requests/reasons"


@pytest.fixture
def _refused(hotel: Brand) -> None:
    """Ten people refused the hotel two months ago, ten others never answered."""
    for _ in range(10):
        pod = cast.make_pod()
        asked = cast.make_request(pod, hotel.made.client)
        requests.refuse(asked, actor=Actor.owner(pod.owner), reason="no_trust")
        cast.make_request(cast.make_pod(), hotel.made.client)
    AccessRequest.objects.update(expires_at=timezone.now() - timedelta(days=62))


@pytest.mark.usefixtures("_refused")
@pytest.mark.rule("consent.md", "3.5")
def test_a_brand_learns_its_own_counts_and_nothing_else(hotel: Brand, other: Brand) -> None:
    answer = hotel.send("GET", PATH)
    assert answer.status_code == 200
    (one,) = answer.json()["reasons"]
    assert one.pop("month") < f"{timezone.now():%Y-%m}"
    assert one == {"purpose": cast.PURPOSE, "reason": "no_trust", "people": 10}
    assert other.send("GET", PATH).json() == {"reasons": []}


@pytest.mark.usefixtures("_refused")
def test_more_people_take_no_more_statements(hotel: Brand, other: Brand) -> None:
    counts = []
    for brand in (other, hotel):
        brand.send("GET", PATH)
        with CaptureQueriesContext(connection) as said:
            brand.send("GET", PATH)
        counts.append(len(said))
    assert counts[0] == counts[1]
