import pytest
from django.db import transaction
from django.utils import timezone

from audit import log, sequencer
from audit.types import EntryType
from consent.models import Fold, Grant, GrantActivity
from consent.revocation import entries, folding
from tests.consent.revocation.conftest import was_read

pytestmark = pytest.mark.django_db


def test_reads_and_refusals_are_counted_by_day(grant: Grant) -> None:
    for _ in range(3):
        was_read(grant)
    was_read(grant, EntryType.RECORD_REFUSED)
    sequencer.sequence_once()

    folding.fold_activity()

    day = GrantActivity.objects.get(grant=grant)
    assert (day.reads, day.refusals) == (3, 1)
    assert day.last_at <= timezone.now()


def test_refusals_that_were_only_counted_are_counted_here_too(grant: Grant) -> None:
    was_read(grant, EntryType.RECORD_REFUSED)
    closing = entries.of_grant(EntryType.RECORD_REFUSED, grant, outcome="refused", repeats=4)
    with transaction.atomic():
        log.append(closing)
    sequencer.sequence_once()

    folding.fold_activity()

    assert GrantActivity.objects.get(grant=grant).refusals == 5


def test_folding_goes_on_where_it_stopped_and_counts_nothing_twice(grant: Grant) -> None:
    for _ in range(5):
        was_read(grant)
    sequencer.sequence_once()
    while folding.fold_activity(limit=2):
        pass

    was_read(grant)
    sequencer.sequence_once()
    folding.fold_activity()
    assert folding.fold_activity() == 0

    assert GrantActivity.objects.get(grant=grant).reads == 6


def test_entries_without_a_place_in_the_tree_wait(grant: Grant) -> None:
    was_read(grant)

    folding.fold_activity()

    assert not GrantActivity.objects.exists()


def test_a_fold_that_fails_leaves_nothing(grant: Grant, monkeypatch) -> None:
    was_read(grant)
    sequencer.sequence_once()
    monkeypatch.setattr(folding, "_add", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        folding.fold_activity()

    assert not Fold.objects.exclude(leaves=0).exists()
