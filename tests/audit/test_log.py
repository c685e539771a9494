"""Appending: with the action or not at all, in one exact form, about nobody."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from audit import anchor, leaf, log, merkle, triggers
from audit.checks import triggers_are_there
from audit.drafts import detail_context
from audit.exceptions import (
    LeafMalformed,
    LeafRefused,
    LinksPeople,
    LogIsAppendOnly,
    LogShrank,
    NotInTransaction,
    UnknownEntryType,
)
from audit.log import Draft
from audit.models import Checkpoint, Detail, Entry, Leaf, Pending
from audit.types import EntryType
from keys import sealing, tree
from keys.exceptions import KeyErased
from tests.audit.conftest import Person, plain


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_is_appended() -> None:
    with pytest.raises(NotInTransaction):
        log.append(plain())
    with pytest.raises(NotInTransaction):
        log.append_many([plain()])
    assert not Entry.objects.exists()


@transaction.atomic
def append_and_fail(draft: Draft) -> None:
    log.append(draft)
    raise ZeroDivisionError


@pytest.mark.django_db
def test_a_rollback_leaves_nothing(read_of: Callable[..., Draft]) -> None:
    with pytest.raises(ZeroDivisionError):
        append_and_fail(read_of())
    assert not Entry.objects.exists()
    assert not Pending.objects.exists()
    assert not Detail.objects.exists()


@pytest.mark.django_db
@pytest.mark.rule("design/log.md", "Append")
def test_an_entry_comes_with_its_detail_and_its_pending_mark(
    read_of: Callable[..., Draft], person: Person
) -> None:
    appended = log.append(read_of())
    entry = Entry.objects.get(seq=appended.seq)
    detail = Detail.objects.get(seq=appended.seq)
    assert Pending.objects.filter(seq=appended.seq).exists()
    assert entry.event_id == appended.event_id
    assert bytes(entry.leaf_hash) == merkle.leaf_hash(bytes(entry.leaf))
    assert (detail.person, detail.grant_ref, detail.type) == (person.ref, "c" * 32, "record.read")


@pytest.mark.django_db
def test_the_leaf_commits_to_the_detail_and_the_detail_opens_with_the_audit_key(
    read_of: Callable[..., Draft], person: Person
) -> None:
    appended = log.append(read_of())
    fields = leaf.decode(bytes(Entry.objects.get(seq=appended.seq).leaf))
    sealed = bytes(Detail.objects.get(seq=appended.seq).sealed)
    opened = sealing.open_sealed(
        tree.open_audit_key(person.audit_key),
        sealed,
        context=detail_context(appended.event_id, "record.read"),
    )
    detail, r = opened[:-32], opened[-32:]
    assert sealing.commit(r, "record.read", detail).hex() == fields["commitment"]
    assert json.loads(detail) == {"records": ["d" * 32], "person": person.ref}


@pytest.mark.django_db
def test_an_erased_persons_entry_cannot_be_appended_in_their_name(
    read_of: Callable[..., Draft], person: Person
) -> None:
    tree.destroy(person.audit_key)
    with pytest.raises(KeyErased):
        log.append(read_of())


@pytest.mark.django_db
def test_many_entries_keep_their_order_and_are_composed_alike(
    read_of: Callable[..., Draft],
) -> None:
    log.append_many([read_of(epoch=n) for n in range(1, 41)])
    epochs = [leaf.decode(bytes(each))["epoch"] for each in
              Entry.objects.order_by("seq").values_list("leaf", flat=True)]  # fmt: skip
    assert epochs == list(range(1, 41))
    assert Detail.objects.count() == Pending.objects.count() == 40


@pytest.mark.django_db
def test_entries_about_somebody_and_about_nobody_go_in_together(
    read_of: Callable[..., Draft],
) -> None:
    about = [plain(), read_of(), plain()]
    log.append_many(about)
    log.append_many([plain(), plain()])
    log.append_many([])

    entries = list(Entry.objects.order_by("seq"))
    assert [each.type for each in entries[:3]] == [each.type for each in about]
    assert Detail.objects.get().seq == entries[1].seq
    assert {one.seq for one in Pending.objects.all()} == {each.seq for each in entries}
    assert len(entries) == 5


def test_a_leaf_is_sorted_ascii_json_without_absent_fields() -> None:
    row = log.compose(
        plain(until=datetime(2027, 1, 2, 3, 4, 5, 678900, UTC), categories=("b", "a", "b"))
    )
    fields = json.loads(row.leaf)
    assert row.leaf.isascii()
    assert row.leaf == json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    assert fields["until"] == "2027-01-02T03:04:05.678Z"
    assert fields["categories"] == ["a", "b"]
    assert set(fields) == {"actor", "categories", "id", "time", "type", "until", "v"}
    assert leaf.MOMENT(fields["time"])
    assert leaf.EVENT(fields["id"])
    assert leaf.decode(row.leaf) == fields


@pytest.mark.parametrize("made_up", ["마루호텔", "a b", "x" * 65, "", "a\nb", "<script>"])
def test_what_a_caller_made_up_is_unknown_in_the_leaf(made_up: str) -> None:
    fields = json.loads(
        log.compose(plain(purpose=made_up, reason=made_up, categories=(made_up,))).leaf
    )
    assert (fields["purpose"], fields["reason"]) == ("unknown", "unknown")
    assert fields["categories"] == ["unknown"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "grant.eaten"}, {"role": "king"}, {"outcome": "maybe"}, {"grant": str(uuid4())},
        {"grant": "C" * 32}, {"partner": "x"}, {"opens": -1}, {"opens": 2**53}, {"epoch": 1.0},
        {"epoch": True}, {"notice": "abc"}, {"of": "1"}, {"since": datetime(2027, 1, 1)},
        {"person": "e" * 32}, {"categories": tuple(f"{n:064}" for n in range(70))},
    ],
)  # fmt: skip
def test_what_does_not_fit_a_leaf_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(LeafRefused):
        log.compose(plain(**wrong))


def test_an_unknown_type_says_so() -> None:
    with pytest.raises(UnknownEntryType):
        log.compose(plain(type="grant.eaten"))


@pytest.mark.rule("design/log.md", "No leaf carries a person")
@pytest.mark.parametrize(
    "both",
    [
        {"grant": "a" * 32, "pod": "b" * 32},
        {"request": "a" * 32, "pod": "b" * 32},
        {"grant": "a" * 32, "account": "b" * 32, "role": "owner"},
        {"grant": "a" * 32, "account": "b" * 32, "role": "guardian"},
        {"grant": "a" * 32, "account_object": "b" * 32},
        {"grant": "a" * 32, "hold": "b" * 32},
        {"request": "a" * 32, "journey": "b" * 32},
    ],
)
def test_nothing_in_a_leaf_joins_two_grants_of_one_person(both: dict[str, str]) -> None:
    with pytest.raises(LinksPeople):
        log.compose(plain(**both))


def test_an_operators_account_may_stand_beside_a_grant() -> None:
    assert log.compose(plain(grant="a" * 32, account="b" * 32)).grant_ref == "a" * 32


@pytest.mark.parametrize(
    "bytes_",
    [b"", b"[]", b"{}", b'{"v":1}', b"{", b"\xff", b'{"v":2}', b" " * 5000],
)
def test_bytes_that_were_never_written_are_no_leaf(bytes_: bytes) -> None:
    with pytest.raises(LeafMalformed):
        leaf.decode(bytes_)


def test_a_leaf_in_another_form_is_no_leaf() -> None:
    good = log.compose(plain()).leaf
    for bad in (good.replace(b":", b": "), good[:-1] + b',"v":1}', good.replace(b":1}", b":1.0}")):
        with pytest.raises(LeafMalformed):
            leaf.decode(bad)


def test_event_ids_are_version_7() -> None:
    ids = [log.compose(plain()).event_id for _ in range(100)]
    assert len(set(ids)) == 100
    assert all(each.version == 7 and each.variant == "specified in RFC 4122" for each in ids)


@pytest.mark.django_db
def test_the_queryset_refuses(read_of: Callable[..., Draft]) -> None:
    log.append(read_of())
    for refuse in (
        lambda: Entry.objects.update(type="x"),
        lambda: Entry.objects.all().delete(),
        lambda: Leaf.objects.filter(index=0).delete(),
        lambda: Checkpoint.objects.update(size=1),
        lambda: Entry.objects.get().save(),
    ):
        with pytest.raises(LogIsAppendOnly):
            refuse()


FORBIDDEN = [
    "UPDATE audit_entry SET type = 'x'",
    "DELETE FROM audit_entry",
    "UPDATE audit_detail SET person = 'x'",
    "UPDATE audit_leaf SET seq = 2",
    "DELETE FROM audit_leaf",
    "UPDATE audit_checkpoint SET size = 2",
    "DELETE FROM audit_checkpoint",
    "DELETE FROM audit_logstate",
    "UPDATE audit_logstate SET size = 0",
    "DELETE FROM audit_tile",
    "UPDATE audit_tile SET hashes = hashes || hashes, width = width - 1",
]


@pytest.fixture
def one_of_each(read_of: Callable[..., Draft]) -> Iterator[None]:
    from audit import sequencer

    log.append(read_of())
    sequencer.sequence_once()
    sequencer.publish()
    return


@pytest.mark.django_db
@pytest.mark.rule("design/log.md", "Append-only, three times")
@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_database_itself_refuses(one_of_each: None, statement: str) -> None:
    with (
        pytest.raises(IntegrityError, match=triggers.MESSAGE),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.postgres
@pytest.mark.django_db
@pytest.mark.parametrize("table", triggers.NO_TRUNCATE)
def test_the_database_refuses_to_truncate(table: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL: SQLite has no TRUNCATE")
    with (
        pytest.raises(IntegrityError, match=triggers.MESSAGE),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"TRUNCATE {table} CASCADE")


@pytest.mark.django_db
def test_details_may_go(read_of: Callable[..., Draft]) -> None:
    log.append(read_of())
    Detail.objects.all().delete()
    assert not Detail.objects.exists()
    assert Entry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_missing_trigger_is_reported() -> None:
    assert triggers_are_there(databases=["default"]) == []
    triggers.remove(connection)
    try:
        (report,) = triggers_are_there(databases=["default"])
        assert "audit_entry_no_delete" in report.msg
    finally:
        triggers.install(connection)
    assert triggers_are_there(databases=["default"]) == []


@pytest.mark.django_db
def test_a_process_that_saw_the_log_shrink_appends_nothing_more() -> None:
    anchor.guard_size(10)
    with pytest.raises(LogShrank):
        anchor.guard_size(9)
    with pytest.raises(LogShrank):
        log.append(plain())
    with pytest.raises(LogShrank):
        anchor.guard_size(11)


@pytest.mark.django_db
def test_an_entry_may_cite_another() -> None:
    first = log.append(plain())
    second = log.append(plain(of=first.event_id))
    fields = leaf.decode(bytes(Entry.objects.get(seq=second.seq).leaf))
    assert UUID(fields["of"]) == first.event_id
    assert fields["type"] == EntryType.PURPOSE_PUBLISHED
