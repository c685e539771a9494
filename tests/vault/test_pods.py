"""Records in a pod: sealed, versioned, logged, deleted."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction

from audit.models import Entry
from keys import tree
from keys.exceptions import KeyErased, NeverHadAKey, Tampered
from keys.models import CategoryKey, CategoryWrap
from vault import categories, pods
from vault.exceptions import (
    ContributionNotEdited,
    PodErased,
    RecordChangedMeanwhile,
    RecordGone,
    RecordInvalid,
    RRNFound,
    UnknownCategory,
)
from vault.models import Pod, Record, RecordVersion, Source

CANARY = "카나리아-7f3a9c"
MEAL = {"dish": "크루통 없는 시저 샐러드", "without": ["크루통"]}


def types() -> list[str]:
    return list(Entry.objects.order_by("seq").values_list("type", flat=True))


def everything_stored() -> bytes:
    """Every value of every table, as bytes."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                for value in row:
                    raw = isinstance(value, bytes | memoryview)
                    found.append(bytes(value) if raw else str(value).encode())
    return b"\n".join(found)


def contributed(pod: Pod, value: Any = MEAL, partner: str = "brand-a") -> Record:
    return pods.put(
        pod,
        "meal",
        value,
        source=Source.PARTNER,
        source_partner=partner,
        source_name="마루호텔",
    )


def test_what_was_put_can_be_read(pod: Pod) -> None:
    record = pods.put(pod, "meal", MEAL)
    (opened,) = pods.read(pod, "meal")
    assert (opened.record.id, opened.value) == (record.id, MEAL)
    assert opened.record.source == Source.OWNER


def test_making_a_pod_twice_makes_one(pod: Pod) -> None:
    again = pods.create(pod.owner)
    assert (again.id, again.key_id) == (pod.id, pod.key_id)
    assert types() == ["pod.made"]


def test_a_value_is_in_no_table_in_clear(pod: Pod) -> None:
    record = pods.put(pod, "meal", {"dish": CANARY})
    pods.change(record, {"dish": CANARY + "2"})
    stored = everything_stored()
    assert pod.ref.encode() in stored  # the search itself finds things
    assert CANARY.encode() not in stored
    assert CANARY.encode("unicode_escape") not in stored


def test_an_owners_writes_are_entries_and_his_reads_are_none(pod: Pod) -> None:
    record = pods.put(pod, "meal", MEAL)
    pods.change(record, {"dish": "라면"})
    pods.read(pod, "meal")
    pods.history(pod, record.id)
    pods.delete(record)
    assert types() == ["pod.made", "record.added", "record.changed", "record.deleted"]


def test_a_contribution_is_logged_by_who_decided_it(pod: Pod) -> None:
    contributed(pod)
    assert types() == ["pod.made"]


def test_a_change_keeps_the_older_versions(pod: Pod) -> None:
    record = pods.put(pod, "meal", MEAL)
    record = pods.change(record, {"dish": "라면"})
    pods.change(record, {"dish": "국수"})
    assert [(one.version, one.value["dish"]) for one in pods.history(pod, record.id)] == [
        (3, "국수"),
        (2, "라면"),
        (1, MEAL["dish"]),
    ]


def test_a_change_of_what_somebody_else_changed_is_refused(pod: Pod) -> None:
    record = pods.put(pod, "meal", MEAL)
    stale = Record.objects.get(id=record.id)
    pods.change(record, {"dish": "라면"})
    with pytest.raises(RecordChangedMeanwhile):
        pods.change(stale, {"dish": "국수"}, expected=1)
    assert pods.get(pod, record.id).value == {"dish": "라면"}


def test_a_brands_record_is_not_edited_but_disputed_hidden_or_deleted(pod: Pod) -> None:
    record = contributed(pod)
    with pytest.raises(ContributionNotEdited):
        pods.change(record, {"dish": "라면"})
    other = pods.dispute(record, {"dish": "라면"})
    assert (other.disputes, other.source) == (record.id, Source.OWNER)
    assert pods.hide(record)
    assert not pods.hide(record)
    assert list(Record.objects.shown().values_list("id", flat=True)) == [other.id]
    assert pods.show(record)
    pods.delete(record)
    assert [one.record.id for one in pods.read(pod, "meal")] == [other.id]


def test_a_brand_changes_only_its_own_contribution(pod: Pod) -> None:
    record = contributed(pod)
    again = pods.put(pod, "meal", {"dish": "라면"}, record=record, source_partner="brand-a")
    assert again.version == 2
    with pytest.raises(ContributionNotEdited):
        pods.put(pod, "meal", {"dish": "국수"}, record=again, source_partner="brand-b")


def test_deleting_removes_every_version_and_gives_the_category_a_new_key(pod: Pod) -> None:
    kept = pods.put(pod, "meal", {"dish": "국수"})
    record = pods.change(pods.put(pod, "meal", MEAL), {"dish": "라면"})
    pods.delete(record)
    assert not RecordVersion.objects.exists()
    assert CategoryKey.objects.filter(pod=pod.id, category="meal").count() == 2
    assert pods.get(pod, kept.id).value == {"dish": "국수"}
    assert pods.put(pod, "meal", MEAL).key_version == 2
    with pytest.raises(RecordGone):
        pods.delete(record)


def test_a_new_key_version_is_wrapped_for_the_grants_that_cover_the_category(pod: Pod) -> None:
    record = pods.put(pod, "meal", MEAL)
    pods.put(pod, "stay", {"hotel": "마루", "check_in": "2026-01-02"})
    with transaction.atomic():
        covering, other = tree.make_grant_key(uuid4()), tree.make_grant_key(uuid4())
        tree.cover(pod.id, covering, ["meal"])
        tree.cover(pod.id, other, ["stay"])
    pods.delete(record)
    under = CategoryWrap.objects.filter(category="meal", version=2).values_list("under", flat=True)
    assert set(under) == {pod.key_id, covering}


