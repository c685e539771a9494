"""How many calls a second a partner may make: no more, in however many processes."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone
from prometheus_client import REGISTRY
from pytest_django import Settings

from audit import tally
from audit.models import Tally
from consent.access import batch, calls, limits, reading
from consent.exceptions import RateLimited, TokenRefused
from consent.models import Client, Grant
from tests import cast
from tests.leaves import leaves

REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9")


@pytest.fixture(autouse=True)
def _slow(settings: Settings) -> Iterator[None]:
    """Three calls a second, six at once."""
    settings.PARTNER_RATE = 3
    limits.forget()
    yield
    limits.forget()


def test_a_bucket_is_emptied_and_fills_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: now[0])
    mine, other = uuid4(), uuid4()
    for _ in range(6):
        limits.take(mine)
    with pytest.raises(RateLimited) as refused:
        limits.take(mine)
    assert refused.value.after == 1
    limits.take(other)

    now[0] += 0.34
    limits.take(mine)
    with pytest.raises(RateLimited):
        limits.take(mine)
    now[0] += 100
    for _ in range(6):
        limits.take(mine)
    with pytest.raises(RateLimited):
        limits.take(mine)


def test_a_call_that_costs_more_waits_longer_and_takes_nothing_in_vain() -> None:
    mine = uuid4()
    limits.take(mine, 4)
    with pytest.raises(RateLimited) as refused:
        limits.take(mine, 5)
    assert refused.value.after == 1
    limits.take(mine, 2)
    # What costs more than a full bucket can be had with a full one.
    limits.take(uuid4(), 500)


def test_the_headers_are_those_of_this_call_and_told_once() -> None:
    limits.take(uuid4())
    assert limits.headers() == {
        "RateLimit-Policy": '"partner";q=6;w=2', "RateLimit": '"partner";r=5;t=1'
    }  # fmt: skip
    assert limits.headers() == {}


def test_many_threads_take_no_more_than_there_is() -> None:
    mine, start = uuid4(), threading.Barrier(8)

    def caller(_number: int) -> int:
        start.wait()
        taken = 0
        for _ in range(20):
            try:
                limits.take(mine)
                taken += 1
            except RateLimited:
                pass
        return taken

    with ThreadPoolExecutor(8) as pool:
        assert 6 <= sum(pool.map(caller, range(8))) <= 7


@pytest.mark.services
def test_processes_share_a_bucket_through_redis(settings: Settings) -> None:
    settings.CACHE_URL, settings.PARTNER_RATE = REDIS, 100
    mine, taken = str(uuid4()), 0
    processes = [limits._Shared(REDIS) for _ in range(4)]
    for number in range(1000):
        taken += processes[number % 4].take(mine, 1, 100) >= 0
    # A second's worth may have come in while we counted; what was drawn and not spent is lost.
    assert 190 <= taken <= 330


def test_while_redis_is_away_each_process_counts_for_itself() -> None:
    shared = limits._Shared("redis://127.0.0.1:1/0")
    mine = str(uuid4())
    assert [shared.take(mine, 1, 3) >= 0 for _ in range(8)] == [True] * 6 + [False] * 2


def test_while_redis_says_nothing_one_call_a_second_waits_for_it(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The listener takes connections and never answers, as a machine that hangs does."""
    before = REGISTRY.get_sample_value("vault_rate_limit_away_total") or 0
    with socket.create_server(("127.0.0.1", 0)) as silent:
        shared = limits._Shared(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        started = time.monotonic()
        for _ in range(500):
            assert shared.take("partner", 1, 1000) >= 0
        assert time.monotonic() - started < shared.REST
    assert capfd.readouterr().out.count("limits.cache_away") <= 1
    assert REGISTRY.get_sample_value("vault_rate_limit_away_total") == before + 500


@pytest.mark.services
def test_when_redis_is_back_its_buckets_count_again(monkeypatch: pytest.MonkeyPatch) -> None:
    shared, mine = limits._Shared(REDIS), str(uuid4())
    shared._rests_until = time.monotonic() + 60
    for _ in range(6):
        assert shared.take(mine, 1, 3) >= 0
    assert shared.take(mine, 1, 3) < 0
    shared._rests_until = 0.0
    assert shared.take(mine, 1, 3) == 5


@pytest.mark.services
def test_what_is_left_is_told_of_the_bucket_not_of_the_lease() -> None:
    shared, mine = limits._Shared(REDIS), str(uuid4())
    told = [shared.take(mine, 1, 1000) for _ in range(60)]
    assert all(1999 - 60 <= left <= 1999 for left in told)
    # A lease of 50 beside the call that asked: Redis is looked at once for 51 calls.
    assert told[0] - told[50] == 50


@pytest.mark.services
def test_a_process_keeps_one_lease_however_many_threads_ask() -> None:
    shared, mine, start = limits._Shared(REDIS), str(uuid4()), threading.Barrier(8)

    def caller(_number: int) -> int:
        start.wait()
        return sum(shared.take(mine, 1, 100) >= 0 for _ in range(5))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(caller, range(8))) == 40
    assert shared._leases[mine].tokens <= 100 // shared.LEASE


# At the doors ------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.rule("consent.md", "6.7")
def test_calls_that_come_too_fast_are_refused_and_all_counted(
    token: bytes, grant: Grant, hotel: Client
) -> None:
    call = calls.parse({"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE})
    refused = 0
    for _ in range(12):
        try:
            reading.read(token, call)
        except RateLimited:
            refused += 1

    assert refused >= 5
    assert len(leaves("record.read")) == 12 - refused
    (first,) = leaves("record.refused")
    assert (first["reason"], first["actor"]["client"]) == ("rate-limited", hotel.ref)
    assert "grant" not in first
    assert Tally.objects.get().repeats == refused - 1
    with time_machine.travel(timezone.now() + tally.WINDOW * 2):
        tally.sweep()
    assert sum(leaf.get("repeats", 1) for leaf in leaves("record.refused")) == refused


@pytest.mark.django_db
def test_each_customer_of_a_batch_costs_a_call(token: bytes, grant: Grant) -> None:
    body: dict[str, Any] = {"category": "stay", "purpose": cast.PURPOSE}
    batch.read(token, batch.parse(body | {"subjects": [grant.pairwise, "a", "b", "c", "d"]}))

    with pytest.raises(RateLimited):
        batch.read(token, batch.parse(body | {"subjects": [grant.pairwise, "a", "b"]}))


@pytest.mark.django_db
def test_a_dead_token_takes_nothing_from_its_partner(token: bytes, grant: Grant) -> None:
    from consent.models import AccessToken

    call = calls.parse({"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE})
    AccessToken.objects.update(killed_at=timezone.now())
    for _ in range(20):
        with pytest.raises(TokenRefused):
            reading.read(token, call)
    AccessToken.objects.update(killed_at=None)

    assert reading.read(token, call)
