"""What an operator sees and may do: queues, retries, giving up by two persons, metrics."""

import csv
import json
import os
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from prometheus_client import generate_latest
from pytest_django import Settings

from accounts.models import User
from audit.models import Entry
from config import metrics
from consent.models import Abandonment, Channel, Delivery, Grant, Obligation, Partner
from consent.revocation import overdue, overview, schedule
from tests.consent.revocation.conftest import later, obliged, owed_for

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough one 7"


@pytest.fixture
def delivery(grant: Grant, monkeypatch: pytest.MonkeyPatch) -> Delivery:
    Delivery.objects.all().delete()
    monkeypatch.setenv("OPERATOR_PASSWORD", PASSWORD)
    for name in ("first", "second"):
        User.objects.create_user(f"{name}@vault.example", PASSWORD, is_staff=True)
    User.objects.create_user("guest@vault.example", PASSWORD)
    return owed_for(grant)


def run(name: str, *arguments: object, **options: Any) -> str:
    out = StringIO()
    call_command(name, *map(str, arguments), stdout=out, **options)
    return out.getvalue()


def give_up(what: Delivery | Obligation, who: str, kind: str = "delivery") -> str:
    operator = f"{who}@vault.example"
    return run(f"abandon_{kind}", what.pk, "--reason", "closed-down", "--operator", operator)


def test_the_queue_says_what_is_due_and_for_how_long(delivery: Delivery) -> None:
    later(delivery, due_at=timezone.now() - timedelta(minutes=5))

    seen = overview.totals()

    assert (seen.events, seen.due, seen.in_flight, seen.untried) == (1, 1, 0, 1)
    assert timedelta(minutes=5) <= seen.oldest_due < timedelta(minutes=6)
    assert list(overview.stuck()) == [delivery]


def test_what_a_worker_holds_is_in_flight_and_not_stuck(delivery: Delivery) -> None:
    later(delivery, leased_until=timezone.now() + schedule.LEASE, attempts=1)

    seen = overview.totals()

    assert (seen.due, seen.in_flight) == (0, 1)
    assert not overview.stuck().exists()


def test_each_brand_stands_with_what_it_was_not_told_and_owes(
    delivery: Delivery, grant: Grant
) -> None:
    obliged(grant)
    Obligation.objects.update(due_at=timezone.now() - timedelta(days=9), escalation=3)
    Channel.objects.create(partner=grant.partner, gone_at=timezone.now())
    Partner.objects.update(event_endpoint="https://brand.example/events")

    (one,) = overview.by_partner()

    assert (one.events, one.obligations, one.overdue, one.flagged) == (1, 1, 1, 1)
    assert one.channel == "gone"


@pytest.mark.rule("consent.md", "10.2")
def test_a_brand_that_acknowledges_nothing_for_a_day_sets_off_the_alarm(
    delivery: Delivery, grant: Grant
) -> None:
    (owed,) = obliged(grant)
    day = timedelta(hours=24)

    assert overview.totals(owed.opened_at + day - timedelta(seconds=1)).unacknowledged == 0
    late = owed.opened_at + day
    assert overview.totals(late).unacknowledged == 1
    assert [one.unacknowledged for one in overview.by_partner(late)] == [1]

    Obligation.objects.update(told_at=timezone.now(), acknowledged_at=timezone.now())
    assert overview.totals(late).unacknowledged == 0


def test_the_tables_are_printed(
    delivery: Delivery, grant: Grant, capsys: pytest.CaptureFixture[str]
) -> None:
    obliged(grant)
    Obligation.objects.update(due_at=timezone.now() - timedelta(days=9), escalation=3)
    for name in ("queues", "overdue"):
        run(name)

    said = capsys.readouterr().out
    assert "1 events wait" in said
    assert "1 obligations are overdue" in said


@pytest.mark.rule("8.2: flag for the regulator", "consent.md")
def test_the_regulators_list_has_what_was_flagged_and_nothing_else(
    delivery: Delivery, grant: Grant
) -> None:
    (obligation,) = obliged(grant)
    later_due = {"due_at": timezone.now() - timedelta(days=40)}
    Obligation.objects.update(**later_due, escalation=2)
    assert run("overdue", "--flagged", "--json") == ""

    Obligation.objects.update(escalation=3)

    said = json.loads(run("overdue", "--flagged", "--json"))
    assert said["obligation"] == str(obligation.pk)
    assert said["stage"] == "flagged for the regulator"
    assert grant.pairwise not in json.dumps(said)


@pytest.mark.rule("the regulator's overdue list can be exported", "issue 3")
def test_the_list_is_written_for_a_spreadsheet_and_names_no_person(
    delivery: Delivery, grant: Grant, tmp_path: Path
) -> None:
    obliged(grant)
    Obligation.objects.update(due_at=timezone.now() - timedelta(days=3), holder="=cmd()")
    target = tmp_path / "overdue.csv"

    run("overdue", "--csv", "--to", target)

    (row,) = csv.DictReader(StringIO(target.read_text("utf-8-sig")))
    assert tuple(row) == overdue.COLUMNS
    assert (row["brand"], row["days_overdue"]) == (grant.partner.legal_name_ko, "3")
    assert (row["holder"], row["profiles"]) == ("'=cmd()", "kr")
    said = target.read_text("utf-8-sig") + run("overdue", "--json")
    owner = grant.pod.owner
    for personal in (
        grant.pairwise,
        owner.email,
        owner.ref,
        grant.pod.ref,
        grant.ref,
        str(grant.pk),
    ):
        assert personal not in said
    with pytest.raises(CommandError, match="not written"):
        run("overdue", "--csv", "--to", target)


