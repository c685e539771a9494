"""Two at the same moment, with real row locks. Each race runs several times, in both orders."""

# ruff: noqa: B023 - `together` runs the calls to their end before the loop goes on
import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from consent import contributions, erasure, grants, partners, requests
from consent.actors import Actor
from consent.exceptions import (
    AlreadyDecided,
    GrantEnded,
    LinkRefused,
    PartnerSuspended,
    RequestThrottled,
)
from consent.models import AccessRequest, Client, Grant
from keys import tree
from keys.models import CategoryWrap, DestroyedKey, Key
from tests import cast
from tests.leaves import leaves
from tests.threads import errors, together
from vault import pods
from vault.exceptions import PodErased
from vault.models import Pod, Record

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
ROUNDS = 6
STAY = {"hotel": "마루호텔", "city": "서울", "check_in": "2026-11-20", "check_out": "2026-11-21"}


def a_hotel() -> Client:
    client = cast.make_client()
    cast.make_template(client.partner)
    return client


def opens_everything(grant: Grant) -> bool:
    """Whether the grant's key opens every version of the granted categories' keys."""
    grant = Grant.objects.get(pk=grant.pk)
    assert grant.key_id is not None
    pod_key = Pod.objects.get(pk=grant.pod_id).key_id
    categories = set(grant.items.values_list("category", flat=True))
    wraps = CategoryWrap.objects.filter(category__in=categories)
    needed = set(wraps.filter(under=pod_key).values_list("category", "version"))
    return set(wraps.filter(under=grant.key_id).values_list("category", "version")) == needed


@pytest.mark.rule("consent.md", "3.7")
def test_of_two_approvals_one_wins() -> None:
    for _ in range(ROUNDS):
        request = cast.make_request()
        outcomes = together(lambda: cast.approve(request), lambda: cast.approve(request))

        assert [type(error) for error in errors(outcomes)] == [AlreadyDecided]
        assert Grant.objects.filter(request=request).count() == 1
        assert len(leaves("grant.given", request=request.ref)) == 1


def test_of_approval_and_refusal_one_wins() -> None:
    for _ in range(ROUNDS):
        request = cast.make_request()
        assert request.pod is not None
        owner = Actor.owner(request.pod.owner)
        outcomes = together(
            lambda: cast.approve(request), lambda: requests.refuse(request, actor=owner)
        )
        assert [type(error) for error in errors(outcomes)] == [AlreadyDecided]
        request.refresh_from_db()
        assert (request.approved_at is None) != (request.refused_at is None)


@pytest.mark.rule("consent.md", "P9")
def test_of_two_grants_for_one_purpose_one_is_alive() -> None:
    for _ in range(ROUNDS):
        pod, client = cast.make_pod(), a_hotel()
        first = cast.make_request(pod, client)
        second = cast.make_request(pod, client, subject={"link": True})
        requests.bind(second, pod)
        second.refresh_from_db()

        outcomes = together(lambda: cast.approve(first), lambda: cast.approve(second))

        assert errors(outcomes) == []
        assert Grant.objects.of(pod).live().count() == 1
        versions = Grant.objects.of(pod).values_list("version", flat=True)
        assert sorted(versions) == [1, 2]


@pytest.mark.rule("issue", "approval against a new category-key version")
def test_a_new_key_version_during_an_approval_leaves_no_grant_that_cannot_open() -> None:
    for _ in range(ROUNDS):
        pod = cast.make_pod()
        record = pods.put(pod, "stay", STAY)
        pods.put(pod, "stay", STAY)
        request = cast.make_request(pod)

        outcomes = together(lambda: cast.approve(request), lambda: pods.delete(record))

        assert errors(outcomes) == []
        assert opens_everything(Grant.objects.get(request=request))


def test_a_new_key_version_during_an_end_fails_neither() -> None:
    for _ in range(ROUNDS):
        pod = cast.make_pod()
        record = pods.put(pod, "stay", STAY)
        ending, staying = cast.make_grant(pod), cast.make_grant(pod)
        owner = Actor.owner(pod.owner)
        key = ending.key_id

        outcomes = together(
            lambda: grants.end(ending, "withdrawn", "", owner), lambda: pods.delete(record)
        )

        assert errors(outcomes) == []
        assert not Key.objects.filter(pk=key).exists()
        assert not CategoryWrap.objects.filter(under=key).exists()
        assert opens_everything(staying)


@pytest.mark.rule("consent.md", "P8")
def test_of_two_ends_one_counts() -> None:
    for _ in range(ROUNDS):
        grant = cast.make_grant()
        owner = Actor.owner(grant.pod.owner)
        key = grant.key_id
        outcomes = together(
            lambda: grants.end(grant, "withdrawn", "", owner),
            lambda: grants.end(grant, "revoked", "", Actor.operator()),
        )
        assert errors(outcomes) == []
        assert len(leaves("grant.withdrawn", "grant.revoked", grant=grant.ref)) == 1
        assert DestroyedKey.objects.filter(pk=key).exists()


