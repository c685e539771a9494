"""What its owner left with a brand, and took back, is so again after a restore."""

import pytest
from django.utils import timezone

from consent import grants
from consent.actors import Actor
from consent.models import Client, Delivery, Grant, Obligation
from tests.backups import Taken, lose, recover
from tests.consent.restored import STAY, WITHDRAWN, fresh, read
from tests.leaves import leaves
from vault import pods

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.rule("consent.md", "7.3")
def test_what_was_left_with_a_brand_is_left_with_it_again(
    grant: Grant, hotel: Client, owner: Actor, back_up: Taken
) -> None:
    pods.put(grant.pod, "stay", STAY)
    read(grant, hotel)
    backup = back_up()
    grants.end(grant, WITHDRAWN, "", owner, kept=True)
    lose(backup)

    recover()

    assert fresh(grant).end_kind == WITHDRAWN
    assert fresh(grant).kept_by_consent_at is not None
    assert not Obligation.objects.exists()
    told = Delivery.objects.get(event_type="grant-withdrawn").claims["payload"]
    assert told["kept_by_consent"] is True
    assert len(leaves("retention.given")) == 1


@pytest.mark.rule("consent.md", "7.3")
@pytest.mark.parametrize("saved", ["nothing", "the end"])
def test_what_was_taken_back_is_owed_again(
    grant: Grant, hotel: Client, owner: Actor, back_up: Taken, saved: str
) -> None:
    pods.put(grant.pod, "stay", STAY)
    read(grant, hotel)
    backup = back_up()
    ended = grants.end(grant, WITHDRAWN, "", owner, kept=True)
    backup = back_up() if saved == "the end" else backup
    grants.recall(ended, owner)
    lose(backup)

    recover()

    assert fresh(grant).kept_by_consent_at is None
    assert Obligation.objects.get().categories == ["stay"]
    told = Delivery.objects.get(event_type="retention-withdrawn").claims["payload"]
    assert [each["id"] for each in told["obligations"]] == [str(Obligation.objects.get().pk)]
    assert len(leaves("retention.withdrawn")) == 1


@pytest.mark.rule("consent.md", "7.3")
def test_a_consent_whose_end_was_lost_as_well_leaves_nothing_at_a_later_end(
    grant: Grant, hotel: Client, owner: Actor, back_up: Taken
) -> None:
    pods.put(grant.pod, "stay", STAY)
    read(grant, hotel)
    Grant.objects.filter(pk=grant.pk).update(kept_by_consent_at=timezone.now())
    backup = back_up()
    grants.pause(grant, owner)
    lose(backup)

    recover()

    assert fresh(grant).kept_by_consent_at is None
    grants.end(fresh(grant), WITHDRAWN, "", owner)
    assert Obligation.objects.count() == 1
