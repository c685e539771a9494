"""Rotation: everything moves, a kill loses nothing, and old backups fall silent."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from keys import rotation, rows, tree
from keys.exceptions import GenerationGone, KeyErased
from keys.generations import KEPT_AFTER_NEXT, NEW_EVERY
from keys.keyring import keyring
from keys.models import DestroyedKey, Key

pytestmark = pytest.mark.django_db


@pytest.fixture
def made() -> dict[UUID, bytes]:
    """Five keys of three kinds, with what they are."""
    pod = uuid4()
    ids = [tree.make_pod_key(pod), *(tree.make_grant_key(uuid4()) for _ in range(3))]
    tree.cover(pod, ids[1], ["stay"])
    return opened([*ids, tree.make_audit_key(uuid4().hex)])


def opened(ids: list[UUID]) -> dict[UUID, bytes]:
    return {key_id: rows.opened(rows.get(key_id)) for key_id in ids}


def generations() -> set[str]:
    return set(Key.objects.values_list("generation", flat=True))


def test_every_key_moves_to_the_new_generation_and_is_still_itself(made):
    seen = []
    before = keyring().current()
    done = rotation.rotate(force=True, progress=lambda at, of: seen.append((at, of)))
    assert keyring().current() != before
    assert (done.moved, done.unopened, done.retired) == (5, 0, ())
    assert generations() == {keyring().current()}
    assert opened(list(made)) == made
    assert seen == [(5, 5)]


def test_nothing_happens_where_nothing_is_due(made):
    before = dict(Key.objects.values_list("id", "wrapped"))
    assert rotation.rotate().moved == 0
    assert dict(Key.objects.values_list("id", "wrapped")) == before


@pytest.mark.rule("Promise", "5 Erased")
def test_a_backup_older_than_14_days_opens_nothing(made):
    backup = list(Key.objects.all())
    now = datetime.now(UTC)
    rotation.rotate(now=now + NEW_EVERY)
    assert {rows.opened(row) for row in backup} == set(made.values())
    done = rotation.rotate(now=now + NEW_EVERY + KEPT_AFTER_NEXT)
    assert done.retired == (backup[0].generation,)
    for row in backup:
        with pytest.raises(GenerationGone):
            rows.opened(row)
    assert opened(list(made)) == made


class Killed(BaseException):
    """What a kill looks like from the inside: nothing catches it."""


def kill(*_: int) -> None:
    raise Killed


def test_a_kill_in_the_middle_loses_nothing_and_the_next_run_goes_on(made, monkeypatch):
    monkeypatch.setattr(rotation, "BATCH", 2)
    with pytest.raises(Killed):
        rotation.rotate(force=True, progress=kill)
    current = keyring().current()
    assert rotation.stale(current) == 3
    assert opened(list(made)) == made
    assert rotation.rotate().moved == 3
    assert keyring().current() == current
    assert opened(list(made)) == made


def test_a_key_destroyed_during_rotation_stays_destroyed(made, monkeypatch):
    monkeypatch.setattr(rotation, "BATCH", 2)
    last = max(made)
    done = rotation.rotate(force=True, progress=lambda at, _: at == 2 and tree.destroy(last))
    assert done.moved == 4
    assert isinstance(tree.missing(last), KeyErased)
    assert not Key.objects.filter(id=last).exists()


def test_a_wrap_that_changed_since_it_was_read_is_left_alone(made):
    row = Key.objects.get(id=min(made))
    rotation._store([("f" * 32, b"mine", row.id, b"not what stands there")])
    row.refresh_from_db()
    assert opened([row.id])[row.id] == made[row.id]


def test_a_key_that_does_not_open_stops_neither_the_others_nor_goes_unseen(made):
    Key.objects.filter(id=min(made)).update(wrapped=b"damaged")
    old, now = keyring().current(), datetime.now(UTC)
    done = rotation.rotate(now=now + NEW_EVERY)
    assert (done.moved, done.unopened) == (4, 1)
    assert rotation.rotate(now=now + NEW_EVERY + KEPT_AFTER_NEXT).retired == ()
    assert old in {generation.id for generation in keyring().generations()}


def test_the_command_rotates_and_says_what_it_did(made, capsys):
    call_command("rotate_keys", "--now")
    assert "5 keys moved" in capsys.readouterr().out
    assert generations() == {keyring().current()}


def test_the_command_fails_loudly_over_a_key_that_does_not_open(made):
    Key.objects.filter(id=min(made)).update(wrapped=b"damaged")
    with pytest.raises(CommandError, match="1 keys do not open"):
        call_command("rotate_keys", "--now")


@pytest.fixture
def committed(transactional_db) -> UUID:
    with transaction.atomic():
        return tree.make_audit_key(uuid4().hex)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_key_that_is_being_destroyed_while_rotation_waits_is_not_brought_back(committed):
    failed = []

    def rotate() -> None:
        try:
            rotation.rotate(force=True)
        except Exception as error:  # noqa: BLE001 - handed to the test's own thread
            failed.append(error)
        finally:
            connection.close()

    with transaction.atomic():
        tree.destroy(committed)
        thread = threading.Thread(target=rotate)
        thread.start()
        # Either the rotation already waits for this row, or it will find it gone: both must hold.
        thread.join(0.3)
    thread.join(30)
    assert not failed
    assert not Key.objects.filter(id=committed).exists()
    assert DestroyedKey.objects.filter(id=committed).exists()


def test_rotation_of_a_young_vault_retires_nothing(made):
    assert rotation.rotate(now=datetime.now(UTC) + timedelta(days=1)).retired == ()
