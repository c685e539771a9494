"""What may be asked, and what is refused before an owner sees it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.models import Entry
from consent import partners
from consent.exceptions import (
    KeyReuse,
    PartnerSuspended,
    RequestAgainstRule,
    RequestInvalid,
    RequestsBarred,
    RequestThrottled,
)
from consent.models import AccessRequest, Client, Partner
from tests import cast
from tests.leaves import leaves, only
from vault.models import Pod

Change = dict[str, Any] | Callable[[], dict[str, Any]]
RRN = "900101-1234567"
SPACED = "9 0 0 1 0 1 1 2 3 4 5 6 8"


def days(count: int) -> str:
    return (timezone.now() + timedelta(days=count)).isoformat()


def test_a_request_reaches_the_owner_and_is_in_the_log(pod: Pod, hotel: Client) -> None:
    request = cast.submit(hotel, cast.make_body(pod)).request

    assert request.pod == pod
    told = only("request.made")
    assert told["request"] == request.ref
    assert told["categories"] == ["stay"]
    assert told["actor"] == {
        "role": "partner", "partner": hotel.partner.ref, "client": hotel.ref,
    }  # fmt: skip


@pytest.mark.rule("consent.md", "3.6")
@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("session-without-person", {"in_session": True}),
        ("zero-items", {"items": []}),
        ("item-repeated", {"items": [cast.make_item(), cast.make_item()]}),
        ("purpose-not-registered", {"purpose": "dpv:CustomerCare"}),
        ("purpose-not-registered", {"purpose": "dpv:Everything"}),
        ("category-unknown", {"items": [cast.make_item("no_such_thing")]}),
        ("category-unknown", {"items": [cast.make_item("guest@example.com")]}),
        ("category-not-registered", {"items": [cast.make_item("purchase")]}),
        ("field-unknown", {"items": [cast.make_item(fields=["no_such_field"])]}),
        (
            "service-refused-for-optional",
            {"items": [cast.make_item(effect_if_refused="service_refused")]},
        ),
        ("effect-unnamed", {"items": [cast.make_item(effect_if_refused="feature_missing")]}),
        ("retention-missing", {"retention_days": None}),
        ("retention-missing", {"retention_days": 0}),
        ("retention-of-look-only", {"access_mode": "look_only"}),
        ("retention-above-ceiling", {"retention_days": 91}),
        ("onward-bundled", {"onward": [{"name": "somebody"}]}),
        ("range-empty", {"range": {"since": "2026-11-02", "until": "2026-11-01"}}),
        ("range-empty", {"range": {"last_days": 3, "until": "2026-11-01"}}),
        ("expiry-past", lambda: {"expires": days(-1)}),
        ("expiry-past", lambda: {"valid_from": days(10), "expires": days(9)}),
        ("start-past", lambda: {"valid_from": days(-1)}),
        ("expiry-above-ceiling", lambda: {"expires": days(181)}),
        ("expiry-above-year", lambda: {"expires": days(400)}),
        ("bound-to-past", lambda: {"bound_to": {"kind": "stay", "ref": "s1", "ends_at": days(-1)}}),
        ("at-least-above-asked", lambda: {"at_least": {"expires": days(31)}}),
        ("resident-number", {"benefit": {"ko": f"주민등록번호 {RRN}", "en": "none"}}),
        ("resident-number", {"items": [cast.make_item(RRN)]}),
        ("resident-number", {"items": [cast.make_item(why={"ko": SPACED, "en": "x"})]}),
        ("resident-number", {"benefit": {"ko": RRN.replace("-", " " * 30), "en": "none"}}),
    ],
)
def test_a_request_against_a_rule_is_refused_and_logged_with_the_rule(
    pod: Pod, hotel: Client, rule: str, change: Change
) -> None:
    body = cast.make_body(pod, **(change() if callable(change) else change))

    with pytest.raises(RequestAgainstRule) as refused:
        cast.submit(hotel, body)

    assert refused.value.rule == rule
    assert not AccessRequest.objects.exists()
    assert only("request.refused")["reason"] == rule


@pytest.mark.rule("consent.md", "2.2")
def test_a_ceiling_is_never_cut_to_fit(pod: Pod) -> None:
    client = cast.make_client()
    cast.make_template(client.partner, max_frequency={"count": 2, "unit": "day"})

    with pytest.raises(RequestAgainstRule) as refused:
        cast.submit(client, cast.make_body(pod, frequency={"count": 3, "unit": "day"}))
    assert refused.value.rule == "frequency-above-ceiling"
    with pytest.raises(RequestAgainstRule):
        cast.submit(client, cast.make_body(pod))
    cast.submit(client, cast.make_body(pod, frequency={"count": 2, "unit": "week"}))


@pytest.mark.rule("consent.md", "2.2")
@pytest.mark.parametrize("category", ["health", "official_id", "workout"])
def test_sensitive_data_and_unique_ids_need_a_client_of_level_2(pod: Pod, category: str) -> None:
    partner = cast.make_partner()
    cast.make_template(partner, categories={category: {"actions": ["read"], "fields": None}})
    body = cast.make_body(pod, items=[cast.make_item(category)])

    with pytest.raises(RequestAgainstRule) as refused:
        cast.submit(cast.make_client(partner, level=1), body)
    assert refused.value.rule == "level-too-low"

    cast.submit(cast.make_client(partner, level=2), body)


def test_a_field_outside_the_registered_ones_is_refused(pod: Pod) -> None:
    client = cast.make_client()
    stay = {"actions": ["read"], "fields": ["hotel", "city"]}
    cast.make_template(client.partner, categories={"stay": stay})

    for fields in (None, ["hotel", "room"]):
        with pytest.raises(RequestAgainstRule) as refused:
            cast.submit(client, cast.make_body(pod, items=[cast.make_item(fields=fields)]))
        assert refused.value.rule == "field-not-registered"
    cast.submit(client, cast.make_body(pod, items=[cast.make_item(fields=["hotel"])]))


def test_photos_with_others_in_them_are_looked_at_and_never_stored(pod: Pod) -> None:
    client = cast.make_client()
    photo = {"actions": ["read"], "fields": None}
    cast.make_template(client.partner, categories={"family_photo": photo})
    items = [cast.make_item("family_photo")]

    with pytest.raises(RequestAgainstRule) as refused:
        cast.submit(client, cast.make_body(pod, items=items))
    assert refused.value.rule == "look-only-category"
    looked = cast.make_body(pod, items=items, access_mode="look_only", retention_days=None)
    cast.submit(client, looked)


def test_marketing_is_declared(pod: Pod) -> None:
    client = cast.make_client()
    cast.make_template(client.partner, purpose="dpv:DirectMarketing")

    with pytest.raises(RequestAgainstRule) as refused:
        cast.submit(client, cast.make_body(pod, purpose="dpv:DirectMarketing"))
    assert refused.value.rule == "marketing-not-declared"


def view(name: str) -> dict[str, Any]:
    item = cast.make_item()
    del item["category"]
    return item | {"view": name}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"surprise": "secret-value"}, ""),
        ({"benefit": "secret-value"}, "/benefit"),
        ({"subject": {"mail": "a@example.com", "link": True}}, "/subject"),
        ({"subject": {"phone": "secret-value"}}, "/subject"),
        ({"items": [cast.make_item(required="secret-value")]}, "/items/0/required"),
        ({"items": [cast.make_item(why={"ko": "secret-value"})]}, "/items/0/why"),
        ({"items": [cast.make_item(why={"ko": " ", "en": "x"})]}, "/items/0/why/ko"),
        # Of what only controls and hides characters nothing is left that could be shown.
        ({"items": [cast.make_item(why={"ko": "\u0002\u200b", "en": "x"})]}, "/items/0/why/ko"),
        ({"items": [view("\u0002\u202e")]}, "/items/0/view"),
        ({"frequency": {"count": 0, "unit": "day"}}, "/frequency"),
        ({"expires": "secret-value"}, "/expires"),
        ({"expires": "9999-12-31T23:59:59-14:00"}, "/expires"),
        ({"partner_ref": "x" * 65}, "/partner_ref"),
        ({"access_mode": "secret-value"}, "/access_mode"),
    ],
)
def test_a_malformed_request_is_told_where_and_never_what(
    pod: Pod, hotel: Client, change: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(RequestInvalid) as invalid:
        cast.submit(hotel, cast.make_body(pod, **change))

    assert pointer in [where for where, _ in invalid.value.problems]
    assert "secret-value" not in str(invalid.value)
    assert not AccessRequest.objects.exists()


@pytest.mark.parametrize("body", [None, [], "text", 3, {"items": [[]]}, {}])
def test_something_that_is_no_request_is_refused(hotel: Client, body: Any) -> None:
    with pytest.raises(RequestInvalid):
        cast.submit(hotel, body)


def test_texts_cannot_hide_or_turn_words_of_the_notice(pod: Pod, hotel: Client) -> None:
    trick = {"ko": "좋은 \u202e혜택\u200b\n무료", "en": "A\u0000 \u2066good\u2069 thing"}
    request = cast.submit(hotel, cast.make_body(pod, benefit=trick)).request

    assert request.benefit_ko == "좋은 혜택 무료"
    assert request.benefit_en == "A good thing"


@pytest.mark.rule("assurance.md", "promise 6: twice is once")
def test_the_same_key_and_body_is_the_same_request(pod: Pod, hotel: Client) -> None:
    body = cast.make_body(pod)
    first = cast.submit(hotel, body, key="k")

    assert cast.submit(hotel, dict(reversed(body.items())), key="k").request == first.request
    assert len(leaves("request.made")) == 1
    with pytest.raises(KeyReuse):
        cast.submit(hotel, body | {"partner_ref": "other"}, key="k")


def test_a_key_belongs_to_one_client(pod: Pod, hotel: Client) -> None:
    other = cast.make_client()
    cast.make_template(other.partner)
    first = cast.submit(hotel, cast.make_body(pod), key="k").request

    assert cast.submit(other, cast.make_body(pod), key="k").request != first


@pytest.mark.rule("consent.md", "2.3")
def test_a_suspended_partner_cannot_ask(pod: Pod, hotel: Client) -> None:
    partners.suspend(hotel.partner, "partner-breach", cast.OPERATOR)

    with pytest.raises(PartnerSuspended):
        cast.submit(hotel, cast.make_body(pod))
    assert only("request.refused")["reason"] == "partner-suspended"


@pytest.mark.rule("consent.md", "8.2")
def test_a_partner_with_overdue_obligations_cannot_ask(pod: Pod, hotel: Client) -> None:
    Partner.objects.filter(pk=hotel.partner_id).update(requests_barred_at=timezone.now())

    with pytest.raises(RequestsBarred):
        cast.submit(hotel, cast.make_body(pod))


@pytest.mark.rule("consent.md", "3.7")
@pytest.mark.parametrize("is_customer", [True, False])
def test_asking_again_is_throttled_for_customers_and_strangers_alike(
    hotel: Client, is_customer: bool
) -> None:
    pod = cast.make_pod() if is_customer else None
    subject = {"mail": pod.owner.email if pod else "nobody@example.com"}
    cast.submit(hotel, cast.make_body(subject=subject))

    with pytest.raises(RequestThrottled):
        cast.submit(hotel, cast.make_body(subject={"mail": subject["mail"].upper()}))
    assert only("request.refused")["reason"] == "request-throttled"


def test_another_purpose_partner_or_day_is_not_throttled(pod: Pod, hotel: Client) -> None:
    cast.submit(hotel, cast.make_body(pod))
    cast.make_template(hotel.partner, purpose="dpv:CustomerCare")
    other = cast.make_client()
    cast.make_template(other.partner)

    cast.submit(hotel, cast.make_body(pod, purpose="dpv:CustomerCare"))
    cast.submit(other, cast.make_body(pod))
    AccessRequest.objects.update(asked_at=timezone.now() - timedelta(days=2))
    cast.submit(hotel, cast.make_body(pod))


def test_nobody_is_asked_more_than_three_times_a_month(pod: Pod, hotel: Client) -> None:
    for _ in range(3):
        cast.submit(hotel, cast.make_body(pod))
        AccessRequest.objects.update(asked_at=timezone.now() - timedelta(days=2))

    with pytest.raises(RequestThrottled):
        cast.submit(hotel, cast.make_body(pod))


def test_many_refusals_alike_are_one_entry_and_a_count(pod: Pod, hotel: Client) -> None:
    for _ in range(20):
        with pytest.raises(RequestAgainstRule):
            cast.submit(hotel, cast.make_body(pod, items=[]))

    assert Entry.objects.filter(type="request.refused").count() == 1


def test_a_failure_in_the_middle_leaves_nothing(
    pod: Pod, hotel: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from audit import log

    def away(_draft: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(log, "append", away)
    with pytest.raises(ConnectionError):
        cast.submit(hotel, cast.make_body(pod))

    assert not AccessRequest.objects.exists()
