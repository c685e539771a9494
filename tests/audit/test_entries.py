"""What a person sees of the log about them."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import transaction

from audit import entries, log
from audit.log import Draft
from audit.models import Detail, Entry
from keys import sealing, tree
from keys.exceptions import Tampered
from tests.audit.conftest import Person, plain
from tests.audit.sequenced import append, both_steps


@pytest.mark.django_db
def test_a_person_sees_their_own_entries_newest_first(
    read_of: Callable[..., Draft], person: Person
) -> None:
    append(3)
    log.append_many([read_of(epoch=n, detail={"n": n}) for n in range(1, 8)])
    with transaction.atomic():
        other = Person(uuid4().hex, tree.make_audit_key(uuid4().hex))
    log.append(read_of(person=other.ref, audit_key=other.audit_key))
    page = entries.of_person(person.ref, limit=3)
    assert [(each.leaf["epoch"], each.detail and each.detail["n"]) for each in page] == [
        (7, 7), (6, 6), (5, 5),
    ]  # fmt: skip
    rest = entries.of_person(person.ref, before=page[-1].seq)
    assert [each.leaf["epoch"] for each in rest] == [4, 3, 2, 1]
    assert page[0].leaf["id"] == str(page[0].event_id)


@pytest.mark.django_db
def test_pages_can_be_narrowed(read_of: Callable[..., Draft], person: Person) -> None:
    log.append(read_of(type="grant.given", grant="1" * 32, opens=1))
    log.append(read_of(grant="1" * 32))
    log.append(read_of(grant="2" * 32))
    assert len(entries.of_person(person.ref, types=["grant.given"])) == 1
    assert len(entries.of_person(person.ref, grants=["1" * 32])) == 2
    assert entries.of_grant("1" * 32, types=["record.read"]).count() == 1
    assert entries.of_person(uuid4().hex) == []


@pytest.mark.django_db
def test_after_erasure_the_entry_stays_and_the_detail_does_not_open(
    read_of: Callable[..., Draft], person: Person
) -> None:
    log.append(read_of())
    with transaction.atomic():
        tree.destroy(person.audit_key)
    (seen,) = entries.of_person(person.ref)
    assert seen.detail is None
    assert "commitment" in seen.leaf


@pytest.mark.django_db
def test_a_detail_moved_to_another_entry_does_not_open(read_of: Callable[..., Draft]) -> None:
    one, two = log.append(read_of()), log.append(read_of())
    moved = Detail.objects.get(seq=one.seq)
    Detail.objects.filter(seq=two.seq).delete()
    Detail.objects.create(
        seq=two.seq, person=moved.person, type=moved.type, at=moved.at, sealed=moved.sealed
    )
    with pytest.raises(Tampered):
        entries.of_person(moved.person)


@pytest.mark.django_db
def test_an_opening_answers_the_commitment(read_of: Callable[..., Draft]) -> None:
    appended = log.append(read_of())
    opening = entries.opening(Detail.objects.get(seq=appended.seq), appended.event_id)
    assert opening is not None
    (seen,) = entries.seen(Detail.objects.all())
    assert sealing.commit(opening.r, seen.type, opening.detail).hex() == seen.leaf["commitment"]


@pytest.mark.django_db
def test_entries_are_walked_in_the_order_of_their_places() -> None:
    append(30)
    both_steps()
    walked = list(entries.in_order(3, 29, step=10))
    assert [index for index, _ in walked] == list(range(3, 29))
    places = entries.index_of([entry.seq for _, entry in walked])
    assert all(places[entry.seq] == index for index, entry in walked)
    log.append(plain())
    assert entries.index_of([Entry.objects.order_by("-seq")[0].seq]) == {}
