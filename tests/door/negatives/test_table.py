"""The negative table of the partner's door: all refused, each with its reason in the log."""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from audit.models import Entry
from consent import knocks
from consent.access import limits
from consent.models import AccessRequest, Attestation, Contribution, Grant, Journey, Obligation
from tests import refusals
from tests.door.brand import code
from tests.door.negatives import cases, crossing, world
from tests.door.negatives.table import Case
from tests.door.negatives.world import World
from tests.door.test_routes import ALLOWED, OPEN
from vault.models import Record

CASES = [*crossing.everybody(), *cases.particular()]
HELD = (AccessRequest, Attestation, Contribution, Grant, Journey, Obligation, Record)


def by_route() -> dict[str, list[Case]]:
    found: defaultdict[str, list[Case]] = defaultdict(list)
    for case in CASES:
        found[case.route].append(case)
    return dict(found)


@pytest.mark.django_db
@pytest.mark.rule("all refused, each with its reason code in the log", "issue 4, must hold")
@pytest.mark.parametrize("route", by_route())
def test_everything_in_the_table_is_refused_and_on_record(route: str) -> None:
    here = world.make()
    wrong = [f"{case}: {what}" for case in by_route()[route] for what in faults(here, case)]
    assert not wrong, "\n".join(wrong)


def faults(here: World, case: Case) -> Iterator[str]:
    """Try a case; say what is not as the table has it."""
    knocks.forget()
    limits.forget()
    before, rows = refusals.told(), held()
    answer = here.send(case)
    yield from wrong_answer(answer, case)
    new = refusals.told() - before
    wanted = {(case.reason or case.code, whose(here, case)): 1}
    if new != wanted:
        yield f"the log says {dict(new)}, not {wanted}"
    if held() != rows:
        yield "it has changed what is there"


def wrong_answer(answer: Any, case: Case) -> Iterator[str]:
    if answer.status_code != case.status:
        yield f"{answer.status_code} {answer.content[:200]!r}, not {case.status}"
    elif case.method != "HEAD" and (told := code(answer)) != case.code:
        yield f"{told}, not {case.code}"
    if b"CANARY" in answer.content:
        yield "it repeats what was sent"


def whose(here: World, case: Case) -> str:
    if case.whose == "nobody":
        return ""
    return ("of " if case.whose == "of client" else "") + here.client(case).ref


def held() -> list[int]:
    live = Grant.objects.filter(ended_at=None).count()
    return [live, *(each.objects.count() for each in HELD)]


@pytest.mark.rule("negative table of 150 cases or more", "issue 4, must hold")
def test_the_table_is_long_and_names_each_case_once() -> None:
    assert len(CASES) >= 150
    assert len({str(case) for case in CASES}) == len(CASES)


@pytest.mark.rule("a route without a case fails", "issue 4, must hold")
def test_every_route_and_method_of_the_api_is_tried_by_everybody() -> None:
    routes = {route.removeprefix("api/v1/"): methods for route, methods in ALLOWED.items()
              if route.startswith("api/v1/") and route not in OPEN}  # fmt: skip
    assert set(known("config.urls_partner")) == set(ALLOWED)
    assert {route: set(methods) for route, methods in crossing.ROUTES.items()} == routes
    tried = {(case.route, case.method, case.who) for case in CASES}
    for route, methods in routes.items():
        for method in methods:
            for who in ("nobody", "killed", "suspended", "revoked", "thief", "with a used proof"):
                settles = who == "suspended" and route in crossing.SETTLED
                assert settles or (route, method, who) in tried


def known(urls: str) -> Iterator[str]:
    yield from _below(get_resolver(urls).url_patterns, "")


def _below(patterns: Any, before: str) -> Iterator[str]:
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from _below(one.url_patterns, before + str(one.pattern))
        elif isinstance(one, URLPattern):
            yield before + str(one.pattern)


@pytest.mark.django_db
def test_no_leaf_holds_what_was_sent() -> None:
    here = world.make()
    for case in by_route()["reads"]:
        here.send(case)
    leaves = [bytes(leaf) for leaf in Entry.objects.values_list("leaf", flat=True)]
    assert not [leaf for leaf in leaves if b"CANARY" in leaf]
    assert json.loads(leaves[-1])["type"] in {"call.refused", "record.refused"}
