import threading
from datetime import timedelta

import pytest
from celery import current_app
from django.utils import timezone

from audit.models import Entry
from config.celery import EVERY, app
from consent.models import AccessToken, Delivery, Grant, LinkTry, Partner
from consent.oauth import tokens
from consent.revocation import courier, purging, tasks
from tests import cast
from tests.consent.revocation.receiver import Brand

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _ends():
    yield
    courier.close()


def test_every_line_of_the_schedule_is_a_task_and_every_task_has_its_line() -> None:
    app.loader.import_default_modules()
    ours = {name for name in app.tasks if not name.startswith("celery.")}
    assert ours == set(EVERY)
    assert current_app.conf.task_ignore_result


def test_no_task_takes_an_argument_so_nothing_about_anybody_reaches_a_broker() -> None:
    app.loader.import_default_modules()
    for name in EVERY:
        assert app.tasks[name].run.__code__.co_argcount == 0
    assert all(not one.get("args") for one in app.conf.beat_schedule.values())


def test_a_drain_sends_what_is_due(told: Partner, grant: Grant, listening: Brand) -> None:
    tasks.drain()

    assert not Delivery.objects.unsettled().exists()
    assert listening.got


def test_a_drain_too_many_changes_nothing(told: Partner, grant: Grant, listening: Brand) -> None:
    for _ in range(3):
        tasks.drain()

    assert set(listening.effects().values()) == {1}


def test_a_grant_that_ran_out_ends_formally(grant: Grant) -> None:
    cast.start(grant, timezone.now() - timedelta(days=40))
    Grant.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    tasks.end_run_out()

    grant.refresh_from_db()
    assert grant.end_kind == Grant.EndKind.EXPIRED


def test_a_pause_with_an_end_ends(grant: Grant, owner) -> None:
    from consent import grants

    grants.pause(grant, owner, timezone.now() + timedelta(days=1))
    Grant.objects.update(paused_until=timezone.now())

    tasks.resume_paused()

    grant.refresh_from_db()
    assert grant.paused_at is None


def test_a_request_that_nobody_decided_is_closed(pod, hotel) -> None:
    request = cast.make_request(pod, hotel)
    type(request).objects.update(expires_at=timezone.now())

    tasks.close_overdue_requests()

    request.refresh_from_db()
    assert request.closed_at


def test_the_rest_of_the_tasks_run_on_an_empty_vault() -> None:
    for task in (tasks.sweep_tally, tasks.escalate, tasks.fold_activity, tasks.purge):
        task()
    assert not Entry.objects.exists()


def test_only_what_can_no_longer_be_used_is_purged(hotel) -> None:
    tokens.issue(hotel)
    now = timezone.now()
    for hours in (1, 25):
        hour = now - timedelta(hours=hours)
        LinkTry.objects.create(address_digest=bytes(32), hour=hour, tries=1)

    assert purging.purge() == 1
    assert purging.purge(now + timedelta(hours=1)) == 1
    assert not AccessToken.objects.exists()


def test_a_long_rule_takes_one_thread_of_a_process_and_no_more() -> None:
    began, go_on = threading.Event(), threading.Event()

    def rule() -> int:
        began.set()
        go_on.wait(10)
        return 0

    first = threading.Thread(target=tasks.until_done, args=(rule,))
    first.start()
    assert began.wait(10)

    tasks.until_done(rule)  # returns, although nobody let the first go on

    go_on.set()
    first.join(10)
    assert not first.is_alive()
