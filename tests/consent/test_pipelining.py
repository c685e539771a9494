"""Statements gathered in one go: in their order, and with Django's errors."""

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from consent.pipelining import pipeline
from tests import cast

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_read_in_between_sees_what_was_gathered_before() -> None:
    owner = cast.make_owner()
    with transaction.atomic(), pipeline(), pipeline():
        User.objects.filter(pk=owner.pk).update(email="new@customer.example")
        assert User.objects.get(pk=owner.pk).email == "new@customer.example"


def test_a_statement_that_fails_is_djangos_error_and_nothing_is_done() -> None:
    one, other = cast.make_owner(), cast.make_owner()
    with pytest.raises(IntegrityError):
        _fail(one, other)
    assert User.objects.get(pk=one.pk).is_active


def test_nothing_is_gathered_outside_a_transaction() -> None:
    with pytest.raises(transaction.TransactionManagementError), pipeline():
        pass


@transaction.atomic
def _fail(one: User, other: User) -> None:
    with pipeline():
        User.objects.filter(pk=one.pk).update(is_active=False)
        User.objects.filter(pk=one.pk).update(email=other.email)