@pytest.mark.parametrize("column", ["sealed", "pod", "category"])
def test_a_swapped_row_does_not_open(pod: Pod, strangers_pod: Pod, column: str) -> None:
    mine = pods.put(pod, "meal", MEAL)
    if column == "sealed":
        other = pods.put(pod, "meal", {"dish": "라면"})
        Record.objects.filter(id=mine.id).update(sealed=bytes(other.sealed))
    elif column == "pod":
        pods.put(strangers_pod, "meal", MEAL)
        Record.objects.filter(id=mine.id).update(pod=strangers_pod)
    else:
        pods.put(pod, "wish_list", {"product": "x"})
        Record.objects.filter(id=mine.id).update(category="wish_list")
    reader = strangers_pod if column == "pod" else pod
    with pytest.raises(Tampered):
        pods.get(reader, mine.id)


def test_an_older_version_does_not_pass_for_the_newest(pod: Pod) -> None:
    record = pods.change(pods.put(pod, "meal", MEAL), {"dish": "라면"})
    old = RecordVersion.objects.get(record=record)
    Record.objects.filter(id=record.id).update(sealed=bytes(old.sealed))
    with pytest.raises(Tampered):
        pods.get(pod, record.id)


def test_a_stranger_finds_nothing(pod: Pod, strangers_pod: Pod) -> None:
    record = pods.put(pod, "meal", MEAL)
    with pytest.raises(RecordGone):
        pods.get(strangers_pod, record.id)
    assert not Record.objects.of(strangers_pod.owner).exists()
    assert list(Pod.objects.of(pod.owner)) == [pod]


@pytest.mark.parametrize(
    ("category", "value", "error"),
    [
        ("no_such_thing", {}, UnknownCategory),
        ("someone@example.org", {}, UnknownCategory),
        ("meal", {"dish": 1}, RecordInvalid),
        ("meal", {"dish": "a", "no_such_field": 1}, RecordInvalid),
        ("meal", [], RecordInvalid),
        ("meal", {"dish": "900101-1234567"}, RRNFound),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(
    pod: Pod, category: str, value: object, error: type[Exception]
) -> None:
    with pytest.raises(error):
        pods.put(pod, category, value)
    assert not Record.objects.exists()
    assert types() == ["pod.made"]


def test_what_is_larger_than_a_record_is_refused(pod: Pod) -> None:
    points = [{"latitude": 37.123456, "longitude": 127.123456, "at": "2026-01-01T00:00:00.123Z"}]
    long = {"points": points * 5000, "note": "가" * 1000}
    pods.put(pod, "track", long)
    with pytest.raises(RecordInvalid):
        pods.put(pod, "family_photo", {"image": "A" * 900_001, "media_type": "image/png"})


def test_pausing_twice_is_once(pod: Pod) -> None:
    assert pods.pause(pod)
    assert not pods.pause(pod)
    assert Pod.objects.get(id=pod.id).paused_at is not None
    assert pods.resume(pod)
    assert not pods.resume(pod)
    assert types() == ["pod.made", "pod.paused", "pod.resumed"]


def test_an_erased_pod_opens_nothing_and_takes_nothing(pod: Pod) -> None:
    pods.put(pod, "meal", MEAL)
    key_id = pod.key_id
    pods.destroy(pod)
    pods.destroy(pod)
    pod.refresh_from_db()
    assert (pod.key_id, pod.records.count()) == (None, 0)
    with pytest.raises(KeyErased):
        tree.category_keys(pod.id, ["meal"], pod_key_id=key_id)
    with pytest.raises(PodErased):
        pods.put(pod, "meal", MEAL)
    with pytest.raises(PodErased):
        pods.create(pod.owner)
    assert types()[-1] == "pod.erased"
    assert types().count("pod.erased") == 1


def test_erasing_a_category_leaves_the_others(pod: Pod) -> None:
    pods.put(pod, "meal", MEAL)
    stay = pods.put(pod, "stay", {"hotel": "마루", "check_in": "2026-01-02"})
    before = pod.key_id
    pods.erase_category(pod, "meal")
    pod.refresh_from_db()
    assert pod.key_id != before
    assert pods.read(pod, "meal") == []
    assert pods.get(pod, stay.id).value["hotel"] == "마루"
    assert pods.put(pod, "meal", MEAL).key_version == 1


def test_a_record_knows_when_its_thing_happened(pod: Pod) -> None:
    stay = pods.put(pod, "stay", {"hotel": "마루", "check_in": "2026-01-02"})
    workout = pods.put(pod, "workout", {"kind": "run", "started_at": "2026-01-02T07:00:00+09:00"})
    assert stay.occurred_at is not None
    assert stay.occurred_at.isoformat() == "2026-01-02T00:00:00+00:00"
    assert workout.occurred_at is not None
    assert workout.occurred_at.isoformat() == "2026-01-01T22:00:00+00:00"
    assert categories.happened_at(categories.get("meal"), MEAL) is None


def test_a_failure_in_the_middle_leaves_nothing(pod: Pod) -> None:
    Pod.objects.filter(id=pod.id).update(audit_key_id=uuid4())  # the entry cannot be appended
    with pytest.raises(NeverHadAKey):
        pods.put(pod, "meal", MEAL)
    assert not Record.objects.exists()
