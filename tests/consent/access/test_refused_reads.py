"""What no partner is answered: each refusal for its reason, and on record."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from audit import tally
from audit.models import Detail, Entry
from consent import grants, partners
from consent.access import calls, reading
from consent.actors import Actor
from consent.exceptions import (
    GrantEnded,
    GrantPaused,
    LevelTooLow,
    NotGranted,
    NotStarted,
    PartnerSuspended,
    PurposeMismatch,
    RecordUnreadable,
    TokenRefused,
    UnknownThing,
)
from consent.models import Client, Grant
from consent.oauth import tokens
from tests import cast
from tests.consent.access.conftest import Read
from tests.leaves import leaves
from vault.models import Pod, Record

pytestmark = pytest.mark.django_db


def refused(call: Callable[[], object], error: type[Exception], code: str) -> None:
    """The call is refused for this reason, and the log says so."""
    before = Entry.objects.filter(type="record.read").count()
    with pytest.raises(error):
        call()
    assert leaves("record.refused")[-1]["reason"] == code
    assert Entry.objects.filter(type="record.read").count() == before


@pytest.mark.rule("consent.md", "6.2")
def test_after_the_end_nothing_is_read(
    read: Read, stay: Record, grant: Grant, owner: Actor
) -> None:
    grants.end(grant, Grant.EndKind.WITHDRAWN, "owner", owner)

    refused(read, GrantEnded, "grant-ended")


def test_while_paused_nothing_is_read_and_afterwards_it_is(
    read: Read, stay: Record, grant: Grant, owner: Actor
) -> None:
    grants.pause(grant, owner)
    refused(read, GrantPaused, "grant-paused")

    grants.resume(Grant.objects.get(pk=grant.pk), owner)
    assert read()["records"]


def test_expiry_needs_no_worker(read: Read, stay: Record, grant: Grant) -> None:
    cast.start(grant, timezone.now() - timedelta(days=2))
    Grant.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    refused(read, GrantEnded, "grant-ended")


def test_before_its_start_nothing_is_read(read: Read, stay: Record) -> None:
    Grant.objects.update(valid_from=timezone.now() + timedelta(hours=1))

    refused(read, NotStarted, "not-started")


def test_another_purpose_is_refused_and_shown_to_the_person(
    read: Read, stay: Record, pod: Pod
) -> None:
    refused(lambda: read(purpose="dpv:DirectMarketing"), PurposeMismatch, "purpose-mismatch")

    assert Detail.objects.get(type="record.refused").person == pod.owner.ref


def test_a_purpose_that_nobody_knows_stands_only_in_the_detail(read: Read, stay: Record) -> None:
    refused(lambda: read(purpose="sell it all"), PurposeMismatch, "purpose-mismatch")

    assert leaves("record.refused")[0]["purpose"] == "unknown"


@pytest.mark.parametrize("category", ["itinerary", "no-such-category"])
def test_another_category_is_refused(read: Read, stay: Record, category: str) -> None:
    refused(lambda: read(category=category), NotGranted, "not-granted")


@pytest.mark.rule("consent.md", "P6")
def test_unknown_and_not_yours_are_the_same(
    read: Read, stay: Record, stranger: Pod, hotel: Client
) -> None:
    other = cast.make_client()
    cast.make_template(other.partner)
    theirs = cast.make_grant(stranger, other)

    refused(lambda: read(subject=theirs.pairwise), UnknownThing, "not-found")
    refused(lambda: read(subject="0" * 32), UnknownThing, "not-found")


def test_a_suspended_partner_is_not_answered(read: Read, stay: Record, hotel: Client) -> None:
    partners.suspend(hotel.partner, "court-order", cast.OPERATOR)

    refused(read, PartnerSuspended, "partner-suspended")


def test_a_killed_token_is_not_answered(
    token: bytes, grant: Grant, stay: Record, hotel: Client
) -> None:
    from consent.models import AccessToken

    value = tokens.issue(hotel)
    call = calls.parse({"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE})
    assert reading.read(tokens.digest(value), call)["records"]

    tokens.kill(value, hotel)

    with pytest.raises(TokenRefused):
        reading.read(tokens.digest(value), call)
    AccessToken.objects.filter(pk=token).update(expires_at=timezone.now())
    with pytest.raises(TokenRefused):
        reading.read(token, call)
    with pytest.raises(TokenRefused):
        reading.read(b"\0" * 32, call)


def test_sensitive_data_needs_a_client_of_level_two(pod: Pod) -> None:
    club = cast.make_client(level=2)
    both = {"workout": {"actions": ["read"], "fields": None}}
    cast.make_template(club.partner, categories=both)
    given = cast.make_grant(pod, club, items=[cast.make_item("workout")])
    low = cast.make_client(club.partner, level=1)
    call = calls.parse({"subject": given.pairwise, "category": "workout", "purpose": cast.PURPOSE})

    bound = tokens.digest(tokens.issue(club, jkt="k" * 43))
    assert reading.read(bound, call, proof_jkt="k" * 43)["records"] == []
    with pytest.raises(LevelTooLow):
        reading.read(tokens.digest(tokens.issue(low)), call)


@pytest.mark.rule("consent.md", "2.2")
def test_from_level_two_on_a_token_counts_only_beside_its_key(pod: Pod, stay: Record) -> None:
    club = cast.make_client(level=2)
    cast.make_template(club.partner)
    given = cast.make_grant(pod, club)
    call = calls.parse({"subject": given.pairwise, "category": "stay", "purpose": cast.PURPOSE})
    bound = tokens.digest(tokens.issue(club, jkt="k" * 43))
    bare = tokens.digest(tokens.issue(club))

    assert reading.read(bound, call, proof_jkt="k" * 43)["records"]
    for digest, proof_jkt in ((bound, ""), (bound, "o" * 43), (bare, ""), (bare, "k" * 43)):
        with pytest.raises(TokenRefused):
            reading.read(digest, call, proof_jkt=proof_jkt)


def test_a_bound_token_of_level_one_is_no_bearer_token_either(
    hotel: Client, grant: Grant, stay: Record
) -> None:
    call = calls.parse({"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE})
    bound = tokens.digest(tokens.issue(hotel, jkt="k" * 43))
    with pytest.raises(TokenRefused):
        reading.read(bound, call)
    assert reading.read(bound, call, proof_jkt="k" * 43)["records"]


def test_a_token_for_one_grant_reads_under_no_other(
    hotel: Client, grant: Grant, stay: Record
) -> None:
    other = cast.make_grant(cast.make_pod(), hotel)
    narrow = tokens.digest(tokens.issue(hotel, grant=grant))
    call = {"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE}
    assert reading.read(narrow, calls.parse(call))["records"]
    with pytest.raises(UnknownThing):
        reading.read(narrow, calls.parse(call | {"subject": other.pairwise}))


@pytest.mark.rule("log.md", "Refusals in floods")
def test_identical_refusals_are_counted_not_written_one_by_one(read: Read, stay: Record) -> None:
    for _ in range(50):
        with pytest.raises(PurposeMismatch):
            read(purpose="dpv:DirectMarketing")
    with time_machine.travel(timezone.now() + timedelta(minutes=5)):
        tally.sweep()

    first, rest = leaves("record.refused")
    assert (rest["of"], rest["repeats"]) == (first["id"], 49)


def test_a_record_that_does_not_open_is_said_to_have_failed(read: Read, stay: Record) -> None:
    Record.objects.update(version=2)

    with pytest.raises(RecordUnreadable):
        read()

    (failed,) = leaves("record.failed")
    assert failed["of"] == leaves("record.read")[0]["id"]
