"""A restored backup brings nothing back that was erased, deleted or forgotten."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import Detail
from consent import erasure, forgetting, grants
from consent.actors import Actor
from consent.models import Client, Delivery, Erasure, Grant, Obligation
from keys.models import CategoryWrap, DestroyedKey, Key
from tests import cast
from tests.backups import Taken, lose, recover
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
from vault.models import Pod, Record

pytestmark = pytest.mark.django_db(transaction=True)


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
