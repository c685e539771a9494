"""Fills an empty sandbox: brands, customers, and what happened between them."""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password

from accounts import entries, proofs
from accounts.models import User
from audit.types import EntryType
from consent import alliances
from consent.actors import Actor
from consent.models import Grant, Obligation
from sandbox import brands, people, states
from sandbox.brands import Registered
from sandbox.people import Person
from vault import pods
from vault.models import Pod

RECORDS: dict[str, dict[str, Any]] = {
    "stay": states.STAY,
    "itinerary": {"from": "ICN", "to": "CJU",
                  "departs_at": "2026-11-20T09:00:00+09:00"},
    "preferences": {"pillow": "soft"},
    "identity": {"name": "한가상", "birth_date": "1990-05-05"},
    "workout": states.WORKOUT,
}  # fmt: skip


class Unfinished(Exception):
    """An earlier start broke off while the sandbox was being filled; remove it and start again."""


@dataclass(frozen=True, slots=True)
class Seeded:
    """What the table needs to know of what was made."""

    password: str  # of every customer, for the pages
    alliance: str
    grants: dict[str, str]  # customer → grant of Maru Hotel
    subjects: dict[str, str]  # customer → how Maru Hotel knows her
    obligations: dict[str, str]


def seed() -> Seeded:
    """Return what the sandbox holds; fill it where it holds nothing. Raises `Unfinished`."""
    if _kept().exists():
        return Seeded(**json.loads(_kept().read_text()))
    if User.objects.filter(is_staff=False).exists():
        raise Unfinished("An earlier start broke off. Empty the database and the folder.")
    made = _fill(f"{secrets.token_urlsafe(9)}-Aa1")
    _kept().write_text(json.dumps(asdict(made)))
    return made


def open_pod(person: Person, password: str) -> Pod:
    """Open the vault of an invented customer, with something in it. `password` is hashed."""
    user = User(email=person.mail, language="ko", password=password)
    user.save()
    proofs.make_verified(user)
    pod = pods.create(user)
    entries.append(user, EntryType.ACCOUNT_MADE)
    for category, value in RECORDS.items():
        pods.put(pod, category, value)
    return pod


def _fill(password: str) -> Seeded:
    known = {brand.name: brands.register(brand) for brand in brands.BRANDS}
    brands.publish_old_view(known["maru"].partner)
    hashed = make_password(password)
    everybody = [*people.ANSWERING, states.LATE_ONE, *(each.person for each in states.STATES)]
    held = {person.name: open_pod(person, hashed) for person in everybody}
    states.fall_behind(held[states.LATE_ONE.name], known["neujeun"].clients["neujeun"])
    given = _bring_about(held, known["maru"])
    return Seeded(
        password=password,
        alliance=_alliance(known),
        grants={name: str(grant.pk) for name, grant in given.items()},
        subjects={name: grant.pairwise for name, grant in given.items()},
        obligations=_owed(given),
    )


def _bring_about(held: dict[str, Pod], maru: Registered) -> dict[str, Grant]:
    given = {}
    for state in states.STATES:
        grant = states.bring_about(state, held[state.name], maru.clients[state.client])
        if grant is not None:
            given[state.name] = grant
    return given


def _owed(given: dict[str, Grant]) -> dict[str, str]:
    names = {grant.pk: name for name, grant in given.items()}
    owed = Obligation.objects.filter(grant_id__in=names)
    return {names[each.grant_id]: str(each.pk) for each in owed}


def _alliance(known: dict[str, Registered]) -> str:
    actor = Actor.operator()
    made = alliances.make(known["maru"].partner, "여행하는 날", "Travel day", actor)
    alliances.join(made, known["bora"].partner, actor)
    return str(made.pk)


def _kept() -> Path:
    return Path(settings.VAR_DIR) / "sandbox.json"
