"""What the timing bench asks at each door, by class: known, unknown, blocked and the like."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

from django.test import Client as Browser

from accounts import proofs
from accounts.models import User
from bench.askers import Asker, make_asker
from consent.actors import Actor
from consent.models import AccessRequest, StandingRule
from consent.requests import deciding
from vault import pods
from vault.models import Pod

PASSWORD = "correct horse battery staple"  # of people who do not exist
ASKERS = 20  # each may ask a person once a day
_VARIES = re.compile(
    rb'"(id|expires_at|expires)": ?"[^"]*"|csrfmiddlewaretoken" value="[^"]*"|nonce="[^"]*"'
    rb"|[0-9a-f]{32}@example\.(com|invalid)"
)
Door = dict[str, Callable[[int], Any]]


def likeness(answer: Any) -> bytes:
    """Return of an answer what must be the same for all classes: ids, moments and tokens differ."""
    text = _VARIES.sub(b"", answer.content)
    kept = {name: value for name, value in answer.headers.items() if name != "Content-Length"}
    return str(answer.status_code).encode() + json.dumps(sorted(kept)).encode() + text


def requests(rounds: int) -> Door:
    """Access requests by mail: a customer, nobody, one who blocked the brand, ignores or refuses."""
    askers = [make_asker() for _ in range(ASKERS)]
    people = {
        name: _people(rounds // ASKERS) for name in ("known", "blocked", "ignored", "refused")
    }
    StandingRule.objects.bulk_create(
        StandingRule(pod=pod, partner=asker.client.partner)
        for pod in people["blocked"]
        for asker in askers
    )
    for pod in people["ignored"]:
        make_asker().ask(pod.owner.email)
    for pod in people["refused"]:
        _refuse(pod, _asked(make_asker(), pod.owner.email))

    def ask(name: str) -> Callable[[int], Any]:
        def one(turn: int) -> Any:
            asker = askers[turn % ASKERS]
            if name == "unknown":
                return asker.ask(_address())
            return asker.ask(people[name][turn // ASKERS].owner.email)

        return one

    return {name: ask(name) for name in ("unknown", *people)}


def answers(_rounds: int) -> Door:
    """What became of a brand's own request: one that waits, and one that came to nobody, or to a no."""
    asker = make_asker()
    mine = {name: _people(10) for name in ("known", "blocked", "refused")}
    StandingRule.objects.bulk_create(
        StandingRule(pod=pod, partner=asker.client.partner) for pod in mine["blocked"]
    )
    waiting = {
        name: [_asked(asker, pod.owner.email) for pod in some] for name, some in mine.items()
    }
    waiting["unknown"] = [_asked(asker, _address()) for _ in range(10)]
    for pod, request in zip(mine["refused"], waiting["refused"], strict=True):
        _refuse(pod, request)

    def look(name: str) -> Callable[[int], Any]:
        return lambda turn: asker.get(f"requests/{waiting[name][turn % 10]}")

    return {name: look(name) for name in waiting}


def reads(_rounds: int) -> Door:
    """Reads of subjects that are another brand's, and of such as do not exist."""
    mine, foreign = make_asker(), make_asker()
    subjects = _granted(foreign)
    return {
        "foreign": lambda turn: mine.read(subjects[turn % len(subjects)].pairwise),
        "unknown": lambda _turn: mine.read(uuid4().hex),
    }


def grants(_rounds: int) -> Door:
    """Grants by id: another brand's, and none."""
    return _by_id("grants", lambda grant: grant.pk)


def asked_for(_rounds: int) -> Door:
    """Requests by id: another brand's, and none."""
    return _by_id("requests", lambda grant: grant.request_id)


def sign_in(_rounds: int) -> Door:
    """Signing in with a wrong password: to an account, and to none."""
    people = _people(20, password=PASSWORD)
    return _pages("/account/login/", people, lambda mail: {"login": mail, "password": "wrong"})


def sign_up(_rounds: int) -> Door:
    """Signing up with an address that has an account, and with a new one."""
    people = _people(20, password=PASSWORD)

    def form(mail: str) -> dict[str, str]:
        return {"email": mail, "password1": PASSWORD, "password2": PASSWORD,
                "notice": "on", "of_age": "on"}  # fmt: skip

    return _pages("/account/signup/", people, form)


def reset(_rounds: int) -> Door:
    """Asking for a new password: for an account, and for none."""
    people = _people(20, password=PASSWORD)
    return _pages("/account/password/reset/", people, lambda mail: {"email": mail})


DOORS: dict[str, Callable[[int], Door]] = {
    "requests": requests,
    "answers": answers,
    "reads": reads,
    "grants": grants,
    "asked-for": asked_for,
    "sign-in": sign_in,
    "sign-up": sign_up,
    "reset": reset,
}


def _by_id(path: str, named: Callable[[Any], UUID]) -> Door:
    mine, foreign = make_asker(), make_asker()
    theirs = [named(grant) for grant in _granted(foreign)]
    return {
        "foreign": lambda turn: mine.get(f"{path}/{theirs[turn % len(theirs)]}"),
        "unknown": lambda _turn: mine.get(f"{path}/{uuid4()}"),
    }


def _pages(path: str, people: list[Pod], form: Callable[[str], dict[str, str]]) -> Door:
    def post(mail: str) -> Any:
        return Browser(headers={"accept-language": "en"}).post(path, form(mail))

    return {
        "known": lambda turn: post(people[turn % len(people)].owner.email),
        "unknown": lambda _turn: post(_address()),
    }


def _people(count: int, password: str | None = None) -> list[Pod]:
    return [pods.create(owner) for owner in _owners(max(count, 1), password)]


def _owners(count: int, password: str | None) -> Iterator[User]:
    for _ in range(count):
        user = User.objects.create_user(_address(), password)
        proofs.make_verified(user)
        yield user


def _asked(asker: Asker, mail: str) -> str:
    """Ask somebody; return the id of the request."""
    return str(asker.ask(mail).json()["id"])


def _refuse(pod: Pod, request: str) -> None:
    deciding.refuse(AccessRequest.objects.get(pk=request), actor=Actor.owner(pod.owner))


def _address() -> str:
    return f"{uuid4().hex}@example.com"


def _granted(asker: Asker) -> list[Any]:
    """Grants of ten people to this brand."""
    return [asker.granted(pod) for pod in _people(10)]
