"""One row that a rule of the clock cannot be applied to never stops the others (fault 33)."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone

from consent import batches, grants, requests
from consent.actors import Actor
from consent.models import AccessRequest, Grant
from keys.models import Key
from tests import cast
from vault.models import Pod


def break_log_of(pod: Pod) -> None:
    """Take away what every entry about this owner needs."""
    assert Key.objects.filter(pk=pod.audit_key_id).delete()[0] == 1


@pytest.mark.django_db(transaction=True)
def test_a_grant_that_cannot_be_ended_stops_no_other() -> None:
    broken, whole = cast.make_grant(), cast.make_grant()
    for grant in (broken, whole):
        cast.start(grant, timezone.now() - timedelta(days=40))
    Grant.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    break_log_of(broken.pod)

    assert grants.end_run_out() == 1

    whole.refresh_from_db()
    broken.refresh_from_db()
    assert whole.ended_at
    assert broken.ended_at is None


@pytest.mark.django_db(transaction=True)
def test_a_pause_that_cannot_end_stops_no_other() -> None:
    broken, whole = cast.make_grant(), cast.make_grant()
    for grant in (broken, whole):
        grants.pause(grant, Actor.owner(grant.pod.owner), timezone.now() + timedelta(days=1))
    Grant.objects.update(paused_until=timezone.now())
    break_log_of(broken.pod)

    assert grants.resume_due() == 1

    whole.refresh_from_db()
    broken.refresh_from_db()
    assert whole.paused_at is None
    assert broken.paused_at


@pytest.mark.django_db(transaction=True)
def test_a_request_that_cannot_be_closed_stops_no_other() -> None:
    broken, whole = cast.make_request(), cast.make_request()
    AccessRequest.objects.update(expires_at=timezone.now())
    assert broken.pod
    break_log_of(broken.pod)

    assert requests.close_overdue() == 1

    whole.refresh_from_db()
    broken.refresh_from_db()
    assert whole.closed_at
    assert broken.closed_at is None


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_is_no_fault_of_a_row() -> None:
    calls: list[int] = []

    @transaction.atomic
    def away(ids: list[UUID]) -> int:
        calls.append(len(ids))
        raise OperationalError

    with pytest.raises(OperationalError):
        batches.do([uuid4(), uuid4()], away)
    assert calls == [2]


def test_nothing_is_asked_of_no_rows() -> None:
    assert batches.do([], lambda _: pytest.fail("called")) == 0
