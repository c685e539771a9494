"""What a hand-written statement loads is what Django would have loaded."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.models import Model

from consent import locking
from consent.models import Grant
from keys import rows
from keys.exceptions import NotInTransaction
from tests import cast

pytestmark = pytest.mark.django_db


def values(row: Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def everything(grant: Grant) -> list[dict[str, Any]]:
    pod = grant.pod
    return [values(row) for row in (grant, grant.partner, pod, pod.owner, grant.request)]


def test_a_held_grant_comes_with_all_that_belongs_to_it() -> None:
    made = cast.make_grant(frequency={"count": 3, "unit": "day"})
    plain = Grant.objects.select_related("partner", "pod__owner", "request").get(pk=made.pk)
    with transaction.atomic():
        held = locking.grant(made.pk)
        assert everything(held) == everything(plain)
        assert [item.pk for item in held.items.all()] == [item.pk for item in plain.items.all()]
    assert isinstance(held.frequency, dict)
    assert held.pk == made.pk
    assert held == plain


def test_a_held_grant_can_be_saved_as_any_other() -> None:
    made = cast.make_grant()
    with transaction.atomic():
        held = locking.grant(made.pk)
        held.bound_ref = "booking"
        held.save(update_fields=["bound_ref"])
    made.refresh_from_db()
    assert made.bound_ref == "booking"


@pytest.mark.django_db(transaction=True)
def test_nothing_is_held_outside_a_transaction() -> None:
    made = cast.make_grant()
    if connection.features.has_select_for_update:
        with pytest.raises(transaction.TransactionManagementError):
            locking.grant(made.pk)
    with pytest.raises(NotInTransaction):
        rows.hold([made.key_id])


def test_a_grant_that_is_not_there_is_said_to_be_none() -> None:
    with transaction.atomic(), pytest.raises(Grant.DoesNotExist):
        locking.grant(uuid4())
