"""Views at the partner's door: computed, decided and entered like a read; the records stay."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.utils import timezone

from consent import grants, notices
from consent.access import batch, calls, changes, reading
from consent.actors import Actor
from consent.exceptions import (
    ConsentError,
    GrantEnded,
    NotGranted,
    RequestAgainstRule,
    RequestInvalid,
)
from consent.models import Client, Grant
from consent.oauth import tokens
from consent.requests import Choices
from keys.models import CategoryWrap
from tests import cast
from tests.leaves import leaves
from vault import pods
from vault.models import Pod

pytestmark = pytest.mark.django_db
READ_ONLY = {"actions": ["read"], "fields": None}
ME = {"name": "김서연", "birth_date": "1990-03-05", "nationality": "KR"}
JKT = "k" * 43


@pytest.fixture
def shop(db: None) -> Client:
    """A shop that may ask whether somebody is an adult, and for identity itself."""
    made = cast.make_client()
    names = ("identity", "adult", "birth_year", "district")
    cast.make_template(made.partner, categories=dict.fromkeys(names, READ_ONLY))
    return made


@pytest.fixture
def adult(pod: Pod, shop: Client) -> Grant:
    pods.put(pod, "identity", ME)
    return cast.make_grant(pod, shop, items=[view("adult")])


@pytest.fixture
def read(shop: Client) -> Callable[..., dict[str, Any]]:
    token = tokens.digest(tokens.issue(shop))

    def call(grant: Grant, **said: Any) -> dict[str, Any]:
        body = {"subject": grant.pairwise, "purpose": cast.PURPOSE} | said
        found: dict[str, Any] = orjson.loads(orjson.dumps(reading.read(token, calls.parse(body))))
        return found

    return call


def view(name: str, **more: Any) -> dict[str, Any]:
    made = cast.make_item(**more)
    del made["category"]
    return made | {"view": name}


def test_a_view_is_answered_instead_of_the_record(adult: Grant, read: Any) -> None:
    answer = read(adult, view="adult")

    (record,) = answer["records"]
    assert record["data"] == {"adult": True}
    assert (record["category"], record["source"]) == ("adult", {"kind": "owner"})
    assert "1990" not in str(answer)
    assert "김서연" not in str(answer)
    (leaf,) = leaves("record.read")
    assert (leaf["categories"], leaf["id"]) == (["adult"], answer["event"])


def test_its_name_as_category_is_the_same(adult: Grant, read: Any) -> None:
    assert read(adult, category="adult")["records"] == read(adult, view="adult")["records"]


def test_the_record_behind_a_view_is_not_granted(adult: Grant, read: Any) -> None:
    for said in ({"category": "identity"}, {"view": "birth_year"}):
        with pytest.raises(NotGranted):
            read(adult, **said)
    assert not leaves("record.read")


def test_the_record_and_its_view_are_granted_one_by_one(pod: Pod, shop: Client, read: Any) -> None:
    pods.put(pod, "identity", ME)
    items = [view("adult"), cast.make_item("identity", fields=["nationality"])]
    given = cast.make_grant(pod, shop, items=items)

    assert read(given, view="adult")["records"][0]["data"] == {"adult": True}
    assert read(given, category="identity")["records"][0]["data"] == {"nationality": "KR"}


def test_the_grants_key_opens_the_category_of_the_view_and_no_other(adult: Grant) -> None:
    assert {wrap.category for wrap in CategoryWrap.objects.filter(under=adult.key_id)} == {
        "identity"
    }


def test_a_record_that_comes_later_is_seen_through_the_view(
    pod: Pod, shop: Client, read: Any
) -> None:
    given = cast.make_grant(pod, shop, items=[view("birth_year")])
    assert read(given, view="birth_year")["records"] == []
    pods.delete(pods.put(pod, "identity", ME))
    pods.put(pod, "identity", ME | {"birth_date": "2001-01-01"})

    assert read(given, view="birth_year")["records"][0]["data"] == {"birth_year": 2001}


def test_ending_the_category_ends_its_views(adult: Grant, owner: Actor, read: Any) -> None:
    grants.end_category(adult.pod, "identity", Grant.EndKind.WITHDRAWN, "", owner)

    with pytest.raises(GrantEnded):
        read(adult, view="adult")


def test_ending_one_item_keeps_the_view_readable(
    pod: Pod, shop: Client, owner: Actor, read: Any
) -> None:
    pods.put(pod, "identity", ME)
    given = cast.make_grant(pod, shop, items=[view("adult"), cast.make_item("identity")])
    grants.end_item(given.items.get(category="identity"), Grant.EndKind.WITHDRAWN, "", owner)

    assert read(given, view="adult")["records"][0]["data"] == {"adult": True}
    with pytest.raises(NotGranted):
        read(given, category="identity")


def test_a_view_is_read_for_many_and_followed(adult: Grant, shop: Client, pod: Pod) -> None:
    token = tokens.digest(tokens.issue(shop))
    call = {"view": "adult", "purpose": cast.PURPOSE}

    (one,) = batch.read(token, batch.parse(call | {"subjects": [adult.pairwise]}))
    page = changes.read(token, changes.parse(call | {"subject": adult.pairwise}))

    assert isinstance(one, dict)
    assert one["records"][0]["data"] == {"adult": True}
    assert page["changes"][0]["record"]["data"] == {"adult": True}


# All records together ----------------------------------------------------------------
@pytest.fixture
def club(db: None) -> Client:
    made = cast.make_client(level=2)
    cast.make_template(
        made.partner, categories={"weekly_distance": READ_ONLY, "workout": READ_ONLY}
    )
    return made


def run(pod: Pod, at: str, distance: int) -> None:
    track = [{"latitude": 37.5665, "longitude": 126.978}]
    pods.put(
        pod,
        "workout",
        {"kind": "run", "started_at": at, "distance_m": distance, "positions": track,
         "heart_rate": {"average": 151}},
    )  # fmt: skip


def test_a_view_of_all_records_is_one_value(pod: Pod, club: Client) -> None:
    monday = timezone.localtime().date() - timedelta(days=timezone.localtime().weekday())
    last = monday - timedelta(days=7)
    run(pod, f"{monday}T00:01:00+09:00", 5000)
    run(pod, f"{monday}T00:00:30+09:00", 4000)
    run(pod, f"{last}T07:00:00+09:00", 3000)
    given = cast.make_grant(pod, club, items=[view("weekly_distance")])
    digest = tokens.digest(tokens.issue(club, jkt=JKT))
    call = calls.parse(
        {"subject": given.pairwise, "view": "weekly_distance", "purpose": cast.PURPOSE}
    )

    first, second = (reading.read(digest, call, proof_jkt=JKT) for _ in range(2))

    (record,) = first["records"]
    assert record["data"] == {
        "weeks": [
            {"week": f"{last:%G-W%V}", "distance_m": 3000.0},
            {"week": f"{monday:%G-W%V}", "distance_m": 9000.0},
        ],
        "complete": True,
    }
    assert record["source"] == {"kind": "derived"}
    assert record["id"] == second["records"][0]["id"]
    assert "37.5" not in str(first)
    assert "151" not in str(first)


def test_what_is_one_value_of_all_is_followed_by_reading_it(pod: Pod, club: Client) -> None:
    body = {"subject": "s", "view": "weekly_distance", "purpose": "p"}
    with pytest.raises(RequestInvalid):
        changes.parse(body)


# Asking ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("item", "why"),
    [
        (view("no-such-view"), "category-unknown"),
        (view("district", action="contribute"), "action-not-registered"),
        (view("weekly_trip_distance"), "category-not-registered"),
        (view("adult", fields=["birth_date"]), "field-unknown"),
    ],
)
def test_a_view_is_asked_for_by_the_rules(
    pod: Pod, shop: Client, item: dict[str, Any], why: str
) -> None:
    with pytest.raises(RequestAgainstRule) as refused:
        cast.submit(shop, cast.make_body(pod, items=[item]))
    assert refused.value.rule == why


def test_nobody_brings_records_to_a_view(pod: Pod, shop: Client) -> None:
    both = {"actions": ["read", "contribute"], "fields": None}
    cast.make_template(shop.partner, categories={"adult": both})
    with pytest.raises(RequestAgainstRule) as refused:
        cast.submit(shop, cast.make_body(pod, items=[view("adult", action="contribute")]))
    assert refused.value.rule == "view-only-read"


@pytest.mark.parametrize("item", [cast.make_item() | {"view": "adult"}, {"why": 1}])
def test_an_item_is_a_category_or_a_view(pod: Pod, shop: Client, item: dict[str, Any]) -> None:
    with pytest.raises(RequestInvalid):
        cast.submit(shop, cast.make_body(pod, items=[item]))


@pytest.mark.parametrize(
    "said",
    [{"view": "nope"}, {"view": "identity"}, {"view": 1}, {"view": "adult", "category": "adult"}],
)
def test_a_read_names_a_category_or_a_view(said: dict[str, Any]) -> None:
    with pytest.raises(RequestInvalid) as error:
        calls.parse({"subject": "s", "purpose": "p"} | said)
    assert [at for at, _ in error.value.problems] == ["/view"]


@pytest.mark.rule("consent.md", "3.1")
def test_the_notice_says_what_leaves_and_what_does_not(pod: Pod, shop: Client) -> None:
    request = cast.make_request(pod, shop, items=[view("adult")])
    for language, words in (("ko", "생년월일은 나가지 않아요"), ("en", "Not the date of birth")):
        assert words in notices.render(request, Choices.everything(request), language).decode()
    assert notices.required_ticks(request, Choices.everything(request)) == {"provision"}


def test_a_view_of_sensitive_data_has_the_tick_and_the_level_of_its_own_class(pod: Pod) -> None:
    low = cast.make_client(level=1)
    cast.make_template(low.partner, categories={"weekly_distance": READ_ONLY})
    with pytest.raises(ConsentError) as refused:
        cast.submit(low, cast.make_body(pod, items=[view("weekly_distance")]))
    assert refused.value.code == "level-too-low"

    club = cast.make_client(level=2)
    cast.make_template(club.partner, categories={"weekly_distance": READ_ONLY})
    request = cast.make_request(pod, club, items=[view("weekly_distance")])
    # Positions are not in it, so neither is their tick.
    ticks = notices.required_ticks(request, Choices.everything(request))
    assert ticks == {"provision", "sensitive"}
