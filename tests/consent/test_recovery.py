"""A restored backup serves nobody until what it lacks is done again, as the log tells it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from audit import entries, exports
from audit.models import Detail, Entry
from consent import erasure, forgetting, grants, partners, suspensions
from consent.access import calls, reading
from consent.actors import Actor
from consent.exceptions import BudgetSpent, ConsentError, PartnerSuspended, TokenRefused
from consent.models import (
    AccessToken,
    Client,
    Delivery,
    Erasure,
    Grant,
    GrantUse,
    Obligation,
    Partner,
)
from consent.oauth import tokens
from keys.models import CategoryWrap, DestroyedKey, Key
from tests import cast
from tests.backups import Backup, lose, publish, recover
from tests.leaves import leaves
from vault import pods
from vault.models import Pod, Record

pytestmark = pytest.mark.django_db(transaction=True)

THREE = [cast.make_item(name) for name in ("stay", "itinerary", "preferences")]
STAY = {"hotel": "Maru Hotel", "room": "1204", "check_in": "2026-11-20", "check_out": "2026-11-22"}
WITHDRAWN = Grant.EndKind.WITHDRAWN
LOST = "lost-in-restore"
Taken = Callable[[], Backup]


@pytest.fixture
def back_up(tmp_path: Path) -> Taken:
    """Sequence, publish, and take a backup."""

    def take() -> Backup:
        publish()
        return Backup(tmp_path / "backup.sqlite3")

    return take


def read(grant: Grant, hotel: Client, **changes: Any) -> dict[str, Any]:
    """Read the stay as the hotel would, with a token of its own."""
    token = tokens.digest(tokens.issue(hotel))
    body = {"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE}
    return reading.read(token, calls.parse(body | changes))


def fresh(grant: Grant) -> Grant:
    return Grant.objects.select_related("pod__owner", "partner").get(pk=grant.pk)


def need_open_as_the_log_says(grant: Grant) -> None:
    """Hold a readable grant to the last leaf that opened it."""
    row = fresh(grant)
    said = [each for each in leaves(grant=grant.ref) if "opens" in each][-1]
    live = row.items.filter(ended_at=None)
    assert row.is_live
    assert row.epoch == said["opens"]
    assert sorted({each.category for each in live}) == said["categories"]
    assert sorted({each.action for each in live}) == said["actions"]
    assert not [each for each in leaves(grant=grant.ref) if each.get("closes") == row.epoch]


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


# Partners, tokens, budgets -------------------------------------------------------------
@pytest.mark.rule("consent.md", "2.3")
def test_a_suspended_partner_stays_suspended(grant: Grant, hotel: Client, back_up: Taken) -> None:
    backup = back_up()
    suspensions.suspend(hotel.partner, "partner-breach", Actor.operator())
    lose(backup)
    recover()
    partner = Partner.objects.get(pk=hotel.partner_id)
    assert (partner.suspension_ground, partner.epoch) == ("partner-breach", 2)
    assert fresh(grant).suspended_at is not None
    with pytest.raises(PartnerSuspended):
        read(grant, hotel)
    suspensions.reinstate(partner, "checked", Actor.operator())
    need_open_as_the_log_says(grant)


def test_tokens_are_dead_and_a_revoked_client_stays_out(
    grant: Grant, hotel: Client, back_up: Taken
) -> None:
    value = tokens.issue(hotel)
    other = cast.make_client(hotel.partner)
    backup = back_up()
    partners.revoke_client(other, cast.OPERATOR)
    lose(backup)
    recover()
    assert not AccessToken.objects.filter(killed_at=None).exists()
    body = {"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE}
    with pytest.raises(TokenRefused):
        reading.read(tokens.digest(value), calls.parse(body))
    assert Client.objects.get(pk=other.pk).revoked_at is not None
    partner = Partner.objects.get(pk=hotel.partner_id)
    said = [each for each in leaves(partner=partner.ref) if "opens" in each][-1]
    assert partner.epoch == said["opens"] == 3  # registered 1, client revoked 2, recovered 3


@pytest.mark.rule("consent.md", "P2")
def test_budgets_count_as_full_for_the_windows_that_run(
    pod: Pod, hotel: Client, back_up: Taken
) -> None:
    pods.put(pod, "stay", STAY)
    daily = cast.make_grant(pod, hotel, frequency={"count": 2, "unit": "day"})
    backup = back_up()
    read(daily, hotel)
    read(daily, hotel)
    lose(backup)
    assert not GrantUse.objects.exists()
    recover()
    with pytest.raises(BudgetSpent):
        read(daily, hotel)


def test_a_total_is_full_only_where_the_log_shows_a_read(
    pod: Pod, hotel: Client, back_up: Taken
) -> None:
    once = {"count": 1, "unit": "total"}
    pods.put(pod, "stay", STAY)
    spent = cast.make_grant(pod, hotel, frequency=once)
    other = cast.make_client()
    unspent = cast.make_grant(pod, other, frequency=once)
    backup = back_up()
    read(spent, hotel)
    lose(backup)
    recover()
    with pytest.raises(BudgetSpent):
        read(spent, hotel)
    read(unspent, other)


# Erasures ------------------------------------------------------------------------------
@pytest.mark.rule("GDPR", "Art. 17")
@pytest.mark.rule("assurance.md", "promise 5")
def test_an_erased_pod_stays_erased_with_its_keys(
    grant: Grant, owner: Actor, back_up: Taken
) -> None:
    pods.put(grant.pod, "stay", STAY)
    backup = back_up()
    erasure.erase_pod(grant.pod, owner)
    lose(backup)
    assert Record.objects.exists()

    recover()

    pod = Pod.objects.get(pk=grant.pod_id)
    assert pod.erased_at is not None
    assert pod.key_id is None
    assert not Record.objects.exists()
    assert not Key.objects.filter(pk__in=[grant.pod.key_id, grant.key_id]).exists()
    assert not CategoryWrap.objects.exists()
    assert DestroyedKey.objects.filter(pk=grant.pod.key_id).exists()
    assert fresh(grant).end_kind == WITHDRAWN
    assert len(leaves("pod.erased")) == 1


@pytest.mark.rule("assurance.md", "promise 5")
def test_a_person_who_was_erased_is_forgotten_and_their_brands_are_told_again(
    grant: Grant, hotel: Client, owner: Actor, back_up: Taken
) -> None:
    pods.put(grant.pod, "stay", STAY)
    read(grant, hotel)
    backup = back_up()
    asked = erasure.erase_pod(grant.pod, owner).erased_at
    assert asked is not None
    lose(backup)
    assert not Erasure.objects.exists()

    recover()

    (owed,) = Obligation.objects.all()
    assert Delivery.objects.get(event_type="grant-withdrawn").obligation == owed
    begun = Erasure.objects.get(pod=grant.pod)
    assert (begun.due_at, begun.done_at) == (begun.asked_at + forgetting.COOLING_OFF, None)
    assert abs(begun.asked_at - asked) < timedelta(seconds=2)
    _forget(begun)
    assert not Key.objects.filter(pk=begun.audit_key_id).exists()
    assert not Detail.objects.filter(person=grant.pod.owner.ref).exists()


@pytest.mark.parametrize("began", ["before the backup", "after it"])
def test_a_person_who_was_forgotten_before_the_loss_is_not_forgotten_twice(
    grant: Grant, owner: Actor, back_up: Taken, began: str
) -> None:
    backup = back_up() if began == "after it" else None
    erasure.erase_pod(grant.pod, owner, at_once=True)
    backup = backup or back_up()
    _forget(Erasure.objects.get())
    lose(backup)

    recover()

    assert Erasure.objects.get().done_at is not None
    assert len(leaves("key.destroyed", key=grant.pod.audit_key_id.hex)) == 1
    assert forgetting.forget_due() == 0


def _forget(begun: Erasure) -> None:
    """Take all steps of the second part of an erasure, with the clock moved on for each."""
    for _ in range(20):
        past = timezone.now() - timedelta(minutes=2)
        Erasure.objects.filter(pk=begun.pk).update(due_at=past)
        Erasure.objects.filter(pk=begun.pk, unnamed_at__isnull=False).update(unnamed_at=past)
        forgetting.forget_due()
    begun.refresh_from_db()
    assert begun.done_at is not None


@pytest.mark.rule("design/architecture.md", "Erasing")
def test_an_erased_category_stays_erased_and_the_rest_stays_readable(
    pod: Pod, hotel: Client, owner: Actor, back_up: Taken
) -> None:
    grant = cast.make_grant(pod, hotel, items=THREE)
    pods.put(pod, "stay", STAY)
    kept = pods.put(pod, "preferences", {"pillow": "soft"})
    backup = back_up()
    old_key = Pod.objects.get(pk=pod.pk).key_id
    erasure.erase_category(pod, "stay", owner)
    lose(backup)

    recover()

    restored = Pod.objects.get(pk=pod.pk)
    assert restored.key_id != old_key
    assert not Key.objects.filter(pk=old_key).exists()
    assert list(Record.objects.values_list("pk", flat=True)) == [kept.pk]
    assert not CategoryWrap.objects.filter(category="stay").exists()
    assert pods.read(restored, "preferences")[0].value == {"pillow": "soft"}
    need_open_as_the_log_says(grant)
    assert read(grant, hotel, category="preferences")["records"]


def test_a_category_that_was_erased_while_paused_needs_no_guess(
    pod: Pod, hotel: Client, owner: Actor, back_up: Taken
) -> None:
    grant = cast.make_grant(pod, hotel, items=THREE)
    pods.put(pod, "stay", STAY)
    backup = back_up()
    grants.pause(grant, owner)
    erasure.erase_category(pod, "stay", owner)
    lose(backup)
    recover()
    assert fresh(grant).ended_at is None
    assert fresh(grant).items.get(category="stay").ended_at is not None
    grants.resume(fresh(grant), owner)
    need_open_as_the_log_says(grant)


def test_a_deleted_record_does_not_come_back_to_brands(
    grant: Grant, hotel: Client, back_up: Taken
) -> None:
    gone, kept = (pods.put(grant.pod, "stay", STAY | {"room": room}) for room in ("1204", "7"))
    backup = back_up()
    pods.delete(gone)
    lose(backup)
    assert Record.objects.shown().count() == 2
    recover()
    # No leaf says which of the two it was; the owner does.
    assert read(grant, hotel)["records"] == []
    (hidden,) = leaves("record.hidden")
    assert (hidden["categories"], hidden["reason"]) == (["stay"], LOST)
    pods.show(Record.objects.get(pk=kept.pk))
    assert len(read(grant, hotel)["records"]) == 1


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
