"""After a deletion the rest of the category moves to the new key version."""

import pytest
from django.db import transaction

from keys import tree
from keys.models import CategoryKey, CategoryWrap
from vault import pods, resealing
from vault.models import Pod, Record


@pytest.fixture
def with_stale(pod: Pod) -> Pod:
    """Five records, one of them with a history, all under the old version."""
    records = [pods.put(pod, "meal", {"dish": f"dish {number}"}) for number in range(6)]
    pods.change(records[0], {"dish": "changed"})
    pods.delete(records[5])
    return pod


def dishes(pod: Pod) -> set[str]:
    return {one.value["dish"] for one in pods.read(pod, "meal")}


def test_everything_stale_is_resealed_and_the_old_version_destroyed(with_stale: Pod) -> None:
    before = dishes(with_stale)
    steps: list[tuple[int, int]] = []
    assert resealing.reseal_stale(lambda done, total: steps.append((done, total))) == 6
    assert steps[-1] == (6, 6)
    assert dishes(with_stale) == before
    first = Record.objects.order_by("obtained_at").first()
    assert first is not None
    assert [one.value["dish"] for one in pods.history(with_stale, first.id)] == [
        "changed",
        "dish 0",
    ]
    assert list(CategoryKey.objects.values_list("version", flat=True)) == [2]
    assert set(CategoryWrap.objects.values_list("version", flat=True)) == {2}
    assert resealing.reseal_stale() == 0


def test_it_continues_where_it_was_killed(with_stale: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(Exception):
        pass

    def killed(done: int, _total: int) -> None:
        if done >= 3:
            raise Killed

    monkeypatch.setattr(resealing, "BATCH", 1)
    with pytest.raises(Killed):
        resealing.reseal_stale(killed)
    assert len(dishes(with_stale)) == 5
    assert resealing.count_stale() == 3
    assert resealing.reseal_stale() == 3
    assert len(dishes(with_stale)) == 5


def test_a_deletion_in_the_middle_loses_nothing(with_stale: Pod) -> None:
    shelf = resealing.shelves()[0]
    (last,) = [one.record for one in pods.read(with_stale, "meal") if one.value["dish"] == "dish 4"]
    moved = list(resealing._empty(shelf._replace()))
    assert moved
    pods.delete(last)
    stale_shelf = shelf  # looked at before the deletion made version 3
    list(resealing._empty(stale_shelf))
    assert dishes(with_stale) == {"changed", "dish 1", "dish 2", "dish 3"}
    resealing.reseal_stale()
    assert dishes(with_stale) == {"changed", "dish 1", "dish 2", "dish 3"}


def test_a_read_that_raced_with_it_still_opens(with_stale: Pod) -> None:
    fetched = list(with_stale.records.all())
    resealing.reseal_stale()
    assert len(pods.open_all(with_stale, fetched)) == 5


def test_the_pod_erased_meanwhile_is_left_alone(with_stale: Pod) -> None:
    shelf = resealing.shelves()[0]
    pods.destroy(with_stale)
    assert list(resealing._empty(shelf)) == []
    with transaction.atomic():
        tree.retire_versions(with_stale.id, "meal")
