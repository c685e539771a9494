"""Over-asking by authorization details: unknown, malformed, or more than was registered (RFC 9396, 5)."""

import json
from datetime import timedelta
from typing import Any

import pytest

from audit.models import Entry
from consent import partners
from tests import cast
from tests.consent.oauth.flow.hotel import Hotel, detail
from tests.consent.oauth.flow.negative.table import need_error, refused

pytestmark = pytest.mark.django_db
INVALID = "invalid_authorization_details"
OBJECTS: dict[str, tuple[dict[str, Any], str]] = {
    "another type": ({"type": "payment_initiation"}, "/0/type"),
    "the type in capitals": ({"type": "URN:consent-vault:rar:data-sharing:v1"}, "/0/type"),
    "no type": ({"type": ...}, "/0"),
    "a field that nobody knows": ({"CANARY": 1}, "/0"),
    "a privilege": ({"privileges": ["admin"]}, "/0"),
    "an identifier of its own": ({"identifier": "CANARY"}, "/0"),
    "a grant of its own": ({"grant": "CANARY"}, "/0"),
    "a notice of its own": ({"notice": {"sha256": "0" * 64}}, "/0"),
    "somebody by mail": ({"subject": {"mail": "CANARY@example.com"}}, "/0"),
    "deleting": ({"actions": ["delete"]}, "/0/actions/0"),
    "an action as text": ({"actions": "read"}, "/0/actions"),
    "no action": ({"actions": []}, "/0/actions"),
    "no datatype": ({"datatypes": []}, "/0/datatypes"),
    "datatypes left out": ({"datatypes": ...}, "/0"),
    "a datatype as a number": ({"datatypes": [1]}, "/0/datatypes/0"),
    "a purpose list": ({"purpose": [cast.PURPOSE, "dpv:Marketing"]}, "/0/purpose"),
    "no purpose": ({"purpose": ...}, "/0"),
    "no end": ({"duration": ...}, "/0"),
    "two ends": ({"expires": "2027-01-01T00:00:00Z"}, "/0"),
    "months, which differ": ({"duration": "P6M"}, "/0/duration"),
    "a length below nothing": ({"duration": "P-1D"}, "/0/duration"),
    "no reason why": ({"why": ...}, "/0"),
    "a reason in one language": ({"why": {"ko": "왜냐하면"}}, "/0/why"),
    "another access mode": ({"access_mode": "sell"}, "/0/access_mode"),
    "every second": ({"frequency": {"count": 1, "unit": "second"}}, "/0/frequency"),
    "another place": ({"locations": ["https://CANARY.example"]}, "locations"),
    "fields of two datatypes": (
        {"datatypes": ["stay", "itinerary"], "fields": ["hotel"]},
        "fields",
    ),
}
RULES: dict[str, tuple[dict[str, Any], str]] = {
    "an unregistered purpose": ({"purpose": "dpv:DirectMarketing"}, "purpose-not-registered"),
    "an unregistered category": ({"datatypes": ["health"]}, "category-not-registered"),
    "a category that nobody has": ({"datatypes": ["CANARY"]}, "category-unknown"),
    "a DPV id of nothing registered": ({"datatypes": ["pd:MedicalHealth"]}, "category-unknown"),
    "an unknown field": ({"fields": ["CANARY"]}, "field-unknown"),
    "longer than registered": ({"duration": "P365D"}, "expiry-above-ceiling"),
    "longer than a year": ({"duration": "P999D"}, "expiry-above-year"),
    "kept longer than registered": ({"retention": "P365D"}, "retention-above-ceiling"),
    "keeping what is looked at": ({"access_mode": "look_only"}, "retention-of-look-only"),
    "storing without an end": ({"retention": ...}, "retention-missing"),
    "passing it on": ({"recipients": [{"name": "CANARY"}]}, "onward-bundled"),
    "a service refused for it": ({"effect_if_refused": "service_refused"}, "service-refused-for-optional"),
    "an end in the past": ({"duration": ..., "expires": "2020-01-01T00:00:00Z"}, "expiry-past"),
    "a registration number": ({"benefit": {"ko": "900101-1234568", "en": "x"}}, "resident-number"),
}  # fmt: skip


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_of_another_form_is_refused(name: str, hotel: Hotel) -> None:
    change, place = OBJECTS[name]
    with refused("details_invalid"):
        answer = hotel.push(detail(**change))
        need_error(answer, INVALID)
    assert place in answer.json()["error_description"]


@pytest.mark.parametrize("name", RULES)
def test_more_than_was_registered_is_refused_whole_and_entered(name: str, hotel: Hotel) -> None:
    change, rule = RULES[name]
    with refused("details_against_rule", entered=rule):
        answer = hotel.push(detail(**change))
        need_error(answer, INVALID)
    assert answer.json()["error_description"].startswith(f"{rule}: ")
    leaf = json.loads(bytes(Entry.objects.order_by("seq").last().leaf))
    assert (leaf["type"], leaf["reason"]) == ("request.refused", rule)
    assert "CANARY" not in json.dumps(leaf)


def test_sensitive_data_is_not_for_every_purpose_and_a_partner_that_is_barred_asks_nothing(
    hotel: Hotel,
) -> None:
    type(hotel.client.partner).objects.update(requests_barred_at=hotel.client.registered_at)
    with refused("requests_barred", entered="requests-barred"):
        need_error(hotel.push(), "unauthorized_client")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "CANARY",
        "{}",
        "[]",
        "null",
        "[1]",
        "[[]]",
        '"x"',
        '[{"type":1,"type":2}]',
        "[" * 99,
        "[NaN]",
    ],
)
def test_what_is_no_list_of_objects_is_refused(text: str, hotel: Hotel) -> None:
    with refused("details_invalid"):
        need_error(hotel.push(authorization_details=text), INVALID)


def test_details_are_needed(hotel: Hotel) -> None:
    with refused("details_invalid"):
        need_error(hotel.push(authorization_details=...), INVALID)


@pytest.mark.parametrize(
    "change",
    [{"purpose": "dpv:ServiceUsageAnalytics"}, {"duration": "P7D"}, {"retention": "P7D"},
     {"benefit": {"ko": "다른 것", "en": "Something else"}}, {"access_mode": "look_only"}],
)  # fmt: skip
def test_two_objects_share_everything_but_their_data(change: dict[str, Any], hotel: Hotel) -> None:
    second = detail(datatypes=["itinerary"], **change)
    with refused("details_invalid"):
        need_error(hotel.push(detail(), second), INVALID)


def test_more_objects_than_anybody_can_read_are_refused(hotel: Hotel) -> None:
    with refused("details_invalid"):
        need_error(hotel.push(*[detail() for _ in range(41)]), INVALID)
    with refused("details_against_rule", entered="item-repeated"):
        need_error(hotel.push(detail(), detail()), INVALID)


def test_what_was_registered_for_fewer_fields_is_asked_for_no_more(hotel: Hotel) -> None:
    partners.publish_purpose(
        hotel.client.partner, cast.OPERATOR, purpose=cast.PURPOSE, title_ko="머묾", title_en="Stay",
        categories={"stay": {"actions": ["read"], "fields": ["hotel"]}},
        max_expiry=timedelta(days=30), max_retention=timedelta(days=30), access_modes=["may_store"],
    )  # fmt: skip
    with refused("details_against_rule", entered="field-not-registered"):
        need_error(hotel.push(detail(fields=["hotel", "room"])), INVALID)
    with refused("details_against_rule", entered="action-not-registered"):
        need_error(hotel.push(detail(actions=["contribute"])), INVALID)