def test_ending_two_items_at_once_ends_both() -> None:
    for _ in range(ROUNDS):
        names = ("stay", "itinerary", "preferences")
        grant = cast.make_grant(items=[cast.make_item(name) for name in names])
        owner = Actor.owner(grant.pod.owner)
        first, second, _third = grant.items.all()

        outcomes = together(
            lambda: grants.end_item(first, "withdrawn", "", owner),
            lambda: grants.end_item(second, "withdrawn", "", owner),
        )

        assert errors(outcomes) == []
        assert grant.items.filter(ended_at=None).count() == 1
        live = Grant.objects.get(pk=grant.pk)
        covered = CategoryWrap.objects.filter(under=live.key_id).values_list("category", flat=True)
        assert list(covered) == ["preferences"]
        assert [told["opens"] for told in leaves("grant.item_ended", grant=grant.ref)] == [2, 3]


@pytest.mark.rule("consent.md", "2.3")
def test_a_suspension_that_commits_first_stops_the_approval() -> None:
    request = cast.make_request()
    suspended, approving = threading.Event(), threading.Event()

    def suspend() -> None:
        with transaction.atomic():
            partners.suspend(request.partner, "partner-breach", cast.OPERATOR)
            suspended.set()
            # The approval is waiting for the partner's row by now, or will be.
            approving.wait(timeout=1)

    def approve() -> Grant:
        suspended.wait(timeout=10)
        return cast.approve(request)

    outcomes = together(suspend, approve)

    assert [type(error) for error in errors(outcomes)] == [PartnerSuspended]
    assert not Grant.objects.exists()


def test_a_suspension_at_the_same_moment_comes_wholly_before_or_after() -> None:
    for _ in range(ROUNDS):
        request = cast.make_request()
        outcomes = together(
            lambda: partners.suspend(request.partner, "partner-breach", cast.OPERATOR),
            lambda: cast.approve(request),
        )
        assert {type(error) for error in errors(outcomes)} <= {PartnerSuspended}
        given = leaves("grant.given", request=request.ref)
        if given:
            everything = leaves("partner.suspended", "grant.given")
            suspended = leaves("partner.suspended", partner=request.partner.ref)
            assert everything.index(given[0]) < everything.index(suspended[0])


@pytest.mark.rule("consent.md", "3.3")
def test_of_two_who_open_a_link_one_has_it() -> None:
    for _ in range(ROUNDS):
        request = cast.submit(a_hotel(), cast.make_body()).request
        first, second = cast.make_pod(), cast.make_pod()
        outcomes = together(
            lambda: requests.bind(request, first), lambda: requests.bind(request, second)
        )
        assert [type(error) for error in errors(outcomes)] == [LinkRefused]
        assert len(leaves("request.bound", request=request.ref)) == 1


@pytest.mark.rule("consent.md", "P8")
def test_the_same_request_twice_at_once_is_one() -> None:
    for _ in range(ROUNDS):
        client, body, key = a_hotel(), cast.make_body(cast.make_pod()), uuid4().hex
        outcomes = together(*[lambda: cast.submit(client, body, key=key)] * 4)
        assert errors(outcomes) == []
        assert len({each.request.pk for each in outcomes}) == 1
        assert AccessRequest.objects.filter(client=client).count() == 1


@pytest.mark.rule("consent.md", "3.7")
def test_ten_requests_at_once_are_throttled_like_one_after_the_other() -> None:
    client, body = a_hotel(), cast.make_body(cast.make_pod())
    outcomes = together(*[lambda: cast.submit(client, body)] * 8)

    assert {type(error) for error in errors(outcomes)} == {RequestThrottled}
    assert AccessRequest.objects.filter(client=client).count() == 1


def test_the_same_contribution_twice_at_once_is_one_and_none_comes_after_the_end() -> None:
    for _ in range(ROUNDS):
        client = a_hotel()
        grant = cast.make_grant(
            cast.make_pod(), client, items=[cast.make_item(action="contribute")]
        )
        owner = Actor.owner(grant.pod.owner)
        bring = _bringing(client, grant)

        outcomes = together(bring, bring, lambda: grants.end(grant, "withdrawn", "", owner))

        assert {type(error) for error in errors(outcomes)} <= {GrantEnded}
        assert Record.objects.filter(pod=grant.pod).count() <= 1
        told = [
            each["type"]
            for each in leaves("record.contributed", "grant.withdrawn", grant=grant.ref)
        ]
        assert told[-1] == "grant.withdrawn"


def test_an_erasure_at_the_same_moment_leaves_no_key() -> None:
    for _ in range(ROUNDS):
        request = cast.make_request()
        pod = request.pod
        assert pod is not None
        owner = Actor.owner(pod.owner)

        outcomes = together(lambda: erasure.erase_pod(pod, owner), lambda: cast.approve(request))

        assert {type(error) for error in errors(outcomes)} <= {PodErased}
        assert not Grant.objects.of(pod).live().exists()
        refs = [tree.pod_ref(pod.pk), *map(tree.grant_ref, _grants_of(pod))]
        assert not Key.objects.filter(ref__in=refs).exists()


def _grants_of(pod: Pod) -> list[Any]:
    return list(Grant.objects.of(pod).values_list("pk", flat=True))


def _bringing(client: Client, grant: Grant) -> Callable[[], dict[str, Any]]:
    body = {
        "subject": grant.pairwise, "category": "stay", "purpose": grant.purpose, "record": STAY,
    }  # fmt: skip
    key = uuid4().hex
    return lambda: contributions.contribute(client, body, idempotency_key=key)
