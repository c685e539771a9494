"""A whole registration at once: a partner, its clients and its purposes, or nothing of it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from django.db import transaction

from consent import partners
from consent.exceptions import EndpointRefused, RequestInvalid
from consent.models import Client, Partner
from consent.oauth import keysets, redirects
from consent.oauth.exceptions import KeySetInvalid, RedirectInvalid
from consent.partners import Operator
from consent.requests import rules
from consent.requests.validation import tidy
from consent.revocation import sending
from keys import envelopes
from keys.exceptions import EnvelopeKeyInvalid
from vault import categories, resident_numbers, vocabulary, wording

SCHEMA_PATH = Path(__file__).parent / "schema.json"
_APART = ("clients", "purposes")
# Programs compare these character by character: what is wrong with them is refused, not tidied.
_EXACT = ("jwks", "sealing_key", "redirect_uris")
# A 법인등록번호 is written as a 주민등록번호 is, but begins with the office that registered the
# company; as a year of birth that would be one of somebody younger or older than a sole trader is.
_OF_COMPANY = re.compile(r"(1[1-9]|2[0-9])[0-9]{4} ?-? ?[0-9]{7}")


@dataclass(frozen=True, slots=True)
class Registered:
    """What came of a registration."""

    partner: Partner
    clients: list[Client]


@transaction.atomic
def register(document: object, actor: Operator) -> Registered:
    """Register a partner with its clients and purposes.

    Raises `RequestInvalid` with a JSON pointer for everything that is wrong; then nothing is kept.
    """
    checked = validated(document)
    facts = {name: value for name, value in checked.items() if name not in _APART}
    partner = partners.register(actor, **facts)
    clients = [partners.add_client(partner, actor, **one) for one in checked["clients"]]
    for purpose in checked["purposes"]:
        partners.publish_purpose(partner, actor, **_ceilings(purpose))
    return Registered(partner, clients)


def validated(document: object) -> Mapping[str, Any]:
    """Return the document, its texts tidied, if it can be registered. Raises `RequestInvalid`."""
    document = _tidied(document)
    problems = [wording.problem(error, schema()) for error in _validator().iter_errors(document)]
    if not problems:
        assert isinstance(document, Mapping)
        problems = list(_resident_numbers(document)) or list(_problems(document))
    if problems:
        raise RequestInvalid(problems)
    assert isinstance(document, Mapping)
    return document


def _tidied(document: object) -> object:
    """Make its texts what those of a request are: people read both in one notice."""
    tidied = tidy(document)
    if isinstance(tidied, dict) and isinstance(tidied.get("clients"), list):
        assert isinstance(document, Mapping)
        tidied["clients"] = [
            _exact(*each) for each in zip(tidied["clients"], document["clients"], strict=True)
        ]
    return tidied


def _exact(tidied: Any, sent: Any) -> Any:
    if not isinstance(tidied, dict):
        return tidied
    return tidied | {name: sent[name] for name in _EXACT if name in sent}


@cache
def schema() -> Mapping[str, Any]:
    """Return the JSON Schema of a registration."""
    loaded: Mapping[str, Any] = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    return loaded


@cache
def _validator() -> Any:
    return categories.validator(schema())


def _resident_numbers(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield where a 주민등록번호 stands: it is stored with nobody, partners' officers included."""
    of_company = _OF_COMPANY.fullmatch(document["registration_number"])
    looked_at = {k: v for k, v in document.items() if k != "registration_number" or not of_company}
    for pointer in resident_numbers.places(looked_at, schema()):
        yield pointer, str(rules.SENTENCES["resident-number"])


def _problems(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a schema cannot know: keys, endpoints, purposes, categories and fields."""
    for position, client in enumerate(document["clients"]):
        try:
            keysets.validated(client["jwks"])
        except KeySetInvalid as error:
            yield f"/clients/{position}/jwks", str(error)
        try:
            envelopes.validated(client["sealing_key"]) if "sealing_key" in client else None
        except EnvelopeKeyInvalid as error:
            yield f"/clients/{position}/sealing_key", str(error)
        try:
            redirects.validated(client.get("redirect_uris", []))
        except RedirectInvalid as error:
            yield f"/clients/{position}/redirect_uris", str(error)
    if endpoint := document.get("event_endpoint"):
        try:
            sending.check_endpoint(endpoint)
        except EndpointRefused as error:
            yield "/event_endpoint", str(error)
    seen: set[str] = set()
    for position, purpose in enumerate(document["purposes"]):
        where = f"/purposes/{position}"
        if purpose["purpose"] not in vocabulary.purposes():
            yield f"{where}/purpose", "is no purpose of the vocabulary (docs/categories.md)"
        if purpose["purpose"] in seen:
            yield f"{where}/purpose", "stands there twice"
        seen.add(purpose["purpose"])
        yield from _category_problems(f"{where}/categories", purpose["categories"])


def _category_problems(where: str, named: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for number, (name, ceiling) in enumerate(named.items(), 1):
        known = categories.find(name)
        if known is None:
            yield where, f"no. {number} is no category of this vault (docs/categories.md)"
            continue
        if known.of and ceiling["actions"] != ["read"]:
            yield f"{where}/{name}/actions", "must be read alone: this is a view"
        unknown = set(ceiling.get("fields") or ()) - set(known.top_fields)
        if unknown:
            yield f"{where}/{name}/fields", "names a field that this category does not have"


def _ceilings(purpose: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "purpose": purpose["purpose"],
        "title_ko": purpose["title_ko"],
        "title_en": purpose["title_en"],
        "categories": {
            name: {"actions": ceiling["actions"], "fields": ceiling.get("fields")}
            for name, ceiling in purpose["categories"].items()
        },
        "max_expiry": timedelta(days=purpose["max_expiry_days"]),
        "max_retention": timedelta(days=purpose["max_retention_days"]),
        "max_frequency": purpose.get("max_frequency"),
        "access_modes": purpose["access_modes"],
    }
