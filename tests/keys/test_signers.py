"""Signing keys come and go with overlap: announced before use, served after it."""

from datetime import UTC, datetime, timedelta

import pytest

from consent.oauth import jwks
from keys import keyring, signers
from keys.exceptions import ProviderAway
from keys.keyring import keyring as ring

DAY = timedelta(days=1)


def kids(now: datetime) -> list[str]:
    return [each.jwk["kid"] for each in signers.served(ring().signers(), now)]


@pytest.fixture
def start(db: None) -> datetime:
    return ring().signers()[0].made_at


@pytest.mark.rule("JWKS with rotation", "issue 4, item 1")
def test_a_next_key_is_announced_for_a_day_before_it_signs(start: datetime) -> None:
    first = ring().signing_key(start)["kid"]
    ring().rotate_signing_key(now=start + 89 * DAY)
    assert kids(start + 89 * DAY) == [first]
    due = start + signers.NEW_EVERY
    ring().rotate_signing_key(now=due)
    told = kids(due)
    assert told[0] == first == ring().signing_key(due)["kid"]
    (following,) = told[1:]
    later = due + signers.ANNOUNCED
    assert ring().signing_key(later - timedelta(seconds=1))["kid"] == first
    assert ring().signing_key(later)["kid"] == following
    assert kids(later) == [following, first]


def test_a_key_is_served_for_a_month_after_its_successor_signs_and_then_destroyed(
    start: datetime,
) -> None:
    first = ring().signing_key(start)["kid"]
    ring().rotate_signing_key(now=start + signers.NEW_EVERY)
    over = start + signers.NEW_EVERY + signers.ANNOUNCED + signers.KEPT_AFTER_NEXT
    ring().rotate_signing_key(now=over - timedelta(seconds=1))
    assert first in kids(over - timedelta(seconds=1))
    ring().rotate_signing_key(now=over)
    assert first not in [each.jwk["kid"] for each in ring().signers()]
    keyring.forget()
    assert len(ring().signers()) == 1
    assert ring().signing_key(over)["kid"] == kids(over)[0]


def test_asking_twice_makes_one(start: datetime) -> None:
    for _ in range(3):
        ring().rotate_signing_key(now=start + signers.NEW_EVERY)
    assert len(ring().signers()) == 2


def test_another_process_sees_it_when_it_looks_again(start: datetime) -> None:
    here = ring()
    keyring.forget()
    ring().rotate_signing_key(force=True)
    assert len(here.signers()) == 1
    assert here.reopen()
    assert len(here.signers()) == 2


def test_the_served_set_holds_nothing_private(start: datetime) -> None:
    ring().rotate_signing_key(force=True)
    served = jwks.public_set()["keys"]
    assert len(served) == 2
    assert all("d" not in each for each in served)
    assert served[0]["kid"] == ring().signing_key(datetime.now(UTC))["kid"]


def test_a_clock_that_went_back_changes_no_order(start: datetime) -> None:
    ring().rotate_signing_key(force=True)
    ring().rotate_signing_key(force=True, now=start - DAY)
    moments = [each.made_at for each in ring().signers()]
    assert moments == sorted(set(moments))


def test_no_key_signs_while_the_provider_is_away(start: datetime, tmp_path, settings) -> None:
    here = ring()
    settings.KEYRING_DIR.rename(tmp_path / "unmounted")
    assert not here.reopen()
    with pytest.raises(ProviderAway):
        here.signers()
    (tmp_path / "unmounted").rename(settings.KEYRING_DIR)
