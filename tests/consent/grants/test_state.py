"""One predicate says what is live, and the log alone says it too (P7, P12, P13)."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent import grants
from consent.actors import Actor
from consent.exceptions import ConsentError
from consent.models import Client, Grant
from tests import cast
from tests.leaves import leaves
from vault.models import Pod

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
around = st.integers(-2, 2).map(lambda hours: NOW + timedelta(hours=hours))
quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.rule("consent.md", "P13")
@quick
@given(
    start=around,
    life=st.integers(1, 3),
    bound=st.none() | around,
    paused=st.booleans(),
    suspended=st.booleans(),
    ended=st.booleans(),
)
def test_lists_and_single_grants_agree_on_what_is_live(
    grant: Grant, start: datetime, life: int, bound: datetime | None,
    paused: bool, suspended: bool, ended: bool,
) -> None:  # fmt: skip
    Grant.objects.filter(pk=grant.pk).update(
        given_at=start,
        valid_from=start,
        expires_at=start + timedelta(hours=life),
        bound_ends_at=bound,
        paused_at=start if paused else None,
        suspended_at=start if suspended else None,
        ended_at=start if ended else None,
        end_kind="withdrawn" if ended else "",
    )
    with time_machine.travel(NOW, tick=False):
        one = Grant.objects.get(pk=grant.pk)
        assert one.is_live == Grant.objects.live().filter(pk=grant.pk).exists()
        run_out = Grant.objects.run_out().filter(pk=grant.pk).exists()
        assert run_out == (one.ended_at is None and one.stops_at <= NOW)


@pytest.mark.rule("consent.md", "P12")
@pytest.mark.parametrize(
    ("given_at", "valid_from", "expires_at"), [(1, 0, 2), (0, 1, 1), (0, 2, 1)]
)
def test_given_valid_from_and_expiry_are_in_order(
    grant: Grant, given_at: int, valid_from: int, expires_at: int
) -> None:
    moments = {"given_at": given_at, "valid_from": valid_from, "expires_at": expires_at}
    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.filter(pk=grant.pk).update(
            **{name: NOW + timedelta(hours=hours) for name, hours in moments.items()}
        )


@pytest.mark.rule("consent.md", "5.1")
def test_one_partner_pod_and_purpose_has_one_unended_grant(grant: Grant) -> None:
    twin = Grant.objects.get(pk=grant.pk)
    request = twin.request
    request.pk, request.ref, request.idempotency_key = uuid4(), uuid4().hex, "twin"
    request._state.adding = True
    request.save(force_insert=True)
    twin.pk, twin.ref, twin.request = uuid4(), uuid4().hex, request
    twin._state.adding = True
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save(force_insert=True)


def states_by_the_log() -> dict[str, tuple[bool, tuple[str, ...]]]:
    """Replay the leaves: for every grant, whether an epoch is open and for which categories."""
    open_: dict[str, int | None] = {}
    covers: dict[str, tuple[str, ...]] = {}
    for told in leaves():
        if not told["type"].startswith("grant."):
            continue
        name = told["grant"]
        if "closes" in told:
            assert open_.get(name) == told["closes"]
            open_[name] = None
        if "opens" in told:
            assert open_.get(name) is None
            open_[name], covers[name] = told["opens"], tuple(told["categories"])
    return {name: (epoch is not None, covers[name]) for name, epoch in open_.items()}


def states_by_the_rows() -> dict[str, tuple[bool, tuple[str, ...]]]:
    return {
        grant.ref: (
            grant.ended_at is None and grant.paused_at is None and grant.suspended_at is None,
            tuple(sorted(grant.items.filter(ended_at=None).values_list("category", flat=True))),
        )
        for grant in Grant.objects.all()
    }


ACTS = {
    "pause": grants.pause,
    "resume": grants.resume,
    "suspend": lambda grant, _: grants.suspend(grant, "court-order", Actor.operator()),
    "unsuspend": lambda grant, _: grants.unsuspend(grant, "court-order", Actor.operator()),
    "end_item": lambda grant, owner: grants.end_item(
        grant.items.filter(ended_at=None).last() or grant.items.last(), "withdrawn", "", owner
    ),
    "end": lambda grant, owner: grants.end(grant, "withdrawn", "", owner),
}


@pytest.mark.rule("consent.md", "P7")
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(acts=st.lists(st.sampled_from(sorted(ACTS)), max_size=8))
def test_replaying_the_log_rebuilds_every_grants_state(
    pod: Pod, hotel: Client, acts: list[str]
) -> None:
    with transaction.atomic():
        grant = cast.make_grant(
            pod, hotel, items=[cast.make_item(name) for name in ("stay", "itinerary")]
        )
        owner = Actor.owner(pod.owner)
        for act in acts:
            try:
                ACTS[act](grant, owner)
            except ConsentError:
                continue
        live = {name: state for name, state in states_by_the_rows().items() if state[0]}
        by_log = {name: state for name, state in states_by_the_log().items() if state[0]}
        assert by_log == live
        transaction.set_rollback(True)


def test_a_grant_that_starts_later_is_given_and_not_live(pod: Pod, hotel: Client) -> None:
    start = timezone.now() + timedelta(days=1)
    grant = cast.make_grant(pod, hotel, valid_from=start.isoformat())
    assert not grant.is_live
    with time_machine.travel(start + timedelta(seconds=1)):
        assert grant.is_live