def test_an_event_can_be_tried_again_at_once(delivery: Delivery, grant: Grant) -> None:
    later(delivery, due_at=timezone.now() + timedelta(days=1), attempts=9)
    Channel.objects.create(partner=grant.partner, failures=9, gone_at=timezone.now())

    run("retry_delivery", delivery.pk)

    delivery.refresh_from_db()
    assert delivery.due_at <= timezone.now()
    assert not Channel.objects.exists()


def test_what_is_settled_cannot_be_tried_again(delivery: Delivery) -> None:
    later(delivery, delivered_at=timezone.now())

    with pytest.raises(CommandError):
        run("retry_delivery", delivery.pk)


@pytest.mark.rule("8.2: abandoning takes two persons and a reason", "consent.md")
def test_one_operator_asks_and_another_confirms(delivery: Delivery) -> None:
    give_up(delivery, "first")
    delivery.refresh_from_db()
    assert delivery.abandoned_at is None

    give_up(delivery, "second")

    delivery.refresh_from_db()
    assert delivery.abandoned_at
    assert delivery.abandoned_reason == "closed-down"
    assert Entry.objects.filter(type="delivery.abandoned").count() == 2


def test_nobody_confirms_what_they_asked_themselves(delivery: Delivery) -> None:
    give_up(delivery, "first")

    with pytest.raises(CommandError):
        give_up(delivery, "first")

    delivery.refresh_from_db()
    assert delivery.abandoned_at is None


def test_a_wish_that_nobody_confirmed_for_a_day_is_asked_anew(delivery: Delivery) -> None:
    give_up(delivery, "first")
    Abandonment.objects.update(asked_at=timezone.now() - timedelta(days=2))

    give_up(delivery, "second")

    delivery.refresh_from_db()
    assert delivery.abandoned_at is None


@pytest.mark.parametrize("who", ["guest", "nobody"])
def test_only_operators_ask(who: str, delivery: Delivery) -> None:
    with pytest.raises(CommandError):
        give_up(delivery, who)
    assert not Abandonment.objects.exists()


def test_a_wrong_password_asks_nothing(delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPERATOR_PASSWORD", "another one 7")
    with pytest.raises(CommandError):
        give_up(delivery, "first")


def test_an_obligation_is_given_up_in_the_same_way(delivery: Delivery, grant: Grant) -> None:
    (obligation,) = obliged(grant)
    for who in ("first", "second"):
        give_up(obligation, who, "obligation")

    obligation.refresh_from_db()
    assert obligation.abandoned_at
    assert Entry.objects.filter(type="obligation.abandoned").count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_monitoring_gets_numbers_and_no_names(delivery: Delivery, grant: Grant) -> None:
    said = generate_latest(metrics.registry()).decode()

    assert "vault_queue_events 1.0" in said
    assert "vault_queue_unacknowledged 0.0" in said
    assert "vault_database_up 1.0" in said
    assert f'vault_brand_events{{brand="{grant.partner_id}"}} 1.0' in said
    assert grant.partner.legal_name_ko not in said
    assert grant.pairwise not in said


def test_the_monitoring_sees_whether_the_cache_answers(settings: Settings) -> None:
    assert "vault_cache_up" not in generate_latest(metrics.registry()).decode()
    settings.CACHE_URL = "redis://127.0.0.1:1/0"
    assert "vault_cache_up 0.0" in generate_latest(metrics.registry()).decode()


@pytest.mark.services
def test_the_monitoring_sees_that_the_cache_answers(settings: Settings) -> None:
    settings.CACHE_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9")
    assert "vault_cache_up 1.0" in generate_latest(metrics.registry()).decode()


def test_a_brand_changes_how_it_is_told_and_is_asked_to_prove_it(
    delivery: Delivery, grant: Grant
) -> None:
    Channel.objects.create(partner=grant.partner, gone_at=timezone.now())

    run("set_events", grant.partner_id, "--poll")

    grant.partner.refresh_from_db()
    assert (grant.partner.event_delivery, grant.partner.event_endpoint) == ("poll", "")
    assert not Channel.objects.exists()
    assert Delivery.objects.filter(event_type="verification").exists()
    assert Entry.objects.filter(type="partner.changed").exists()


def test_events_are_pushed_to_public_addresses_only(delivery: Delivery, grant: Grant) -> None:
    with pytest.raises(CommandError):
        run("set_events", grant.partner_id, "--push", "ftp://brand.example/events")

    grant.partner.refresh_from_db()
    assert grant.partner.event_endpoint == ""
