"""The key tree: what opens what, and what does not any more."""

import threading
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from keys import rows, tree
from keys.exceptions import (
    KeyErased,
    NeverHadAKey,
    NotInTransaction,
    Tampered,
)
from keys.models import CategoryKey, CategoryWrap, DestroyedKey, Key

pytestmark = pytest.mark.django_db


def through(key_id: UUID, category: str) -> dict[int, bytes]:
    """Open a category through one pod or grant key, by version."""
    key = through_bytes(key_id)
    return {
        wrap.version: tree.open_category_key(
            key, key_id, wrap.category_key, wrap.version, wrap.wrapped
        )
        for wrap in CategoryWrap.objects.filter(under=key_id, category=category)
    }


def replace_and_fail(old: UUID, grant: UUID, pod: UUID) -> None:
    tree.replace_grant_key(old, grant, pod, [])
    raise NeverHadAKey


def test_a_grant_key_opens_the_granted_categories_and_no_other():
    pod, grant = uuid4(), uuid4()
    pod_key, grant_key = tree.make_pod_key(pod), tree.make_grant_key(grant)
    stay = tree.category_key(pod, "stay", pod_key_id=pod_key)
    tree.category_key(pod, "trip", pod_key_id=pod_key)
    tree.cover(pod, grant_key, ["stay"])
    assert through(grant_key, "stay") == {1: stay.key} == through(pod_key, "stay")
    assert through(grant_key, "trip") == {}


def test_covering_twice_is_covering_once():
    pod = uuid4()
    tree.make_pod_key(pod)
    grant_key = tree.make_grant_key(uuid4())
    tree.cover(pod, grant_key, ["stay"])
    tree.cover(pod, grant_key, ["stay"])
    assert CategoryWrap.objects.filter(under=grant_key).count() == 1


def test_a_category_that_has_no_key_gets_one_when_it_is_granted():
    pod = uuid4()
    pod_key, grant_key = tree.make_pod_key(pod), tree.make_grant_key(uuid4())
    tree.cover(pod, grant_key, ["stay"])
    later = tree.category_key(pod, "stay", pod_key_id=pod_key)
    assert through(grant_key, "stay") == {1: later.key}


def test_a_new_version_opens_for_the_pod_and_the_live_grants_only():
    pod = uuid4()
    pod_key = tree.make_pod_key(pod)
    live, ended = tree.make_grant_key(uuid4()), tree.make_grant_key(uuid4())
    tree.cover(pod, live, ["stay"])
    tree.cover(pod, ended, ["stay"])
    assert tree.new_version(pod, "stay", [live]) == 2
    assert set(through(pod_key, "stay")) == set(through(live, "stay")) == {1, 2}
    assert set(through(ended, "stay")) == {1}
    assert tree.category_key(pod, "stay", pod_key_id=pod_key).version == 2


def test_a_replaced_grant_key_no_longer_opens_the_ended_category():
    pod, grant = uuid4(), uuid4()
    tree.make_pod_key(pod)
    old = tree.make_grant_key(grant)
    tree.cover(pod, old, ["stay", "trip"])
    new = tree.replace_grant_key(old, grant, pod, ["trip"])
    assert new != old
    assert not CategoryWrap.objects.filter(under=old).exists()
    assert through(new, "stay") == {}
    assert set(through(new, "trip")) == {1}
    assert isinstance(tree.missing(old), KeyErased)


def test_a_destroyed_pod_key_takes_every_category_with_it():
    pod = uuid4()
    pod_key = tree.make_pod_key(pod)
    tree.category_key(pod, "stay", pod_key_id=pod_key)
    tree.destroy(pod_key)
    tree.destroy(pod_key)
    assert not CategoryWrap.objects.exists()
    assert not CategoryKey.objects.exists()
    with pytest.raises(KeyErased):
        tree.category_key(pod, "stay", pod_key_id=pod_key)
    with pytest.raises(KeyErased):
        tree.cover(pod, tree.make_grant_key(uuid4()), ["stay"])


def test_an_erased_category_leaves_the_others_open():
    pod = uuid4()
    old = tree.make_pod_key(pod)
    stay = tree.category_key(pod, "stay", pod_key_id=old)
    trip = tree.category_key(pod, "trip", pod_key_id=old)
    tree.new_version(pod, "trip", [])
    grant_key = tree.make_grant_key(uuid4())
    tree.cover(pod, grant_key, ["stay", "trip"])
    before = through_bytes(grant_key)
    new = tree.erase_category(pod, "stay")
    assert new != old
    assert through(new, "stay") == through(grant_key, "stay") == {}
    assert through(new, "trip") == through(grant_key, "trip")
    assert through(new, "trip")[1] == trip.key
    # A backup still holds the erased wrap under the old secret of the grant key.
    assert through_bytes(grant_key) != before
    again = tree.category_key(pod, "stay", pod_key_id=new)
    assert (again.key_id, again.key) != (stay.key_id, stay.key)
    assert DestroyedKey.objects.filter(id__in=[old, stay.key_id]).count() == 2


def through_bytes(key_id: UUID) -> bytes:
    row = Key.objects.get(id=key_id)
    return tree.open_key(row.kind, row.id, row.generation, row.wrapped, ref=row.ref)


