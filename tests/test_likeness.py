"""Nobody learns who is a customer: the same statements in the same order, and the same answer.

What the time of an answer tells is measured by `make bench ONLY=timing`; here stands what makes
it so, without a clock.
"""

import difflib
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client as Browser
from django.utils import timezone
from pytest_django import Settings

from audit import nobody
from consent import requests, standing
from consent.actors import Actor
from consent.models import AccessRequest, Letter
from tests import cast, faces
from tests.door import brand as brands
from tests.door.brand import Brand
from tests.portal.conftest import signed_in
from vault.models import Pod

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple"
NOTHING = "nobody learns who is a customer"
_NAMED = re.compile(r'"s\d+_x\d+"|\bs\d+_x\d+\b')
_VARIES = re.compile(
    rb'"(id|expires_at|expires)": ?"[^"]*"|csrfmiddlewaretoken" value="[^"]*"|nonce="[^"]*"'
    rb"|[\w.]+@example\.com"
)


@pytest.fixture(autouse=True)
def _whole(settings: Settings) -> Iterator[None]:
    with faces.whole(settings, brands.ISSUER):
        nobody.key()
        yield


@pytest.fixture
def hotel(db: None) -> Brand:
    made = brands.arrive()
    made.ask(cast.make_body())  # whatever a first call fills
    return made


def seen(call: Callable[[], Any]) -> tuple[list[str], bytes]:
    """The statements of a call, and of its answer what must not differ."""
    said: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        said.append(_NAMED.sub("", sql))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        answer = call()
    headers = sorted(set(answer.headers) - {"Content-Length"})
    text = _VARIES.sub(b"", answer.content)
    return settled(said), b"%d %s %s" % (answer.status_code, repr(headers).encode(), text)


def settled(said: list[str]) -> list[str]:
    """The statements, where a transaction that keeps nothing looks like one that keeps all."""
    after = [*said[1:], ""]
    kept = [one for one, following in zip(said, after, strict=True)
            if not (one.startswith("ROLLBACK") and following.startswith("RELEASE"))]  # fmt: skip
    return [re.sub("^ROLLBACK TO", "RELEASE", one) for one in kept]


def need_alike(**classes: Callable[[], Any]) -> None:
    (first, told), *others = [(name, seen(call)) for name, call in classes.items()]
    for name, (statements, answer) in others:
        changes = difflib.unified_diff(told[0], statements, first, name, lineterm="", n=0)
        assert statements == told[0], "\n".join(changes)
        assert answer == told[1], f"{first} and {name} differ in what they are told"


@pytest.mark.rule(NOTHING, "issue 4, must hold; consent.md 3.5")
def test_asking_for_a_customer_looks_like_asking_for_anybody(hotel: Brand) -> None:
    known, blocked, ignoring, refusing, stale = (cast.make_pod() for _ in range(5))
    cast.proved(stale.owner, timezone.now() - timedelta(days=400))
    about = standing.About(partner=hotel.made.client.partner)
    standing.block(blocked, about, Actor.owner(blocked.owner))
    for pod in (ignoring, refusing):
        cast.make_request(pod, brands.arrive().made.client)
    for waiting in AccessRequest.objects.filter(pod=refusing):
        requests.refuse(waiting, actor=Actor.owner(refusing.owner))

    def ask(mail: str) -> Callable[[], Any]:
        return lambda: hotel.ask(cast.make_body() | {"subject": {"mail": mail}})

    need_alike(
        known=ask(known.owner.email), unknown=ask("nobody@example.com"),
        blocked=ask(blocked.owner.email), ignored=ask(ignoring.owner.email),
        refused=ask(refusing.owner.email), stale=ask(stale.owner.email),
    )  # fmt: skip
    assert known.requests.count() == 1
    assert not blocked.requests.exists()
    assert not stale.requests.exists()
    assert set(Letter.objects.exclude(owner=None).values_list("owner", flat=True)) == {
        pod.owner_id for pod in (known, ignoring, refusing)
    }
    assert not Letter.objects.unsettled().filter(owner=None).exists()


@pytest.mark.rule(NOTHING, "issue 4, must hold; consent.md 3.5")
def test_asking_by_a_pairwise_id_too(hotel: Brand) -> None:
    mine = cast.make_grant(cast.make_pod(), hotel.made.client)
    theirs = cast.make_grant(cast.make_pod(), brands.arrive().made.client)

    def ask(pairwise: str) -> Callable[[], Any]:
        return lambda: hotel.ask(cast.make_body() | {"subject": {"pairwise": pairwise}})

    need_alike(known=ask(mine.pairwise), foreign=ask(theirs.pairwise), unknown=ask(uuid4().hex))


@pytest.mark.rule("404 has one timing class", "consent.md 6.5")
def test_what_is_others_costs_what_nothing_costs(hotel: Brand) -> None:
    theirs = cast.make_grant(cast.make_pod(), brands.arrive().made.client)
    read = {"category": "stay", "purpose": cast.PURPOSE}
    places: dict[str, Callable[[object], Any]] = {
        "read": lambda name: hotel.read(read | {"subject": str(name)}),
        "changes": lambda name: hotel.send("POST", "/api/v1/changes", read | {"subject": str(name)}),
        "grant": lambda name: hotel.send("GET", f"/api/v1/grants/{name}"),
        "end": lambda name: hotel.send("DELETE", f"/api/v1/grants/{name}"),
        "request": hotel.poll,
        "attest": hotel.attest,
    }  # fmt: skip
    subjects = {"read", "changes"}
    for name, place in places.items():
        foreign: object = theirs.pk if name not in subjects else theirs.pairwise
        if name == "request":
            foreign = theirs.request_id
        place(uuid4())  # the entry that opens the minute's count
        need_alike(
            foreign=lambda place=place, foreign=foreign: place(foreign),  # type: ignore[misc]
            unknown=lambda place=place: place(uuid4()),  # type: ignore[misc]
        )


@pytest.fixture
def known(db: None) -> Pod:
    pod = cast.make_pod()
    pod.owner.set_password(PASSWORD)
    pod.owner.save()
    return pod


def post(path: str, form: dict[str, str]) -> Callable[[], Any]:
    return lambda: Browser(headers={"accept-language": "en"}).post(path, form)


@pytest.mark.rule(NOTHING, "issue 4, must hold")
def test_failing_to_sign_in_looks_alike(known: Pod) -> None:
    def form(mail: str) -> dict[str, str]:
        return {"login": mail, "password": "wrong"}

    post("/account/login/", form("first@example.com"))()
    need_alike(
        known=post("/account/login/", form(known.owner.email)),
        unknown=post("/account/login/", form("nobody@example.com")),
    )


@pytest.mark.rule(NOTHING, "issue 4, must hold")
def test_asking_for_a_new_password_looks_alike(known: Pod) -> None:
    path = "/account/password/reset/"
    post(path, {"email": "first@example.com"})()
    need_alike(
        known=post(path, {"email": known.owner.email}),
        unknown=post(path, {"email": "nobody@example.com"}),
    )


@pytest.mark.rule(NOTHING, "issue 4, must hold")
def test_signing_up_with_an_address_that_has_an_account_looks_alike(known: Pod) -> None:
    def form(mail: str) -> dict[str, str]:
        return {"email": mail, "password1": PASSWORD, "password2": PASSWORD, "notice": "on",
                "of_age": "on"}  # fmt: skip

    post("/account/signup/", form("first@example.com"))()
    need_alike(
        known=post("/account/signup/", form(known.owner.email)),
        unknown=post("/account/signup/", form("other@example.com")),
    )
    assert signed_in(known).get("/").status_code == 200
