"""A restored backup serves nobody until what it lacks is done again, as the log tells it."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from audit import entries, exports
from audit.models import Detail, Entry
from consent import erasure, grants, partners
from consent.actors import Actor
from consent.exceptions import ConsentError
from consent.models import Client, Delivery, Grant, Obligation
from keys.models import CategoryWrap, DestroyedKey, Key
from tests import cast
from tests.backups import Backup, Taken, lose, publish, recover
from tests.consent.restored import (
    LOST,
    STAY,
    THREE,
    WITHDRAWN,
    fresh,
    need_open_as_the_log_says,
    read,
)
from tests.leaves import leaves
from vault import pods
from vault.models import Pod

pytestmark = pytest.mark.django_db(transaction=True)


# Ends ----------------------------------------------------------------------------------
@pytest.mark.rule("assurance.md", "promise 1")
@pytest.mark.rule("design/log.md", "Anchor")
def test_what_was_ended_stays_ended_and_is_owed_again(
    grant: Grant, hotel: Client, owner: Actor, back_up: Taken
) -> None:
    pods.put(grant.pod, "stay", STAY)
    read(grant, hotel)
    backup = back_up()
    grants.end(grant, WITHDRAWN, "", owner)
    lose(backup)
    assert fresh(grant).is_live

    recover()

    ended = fresh(grant)
    assert (ended.end_kind, ended.key_id, ended.epoch) == (WITHDRAWN, None, 2)
    assert not Key.objects.filter(pk=grant.key_id).exists()
    assert DestroyedKey.objects.filter(pk=grant.key_id).exists()
    assert len(leaves("grant.withdrawn")) == 1
    with pytest.raises(ConsentError):
        read(grant, hotel)
    told = Delivery.objects.get(event_type="grant-withdrawn")
    assert told.obligation == Obligation.objects.get()
    assert told.delivered_at is None


@pytest.mark.rule("consent.md", "P5")
def test_copies_of_reads_that_only_the_log_remembers_are_owed_too(
    grant: Grant, hotel: Client, owner: Actor, back_up: Taken
) -> None:
    pods.put(grant.pod, "stay", STAY)
    backup = back_up()
    read(grant, hotel)
    lose(backup)
    assert not Detail.objects.filter(type="record.read").exists()

    recover()

    seen = entries.of_person(grant.pod.owner.ref, types=["record.read"])
    assert [each.detail for each in seen] == [None]  # that it was read, not what was said of it
    assert seen[0].leaf["categories"] == ["stay"]
    grants.end(fresh(grant), WITHDRAWN, "", owner)
    assert Obligation.objects.get().categories == ["stay"]


def test_the_successor_of_a_superseded_grant_is_lost_so_all_copies_have_to_go(
    pod: Pod, hotel: Client, back_up: Taken
) -> None:
    earlier = cast.make_grant(pod, hotel, items=THREE)
    pods.put(pod, "stay", STAY)
    read(earlier, hotel)
    backup = back_up()
    later = cast.make_grant(pod, hotel, action="replace", items=THREE)
    lose(backup)
    recover()
    assert fresh(earlier).end_kind == "superseded"
    assert Obligation.objects.get().categories == ["itinerary", "preferences", "stay"]
    (lost,) = leaves("grant.revoked")
    assert (lost["grant"], lost["closes"], lost["reason"]) == (later.ref, 1, LOST)


@pytest.mark.rule("consent.md", "7.1")
def test_an_item_that_was_ended_stays_out_of_reach(
    pod: Pod, hotel: Client, owner: Actor, back_up: Taken
) -> None:
    grant = cast.make_grant(pod, hotel, items=THREE)
    pods.put(pod, "stay", STAY)
    read(grant, hotel)
    backup = back_up()
    grants.end_item(grant.items.get(category="stay"), WITHDRAWN, "", owner)
    lose(backup)

    recover()

    need_open_as_the_log_says(grant)
    assert fresh(grant).items.get(category="stay").ended_at is not None
    assert fresh(grant).key_id != grant.key_id
    assert not Key.objects.filter(pk=grant.key_id).exists()
    wraps = CategoryWrap.objects.filter(under=fresh(grant).key_id)
    assert set(wraps.values_list("category", flat=True)) == {"itinerary", "preferences"}
    assert Obligation.objects.get().categories == ["stay"]
    with pytest.raises(ConsentError):
        read(grant, hotel)
    read(grant, hotel, category="itinerary")


def test_an_item_that_was_ended_while_paused_ends_the_grant_since_no_leaf_says_which(
    pod: Pod, hotel: Client, owner: Actor, back_up: Taken
) -> None:
    grant = cast.make_grant(pod, hotel, items=THREE)
    backup = back_up()
    grants.pause(grant, owner)
    grants.end_item(grant.items.get(category="stay"), WITHDRAWN, "", owner)
    lose(backup)
    recover()
    assert (fresh(grant).end_kind, fresh(grant).end_reason) == ("revoked", LOST)
    assert fresh(grant).key_id is None


# Epochs --------------------------------------------------------------------------------
@pytest.mark.rule("design/log.md", "Epochs")
def test_what_is_readable_again_is_open_at_the_epoch_that_the_log_opened(
    grant: Grant, hotel: Client, owner: Actor, back_up: Taken
) -> None:
    pods.put(grant.pod, "stay", STAY)
    backup = back_up()
    for _ in range(3):
        grants.pause(fresh(grant), owner)
        grants.resume(fresh(grant), owner)
    lose(backup)
    recover()
    need_open_as_the_log_says(grant)
    assert fresh(grant).epoch == 1 + 7
    read(grant, hotel)
    publish()


def test_what_was_paused_stays_paused_until_its_owner_resumes_it(
    grant: Grant, hotel: Client, owner: Actor, back_up: Taken
) -> None:
    backup = back_up()
    grants.pause(grant, owner, until=timezone.now() + timedelta(hours=1))
    lose(backup)
    recover()
    row = fresh(grant)
    assert row.paused_at is not None
    assert row.paused_until is None
    assert row.epoch == 2
    assert not [each for each in leaves(grant=grant.ref) if each.get("opens", 0) > 1]
    grants.resume(row, owner)
    need_open_as_the_log_says(grant)
    read(grant, hotel)


def test_an_untouched_grant_keeps_its_epoch_and_is_read_as_before(
    grant: Grant, hotel: Client, owner: Actor, back_up: Taken
) -> None:
    other = cast.make_grant(grant.pod, cast.make_client())
    pods.put(grant.pod, "stay", STAY)
    backup = back_up()
    grants.end(other, WITHDRAWN, "", owner)
    lose(backup)
    recover()
    assert fresh(grant).epoch == 1
    assert read(grant, hotel)["records"]


# What only the log knows ---------------------------------------------------------------
@pytest.mark.rule("design/log.md", "Anchor")
def test_a_grant_that_only_the_log_knows_gets_its_end(
    pod: Pod, hotel: Client, back_up: Taken
) -> None:
    request = cast.make_request(pod, hotel)
    backup = back_up()
    grant = cast.approve(request)
    pods.put(pod, "stay", STAY)
    read(grant, hotel)
    lose(backup)

    found = recover()

    assert not Grant.objects.exists()
    (end,) = leaves("grant.revoked")
    assert (end["grant"], end["closes"], end["reason"]) == (grant.ref, 1, LOST)
    assert found.reads == {grant.ref: 1}
    # The decision stands, so nobody decides it twice; its partner learns that nothing came of it.
    request.refresh_from_db()
    assert request.decided_at is not None
    assert request.closed_at is not None
    assert Delivery.objects.get(event_type="request-closed").claims["payload"]["reason"] == LOST
    # Its owner is known through the request, and sees it.
    seen = entries.of_person(pod.owner.ref, types=["grant.given", "grant.revoked", "record.read"])
    assert seen[0].type == "grant.revoked"
    assert {each.type for each in seen} == {"grant.given", "grant.revoked", "record.read"}


def test_a_lost_grant_that_was_paused_is_not_closed_twice(
    pod: Pod, hotel: Client, owner: Actor, back_up: Taken
) -> None:
    backup = back_up()
    paused, ended = cast.make_grant(pod, hotel), cast.make_grant(pod, cast.make_client())
    grants.pause(paused, owner)
    grants.end(ended, WITHDRAWN, "", owner)
    lose(backup)
    recover()
    (end,) = leaves("grant.revoked")
    assert end["grant"] == paused.ref
    assert "closes" not in end


def test_people_and_partners_that_only_the_log_knows_open_nothing(back_up: Taken) -> None:
    cast.make_pod()
    backup = back_up()
    hotel = cast.make_client()
    grant = cast.make_grant(cast.make_pod(), hotel)
    lose(backup)
    recover()
    (gone,) = leaves("partner.deregistered")
    assert (gone["partner"], gone["closes"], gone["reason"]) == (hotel.partner.ref, 1, LOST)
    assert leaves("grant.revoked", grant=grant.ref)


def test_a_lost_partner_that_was_suspended_is_not_closed_twice(back_up: Taken) -> None:
    backup = back_up()
    partners.suspend(cast.make_partner(), "partner-breach", cast.OPERATOR)
    lose(backup)
    recover()
    (gone,) = leaves("partner.deregistered")
    assert "closes" not in gone


# The log -------------------------------------------------------------------------------
def test_what_was_still_pending_in_the_backup_is_recognized(
    grant: Grant, hotel: Client, owner: Actor, tmp_path: Path
) -> None:
    publish()
    grants.pause(grant, owner)  # in the backup, and in no tree yet
    backup = Backup(tmp_path / "backup.sqlite3")
    grants.resume(fresh(grant), owner)
    lose(backup)
    found = recover()
    assert found.counts["grant.paused"] == 0
    assert found.counts["grant.resumed"] == 1
    assert len(leaves("grant.paused")) == 1
    need_open_as_the_log_says(grant)


def test_an_export_after_a_recovery_verifies_from_the_first_leaf(
    grant: Grant, hotel: Client, owner: Actor, back_up: Taken, tmp_path: Path
) -> None:
    pods.put(grant.pod, "stay", STAY)
    lost = cast.make_client()
    backup = back_up()
    read(grant, hotel)
    cast.make_grant(grant.pod, lost)
    grants.pause(grant, owner)
    grants.resume(fresh(grant), owner)
    erasure.erase_category(cast.make_pod(), "stay", Actor.operator())
    lose(backup)
    recover()
    read(grant, hotel)
    announced = exports.announce(scope=exports.ALL)
    publish()
    written = exports.write(exports.cut(announced), tmp_path / "export", scope=exports.ALL)
    assert written.verified, written.first_finding


@pytest.mark.rule("design/log.md", "The log never forks")
def test_recovering_twice_is_recovering_once(grant: Grant, owner: Actor, back_up: Taken) -> None:
    backup = back_up()
    grants.end(grant, WITHDRAWN, "", owner)
    lose(backup)
    recover()
    rows, size = Entry.objects.count(), Delivery.objects.count()
    again = recover()
    assert again.gap.is_closed
    assert Entry.objects.filter(type="log.recovered").count() == 1
    assert (Entry.objects.exclude(type="log.heartbeat").count(), Delivery.objects.count()) == (
        rows - Entry.objects.filter(type="log.heartbeat").count(),
        size,
    )


def test_a_second_disaster_is_recovered_from_as_well(
    grant: Grant, hotel: Client, owner: Actor, back_up: Taken
) -> None:
    pods.put(grant.pod, "stay", STAY)
    backup = back_up()
    grants.pause(grant, owner)
    grants.resume(fresh(grant), owner)
    lose(backup)
    recover()
    first = fresh(grant).epoch
    lose(backup)
    recover()
    need_open_as_the_log_says(grant)
    assert fresh(grant).epoch > first
    assert len(leaves("log.recovered")) == 2
    read(grant, hotel)
