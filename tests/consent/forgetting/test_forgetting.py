"""The second step of an erasure: the law's share under holds, the rest gone, the audit key destroyed."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from audit import entries, holds, sequencer
from audit.models import Detail, Entry, Held
from audit.types import KEPT_FOR, RetentionClass, retention_of
from consent import erasure, forgetting, grants
from consent.actors import Actor
from consent.exceptions import UnknownThing
from consent.forgetting import steps
from consent.models import Erasure, Grant, Letter, Obligation
from keys.exceptions import KeyErased
from keys.models import DestroyedKey, Key
from tests import cast
from tests.consent.grants.test_ending import read_once
from tests.leaves import leaves, only
from vault.models import Pod

pytestmark = pytest.mark.django_db


def age(seconds: int = 61) -> None:
    """Let a minute pass for every erasure that has begun."""
    for one in Erasure.objects.exclude(unnamed_at=None):
        one.unnamed_at -= timedelta(seconds=seconds)
        one.save()


def forget() -> None:
    """Let the workers do all that is due."""
    steps.forget_due()
    age()
    while steps.forget_due():
        pass


@pytest.fixture
def erased(grant: Grant, owner: Actor, pod: Pod) -> Pod:
    """Somebody who shared, was read, and erased the pod."""
    read_once(grant)
    return erasure.erase_pod(pod, owner)


def person_of(pod: Pod) -> str:
    return Pod.objects.select_related("owner").get(pk=pod.pk).owner.ref


def test_for_24_hours_nothing_is_forgotten(erased: Pod) -> None:
    before = Detail.objects.filter(person=person_of(erased)).count()
    assert steps.forget_due() == 0
    assert Detail.objects.filter(person=person_of(erased)).count() == before > 0
    Erasure.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert steps.forget_due() == 1


@pytest.mark.rule("design/log.md", "Legal hold")
def test_in_the_end_the_audit_key_is_gone_and_nothing_names_the_person(
    erased: Pod, owner: Actor
) -> None:
    person, key = person_of(erased), Pod.objects.get(pk=erased.pk).audit_key_id
    size = Entry.objects.count()
    assert forgetting.waive(erased, owner)
    forget()

    assert DestroyedKey.objects.filter(pk=key).exists()
    assert not Detail.objects.filter(person=person).exists()
    assert entries.of_person(person) == []
    assert not Letter.objects.filter(owner=erased.owner, sent_at__isnull=False).exists()
    assert Erasure.objects.get().done_at is not None
    assert only("key.destroyed")["key"] == key.hex
    assert Entry.objects.count() > size, "the leaves stay"
    sequencer.sequence_once()


@pytest.mark.rule("PIPA", "Art. 21(3)")
def test_what_a_law_keeps_lies_apart_under_a_key_for_each_class(erased: Pod, owner: Actor) -> None:
    before = list(Detail.objects.filter(person=person_of(erased)).values_list("type", flat=True))
    forgetting.waive(erased, owner)
    forget()

    kept = [each for each in before if retention_of(each) != RetentionClass.PLAIN]
    assert sorted(Held.objects.values_list("type", flat=True)) == sorted(kept)
    classes = {UUID(key): name for name, key in Erasure.objects.get().holds.items()}
    for held in Held.objects.all():
        assert classes[held.hold] == retention_of(held.type).value
        assert held.due_at == held.at + KEPT_FOR[retention_of(held.type)]
    assert {leaf["kind"] for leaf in leaves("hold.made")} == {"consent", "access", "rights"}
    assert not any("pod" in leaf or "grant" in leaf for leaf in leaves("hold.made"))


def test_a_hold_is_opened_by_two_with_a_case_and_says_what_it_said(
    erased: Pod, owner: Actor
) -> None:
    forgetting.waive(erased, owner)
    forget()
    hold = UUID(Erasure.objects.get().holds["access"])
    first, second = (cast.make_owner().ref for _ in range(2))
    with pytest.raises(ValueError, match="by two"):
        holds.open_hold(hold, "case-1", (first, first))

    (read,) = [
        each
        for each in holds.open_hold(hold, "case-1", (first, second))
        if each.type == "record.read"
    ]

    assert read.detail is not None
    assert read.detail["person"] == person_of(erased)
    opened = leaves("hold.opened")
    assert [leaf["actor"]["account"] for leaf in opened] == [first, second]
    assert {leaf["reason"] for leaf in opened} == {"case-1"}


def test_at_its_date_a_hold_is_gone_for_good(erased: Pod, owner: Actor) -> None:
    forgetting.waive(erased, owner)
    forget()
    hold = UUID(Erasure.objects.get().holds["access"])
    assert holds.destroy_due() == 0
    later = timezone.now() + KEPT_FOR[RetentionClass.ACCESS] + timedelta(days=1)

    assert holds.destroy_due(now=later) > 0

    assert not Held.objects.filter(hold=hold).exists()
    with pytest.raises(KeyErased):
        holds.open_hold(hold, "case-1", ("a" * 32, "b" * 32))
    assert Held.objects.exists(), "consents are kept longer"
    end = timezone.now() + KEPT_FOR[RetentionClass.CONSENT] + timedelta(days=1)
    holds.destroy_due(now=end)
    assert not Held.objects.exists()
    assert not Key.objects.filter(kind="hold").exists()
    assert len(leaves("hold.destroyed")) == 3


def test_whoever_was_writing_about_the_person_has_a_minute_to_be_done(
    erased: Pod, owner: Actor
) -> None:
    forgetting.waive(erased, owner)
    assert steps.forget_due() == 1
    assert steps.forget_due() == 0
    age(50)
    assert steps.forget_due() == 0
    assert Erasure.objects.get().held_at is None
    age(11)
    assert steps.forget_due() == 1
    assert Erasure.objects.get().held_at is not None


def test_it_goes_on_after_an_interruption_anywhere(
    erased: Pod, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "BATCH", 2)
    person = person_of(erased)
    before = Detail.objects.filter(person=person).count()
    forgetting.waive(erased, owner)
    taken = 0
    while Erasure.objects.get().done_at is None:
        age()
        steps.forget_due()  # a process that took one step and died
        taken += 1
    assert taken >= before // 2
    assert steps.forget_due() == 0
    assert not Detail.objects.filter(person=person).exists()


def test_what_happens_afterwards_names_nobody_any_more(erased: Pod, owner: Actor) -> None:
    forgetting.waive(erased, owner)
    steps.forget_due()
    owed = Obligation.objects.select_related("grant__pod__owner").get()
    assert owed.grant.pod.audit_key_id is None
    from consent.revocation import entries as said

    assert said.of_obligation("obligation.attested", owed).person is None


def test_a_stranger_hastens_nothing(erased: Pod, stranger: Pod) -> None:
    with pytest.raises(UnknownThing):
        forgetting.waive(erased, Actor.owner(stranger.owner))
    assert Erasure.objects.get().due_at > timezone.now()


def test_nobody_elses_details_are_touched(erased: Pod, owner: Actor, stranger: Pod) -> None:
    other = cast.make_grant(stranger)
    grants.end(other, Grant.EndKind.WITHDRAWN, "", Actor.owner(stranger.owner))
    before = Detail.objects.filter(person=stranger.owner.ref).count()
    forgetting.waive(erased, owner)
    forget()
    assert Detail.objects.filter(person=stranger.owner.ref).count() == before
