"""Ending everything for somebody who is known to a thousand brands, on PostgreSQL."""

import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consent import grants
from consent.actors import Actor
from consent.models import Delivery, Grant, Obligation
from keys.models import Key
from tests import cast, crowds

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
BRANDS = 1000
# What Python may spend on it, whatever else this machine does; the commit itself is measured
# by `make bench ONLY=revocation`.
CPU_SECONDS = 1.5


@pytest.mark.rule("issue", "end everything for 1,000 grants at 1,000 brands: commit <= 1 s")
def test_a_thousand_grants_at_a_thousand_brands_end_at_once() -> None:
    pod = cast.make_pod()
    crowds.known_to(pod, BRANDS)
    with CaptureQueriesContext(connection) as made:
        began, spent = time.perf_counter(), time.process_time()
        ended = grants.end_all(pod, Grant.EndKind.WITHDRAWN, "", Actor.owner(pod.owner))
        spent, took = time.process_time() - spent, time.perf_counter() - began
    print(f"{took:.2f} s, {spent:.2f} s of CPU, {len(made)} statements")

    assert len(ended) == Obligation.objects.count() == BRANDS
    assert Delivery.objects.filter(event_type="grant-withdrawn").count() == BRANDS
    assert not Key.objects.filter(kind="grant").exists()
    assert len(made) <= 20
    assert spent <= CPU_SECONDS
