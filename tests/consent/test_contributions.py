"""What brands bring: decided like a read, the owner's from then on, and once."""

from typing import Any
from uuid import uuid4

import pytest

from audit.models import Entry
from consent import contributions, erasure, grants, partners
from consent.access import calls, reading
from consent.actors import Actor
from consent.exceptions import (
    ConsentError,
    GrantEnded,
    GrantPaused,
    KeyReuse,
    NotGranted,
    PartnerSuspended,
    PurposeMismatch,
    RequestInvalid,
    UnknownThing,
)
from consent.models import Client, Contribution, Grant
from consent.oauth import tokens
from tests import cast
from tests.consent.forgetting.test_forgetting import forget
from tests.consent.grants.test_ending import read_once
from tests.leaves import is_about, leaves, only
from vault import pods
from vault.exceptions import RecordInvalid, RRNFound
from vault.models import Pod, Record

STAY = {"hotel": "마루호텔", "city": "서울", "check_in": "2026-11-20", "check_out": "2026-11-21"}
BRINGS = [cast.make_item("stay", action="contribute"), cast.make_item("itinerary")]


@pytest.fixture
def grant(pod: Pod, hotel: Client) -> Grant:
    return cast.make_grant(pod, hotel, items=BRINGS)


def bring(grant: Grant, client: Client, key: str | None = None, **changes: Any) -> dict[str, Any]:
    body = {
        "subject": grant.pairwise, "category": "stay", "purpose": grant.purpose, "record": STAY,
    }  # fmt: skip
    return contributions.contribute(client, body | changes, idempotency_key=key or uuid4().hex)


@pytest.mark.rule("consent.md", "12.2")
def test_what_a_brand_brings_is_the_owners_and_names_the_brand(
    pod: Pod, grant: Grant, hotel: Client
) -> None:
    made = bring(grant, hotel)

    (opened,) = pods.read(pod, "stay")
    assert opened.value == STAY
    record = Record.objects.get()
    assert (record.source, record.source_name) == ("partner", hotel.partner.legal_name_ko)
    told = only("record.contributed")
    assert told["id"] == made["event"]
    assert told["epoch"] == grant.epoch
    assert (told["categories"], told["actions"]) == (["stay"], ["contribute"])
    assert is_about(pod.owner.ref, "record.contributed")
    assert str(record.pk) != made["record"]
    assert "마루" not in str(Contribution.objects.values().get())


@pytest.mark.rule("assurance.md", "promise 6: twice is once")
def test_bringing_it_twice_is_bringing_it_once(grant: Grant, hotel: Client) -> None:
    assert bring(grant, hotel, key="k") == bring(grant, hotel, key="k")

    assert Record.objects.count() == 1
    assert len(leaves("record.contributed")) == 1
    with pytest.raises(KeyReuse):
        bring(grant, hotel, key="k", record=STAY | {"city": "부산"})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"category": "itinerary"}, NotGranted),  # read only
        ({"category": "preferences"}, NotGranted),
        ({"category": "guest@example.com"}, NotGranted),
        ({"purpose": "dpv:DirectMarketing"}, PurposeMismatch),
        ({"purpose": "made up"}, PurposeMismatch),
        ({"subject": "0" * 32}, UnknownThing),
    ],
)
def test_what_was_not_granted_is_refused_and_logged(
    grant: Grant, hotel: Client, change: dict[str, Any], why: type[ConsentError]
) -> None:
    with pytest.raises(why):
        bring(grant, hotel, **change)

    assert not Record.objects.exists()
    told = only("record.refused")
    assert told["reason"] == why.code
    assert told["actions"] == ["contribute"]


@pytest.mark.rule("consent.md", "P6")
def test_another_brand_is_a_stranger(grant: Grant) -> None:
    with pytest.raises(UnknownThing):
        bring(grant, cast.make_client())
    assert not Record.objects.exists()


def test_after_an_end_a_pause_or_a_suspension_nothing_is_taken(
    grant: Grant, hotel: Client, owner: Actor
) -> None:
    grants.pause(grant, owner)
    with pytest.raises(GrantPaused):
        bring(grant, hotel)
    grants.resume(grant, owner)
    partners.suspend(hotel.partner, "partner-breach", cast.OPERATOR)
    with pytest.raises(PartnerSuspended):
        bring(grant, hotel)
    partners.reinstate(hotel.partner, cast.OPERATOR)
    grants.end(grant, "withdrawn", "", owner)
    with pytest.raises(GrantEnded):
        bring(grant, hotel)
    assert not Record.objects.exists()
    assert [told["reason"] for told in leaves("record.refused")] == [
        "grant-paused", "partner-suspended", "grant-ended",
    ]  # fmt: skip


@pytest.mark.rule("consent.md", "6.5")
@pytest.mark.parametrize("is_forgotten", [False, True])
def test_after_its_person_was_erased_it_is_told_of_the_end_as_a_read_is(
    pod: Pod, hotel: Client, owner: Actor, is_forgotten: bool
) -> None:
    grant = cast.make_grant(pod, hotel, items=[*BRINGS, cast.make_item("stay")])
    read_once(grant)
    erasure.erase_pod(pod, owner, at_once=True)
    if is_forgotten:
        forget()
    grant.refresh_from_db()

    with pytest.raises(GrantEnded) as brought:
        bring(grant, hotel)
    asked = {"subject": grant.pairwise, "category": "stay", "purpose": grant.purpose}
    with pytest.raises(GrantEnded) as read:
        reading.read(tokens.digest(tokens.issue(hotel)), calls.parse(asked))

    assert brought.value.obligation is not None
    assert vars(brought.value) == vars(read.value)
    told = leaves("record.refused", reason="grant-ended", grant=grant.ref)
    assert [each["actions"] for each in told] == [["contribute"], ["read"]]


@pytest.mark.rule("PIPA", "Art. 24-2")
def test_a_resident_number_is_not_taken(grant: Grant, hotel: Client) -> None:
    with pytest.raises(RRNFound):
        bring(grant, hotel, record=STAY | {"requests": "주민등록번호 900101-1234567"})
    assert not Record.objects.exists()


def test_a_record_that_does_not_fit_its_category_is_not_taken(grant: Grant, hotel: Client) -> None:
    with pytest.raises(RecordInvalid):
        bring(grant, hotel, record={"hotel": 3})
    with pytest.raises(RequestInvalid):
        bring(grant, hotel, record="text")
    with pytest.raises(RequestInvalid):
        bring(grant, hotel, surprise=True)
    assert not Contribution.objects.exists()


def test_only_granted_fields_are_taken(pod: Pod, hotel: Client) -> None:
    items = [cast.make_item("stay", action="contribute", fields=["hotel", "check_in"])]
    grant = cast.make_grant(pod, hotel, items=items)

    with pytest.raises(RequestInvalid):
        bring(grant, hotel)


def test_a_failure_in_the_middle_leaves_nothing(
    grant: Grant, hotel: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from audit import log

    def away(_draft: object) -> None:
        raise ConnectionError

    entries = Entry.objects.count()
    monkeypatch.setattr(log, "append", away)
    with pytest.raises(ConnectionError):
        bring(grant, hotel)
    assert not Record.objects.exists()
    assert Entry.objects.count() == entries