def test_retired_versions_are_gone_and_every_holder_has_a_new_secret():
    pod = uuid4()
    pod_key = tree.make_pod_key(pod)
    grant_key = tree.make_grant_key(uuid4())
    tree.cover(pod, grant_key, ["stay", "trip"])
    before = {key: through_bytes(key) for key in (pod_key, grant_key)}
    trip = through(pod_key, "trip")
    tree.new_version(pod, "stay", [grant_key])
    tree.retire_versions(pod, "stay")
    assert set(through(pod_key, "stay")) == set(through(grant_key, "stay")) == {2}
    assert through(pod_key, "trip") == through(grant_key, "trip") == trip
    assert all(through_bytes(key) != secret for key, secret in before.items())


def test_never_had_a_key_and_erased_are_two_answers():
    key_id = tree.make_audit_key("a" * 32)
    assert len(tree.open_audit_key(key_id)) == 32
    with pytest.raises(NeverHadAKey):
        tree.open_audit_key(uuid4())
    with pytest.raises(NeverHadAKey):
        tree.open_audit_key(None)
    with pytest.raises(NeverHadAKey):
        tree.destroy(uuid4())
    tree.destroy(key_id)
    with pytest.raises(KeyErased):
        tree.open_audit_key(key_id)


def test_a_destroyed_key_id_is_never_used_again(monkeypatch):
    key_id = tree.make_audit_key("a" * 32)
    tree.destroy(key_id)
    monkeypatch.setattr(rows, "uuid4", lambda: key_id)
    with pytest.raises(KeyErased):
        tree.make_audit_key("b" * 32)


def test_swapped_key_rows_do_not_open():
    one, other = tree.make_grant_key(uuid4()), tree.make_grant_key(uuid4())
    row, swapped = Key.objects.get(id=one), Key.objects.get(id=other)
    for changed in (
        {"key_id": other},
        {"kind": "pod"},
        {"ref": swapped.ref},
        {"wrapped": swapped.wrapped},
    ):
        given = {
            "kind": row.kind,
            "key_id": row.id,
            "generation": row.generation,
            "wrapped": row.wrapped,
            "ref": row.ref,
        } | changed
        with pytest.raises(Tampered):
            tree.open_key(**given)


def test_swapped_category_wraps_do_not_open():
    pod = uuid4()
    pod_key_id = tree.make_pod_key(pod)
    tree.category_key(pod, "stay", pod_key_id=pod_key_id)
    tree.category_key(pod, "trip", pod_key_id=pod_key_id)
    tree.new_version(pod, "stay", [])
    key = through_bytes(pod_key_id)
    first, second, trip = CategoryWrap.objects.order_by("category", "version")
    for under, category_key, version, wrapped in (
        (uuid4(), first.category_key, 1, first.wrapped),
        (pod_key_id, trip.category_key, 1, first.wrapped),
        (pod_key_id, first.category_key, 2, first.wrapped),
        (pod_key_id, first.category_key, 1, second.wrapped),
    ):
        with pytest.raises(Tampered):
            tree.open_category_key(key, under, category_key, version, wrapped)


def test_the_key_of_another_pod_is_not_taken():
    mine, other = uuid4(), uuid4()
    tree.make_pod_key(mine)
    other_key = tree.make_pod_key(other)
    tree.category_key(other, "stay", pod_key_id=other_key)
    with pytest.raises(Tampered):
        tree.category_key(mine, "stay", pod_key_id=other_key)
    with pytest.raises(Tampered):
        tree.category_key(mine, "trip", pod_key_id=other_key)


@pytest.mark.django_db(transaction=True)
def test_keys_change_only_inside_a_transaction():
    with pytest.raises(NotInTransaction):
        tree.make_pod_key(uuid4())
    with transaction.atomic():
        key_id = tree.make_pod_key(uuid4())
    with pytest.raises(NotInTransaction):
        tree.destroy(key_id)


@pytest.mark.django_db(transaction=True)
def test_a_change_that_fails_in_the_middle_leaves_the_tree_as_it_was():
    pod, grant = uuid4(), uuid4()
    with transaction.atomic():
        tree.make_pod_key(pod)
        old = tree.make_grant_key(grant)
        tree.cover(pod, old, ["stay"])
    before = through(old, "stay")
    with pytest.raises(NeverHadAKey), transaction.atomic():
        replace_and_fail(old, grant, pod)
    assert through(old, "stay") == before
    assert not DestroyedKey.objects.exists()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_read_beside_a_key_that_gets_a_new_secret_never_fails():
    pod = uuid4()
    with transaction.atomic():
        pod_key = tree.make_pod_key(pod)
        stay = tree.category_key(pod, "stay", pod_key_id=pod_key)
        tree.category_key(pod, "trip", pod_key_id=pod_key)

    def renew() -> None:
        for _ in range(40):
            with transaction.atomic():
                rows.renew(pod_key)
        connection.close()

    thread = threading.Thread(target=renew)
    thread.start()
    reads = 0
    while thread.is_alive() or not reads:
        found = tree.category_keys(pod, ["stay", "trip"], pod_key_id=pod_key)
        assert found["stay", 1] == stay
        reads += 1
    thread.join()


def test_a_tombstone_remembers_the_hash_of_what_its_key_belonged_to(db: None) -> None:
    grant = uuid4()
    with transaction.atomic():
        key_id = tree.make_grant_key(grant)
        tree.destroy_many([key_id])

    tombstone = DestroyedKey.objects.get(id=key_id)
    assert bytes(tombstone.ref_hash) == rows.ref_hash("grant", tree.grant_ref(grant))
