"""What the storm looks for it would find: each check meets the wrong it is there for."""

import base64
import time
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils import timezone

from consent import grants
from consent.actors import Actor
from consent.models import Delivery, Grant
from tests import cast
from tests.chaos import checks
from tests.chaos.account import Account
from tests.chaos.checks import Log
from tests.chaos.doors import CANARY
from tests.chaos.people import World
from tests.consent.revocation.conftest import was_read
from tests.consent.revocation.receiver import Brand

pytestmark = pytest.mark.django_db


@pytest.fixture
def grant() -> Grant:
    return cast.make_grant()


def end(grant: Grant, account: Account) -> None:
    grants.end(grant, Grant.EndKind.WITHDRAWN, "owner", Actor.owner(grant.pod.owner))
    account.unknown_ends.add(str(grant.pk))
    account.ended([str(grant.pk)], time.monotonic())


def last_event() -> str:
    return str(Log.read().leaves[-1]["id"])


def test_nothing_is_found_where_all_is_well(grant: Grant) -> None:
    account = Account()
    was_read(grant)
    account.say_yes("read", last_event(), str(grant.pk), time.monotonic())
    end(grant, account)

    assert not list(checks.nothing_after_an_end(account, Log.read()))
    assert not list(checks.entries_are_what_was_answered(account, Log.read()))


def test_a_read_that_was_asked_after_the_end_is_found(grant: Grant) -> None:
    account = Account()
    was_read(grant)
    event = last_event()
    end(grant, account)
    account.say_yes("batch", event, str(grant.pk), time.monotonic())

    (found,) = checks.nothing_after_an_end(account, Log.read())
    assert "served after its end" in found


def test_an_entry_of_a_read_behind_the_end_is_found_whatever_the_brands_say(grant: Grant) -> None:
    account = Account()
    end(grant, account)
    was_read(grant)

    (found,) = checks.nothing_after_an_end(account, Log.read())
    assert "after its end" in found


def test_an_answer_without_an_entry_is_found(grant: Grant) -> None:
    account = Account()
    account.say_yes("changes", str(uuid4()), str(grant.pk), time.monotonic())

    found = " ".join(checks.entries_are_what_was_answered(account, Log.read()))
    assert "no such entry" in found


def test_an_entry_that_nobody_was_answered_is_found_unless_an_answer_was_lost(grant: Grant) -> None:
    account = Account()
    was_read(grant)

    assert list(checks.entries_are_what_was_answered(account, Log.read()))
    account.lose("read")
    assert not list(checks.entries_are_what_was_answered(account, Log.read()))


def test_an_end_that_was_answered_and_did_not_happen_is_found(grant: Grant) -> None:
    account = Account()
    account.ended([str(grant.pk)], time.monotonic())

    found = " ".join(checks.entries_are_what_was_answered(account, Log.read()))
    assert "did not happen" in found


def test_an_event_that_counts_as_told_and_never_arrived_is_found(grant: Grant) -> None:
    Delivery.objects.update(delivered_at=timezone.now())
    world = World({}, [], [], {}, down=uuid4(), fetching=uuid4())

    found = " ".join(
        checks.everything_owed_is_known(world, Account(), Brand("http://127.0.0.1"), Log.read())
    )
    assert "never arrived" in found


def test_an_event_that_is_not_told_is_found(grant: Grant) -> None:
    world = World({}, [], [], {}, down=uuid4(), fetching=uuid4())

    assert checks.waiting(world)


@pytest.mark.parametrize("shift", range(3))
def test_the_canary_is_found_in_base64_wherever_it_begins(tmp_path: Path, shift: int) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"\0" * 100 + base64.b64encode(b"x" * shift + CANARY.encode() + b"yy"))

    assert checks.holds_canary(file)


def test_the_canary_is_found_in_hex_and_not_where_it_is_not(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(CANARY.encode().hex().encode())
    assert checks.holds_canary(file)
    file.write_bytes(b"")
    assert not checks.holds_canary(file)
    file.write_bytes(b"something else")
    assert not checks.holds_canary(file)
