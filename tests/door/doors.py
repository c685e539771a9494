"""Every route of the partner's door: through which a customer's data passes, and through which none.

A test walks in through each of `DOORS` while a grant ends. A route that stands neither there nor
in `NO_VALUES` fails `test_routes.py`: whoever adds one says here what it is.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from consent import partners
from consent.models import Grant
from consent.oauth import tokens
from keys import envelopes
from tests import cast
from tests.consent.oauth import world
from tests.consent.oauth.flow.hotel import Hotel, jkt
from tests.door.brand import ISSUER, STAY, Brand, code
from tests.keys.test_envelopes import a_key
from vault import pods
from vault.models import Pod

Call = Callable[[], Any]
ME = {"name": "김서연", "birth_date": "1990-03-05", "nationality": "KR"}
CANARY = "Nowhere Inn 5f21"  # stands in no example, no docs, nobody else's pod
_READ_ONLY = {"actions": ["read"], "fields": None}
_BOTH = {"actions": ["read", "contribute"], "fields": None}

# What passes through these is about requests, grants, duties, events and tokens: no pod value.
NO_VALUES = {
    "api/v1/requests", "api/v1/requests/reasons", "api/v1/requests/<uuid:request_id>",
    "api/v1/journeys", "api/v1/journeys/<uuid:journey_id>",
    "api/v1/grants/<uuid:grant_id>",
    "api/v1/events/poll",
    "api/v1/obligations", "api/v1/obligations/<uuid:obligation_id>/attestation",
    "api/v1/openapi.json",
    "oauth/token", "oauth/par", "oauth/introspect", "oauth/register", "oauth/revoke",
    ".well-known/oauth-authorization-server", ".well-known/oauth-protected-resource",
    ".well-known/jwks.json",
}  # fmt: skip


@dataclass
class ProvingBrand(Brand):
    """A brand of level 3: its token is bound to a key, its answers are sealed to another."""

    prover: Hotel = field(init=False)

    def __post_init__(self) -> None:
        self.prover = Hotel(self.made.client, world.new_key())
        key, _private = a_key(envelopes.SUITES[0])
        partners.set_sealing_key(self.made.client, key, cast.OPERATOR)
        self.token = tokens.issue(self.made.client, jkt=jkt(self.prover.proving))

    def send(self, method: str, path: str, body: Any = b"", **more: Any) -> Any:
        proof = self.prover.proof(method, ISSUER + path, self.token)
        own = {"Authorization": f"DPoP {self.token}", "DPoP": proof}
        return super().send(method, path, body, **more | {"headers": own | more.get("headers", {})})


@dataclass(frozen=True)
class Visit:
    """A brand with a grant, about to walk in."""

    brand: Brand
    grant: Grant
    pod: Pod
    category: str = "stay"

    @property
    def asked(self) -> dict[str, Any]:
        return {
            "subject": self.grant.pairwise, "category": self.category, "purpose": cast.PURPOSE,
        }  # fmt: skip


@dataclass(frozen=True)
class Door:
    """One way in: what it needs beforehand, the call, and where its answer says no."""

    route: str
    entry: str  # what a yes is in the log
    prepare: Callable[[Visit], Call]
    action: str = "read"
    category: str = "stay"
    brand: type[Brand] = Brand
    refusal: Callable[[Any], str | None] = lambda answer: None

    def visit(self, pod: Pod) -> Visit:
        """Bring a brand with a grant for this door; the pod holds what it may see."""
        made = cast.make_client_with_key()
        stay = {"stay": _BOTH, "identity": _READ_ONLY, "adult": _READ_ONLY}
        cast.make_template(made.client.partner, categories=stay)
        item = cast.make_item(self.category, action=self.action)
        if self.category == "adult":
            item["view"] = item.pop("category")
        frequency = {"count": 90, "unit": "total"} if self.action == "read" else None
        grant = cast.make_grant(pod, made.client, items=[item], frequency=frequency)
        return Visit(self.brand(made), grant, pod, self.category)

    def said(self, answer: Any) -> str | None:
        """Return the code of a refusal, of the whole call or of this grant's part; None for a yes."""
        return code(answer) if answer.status_code >= 400 else self.refusal(answer)


def _read(visit: Visit) -> Call:
    return lambda: visit.brand.read(visit.asked)


def _view(visit: Visit) -> Call:
    asked = visit.asked
    asked["view"] = asked.pop("category")
    return lambda: visit.brand.read(asked)


def _repeat(visit: Visit) -> Call:
    """Ask for an answer again that was given a moment ago."""
    asked = visit.asked | {"idempotency_key": "once"}
    assert visit.brand.read(asked).status_code == 200
    return lambda: visit.brand.read(asked)


def _batch(visit: Visit) -> Call:
    """Ask beside somebody else, whom nothing happens to."""
    other = cast.make_grant(cast.make_pod(), visit.brand.made.client)
    asked = visit.asked
    asked["subjects"] = [other.pairwise, asked.pop("subject")]
    return lambda: visit.brand.send("POST", "/api/v1/reads/batch", asked)


def _changes(visit: Visit) -> Call:
    return lambda: visit.brand.send("POST", "/api/v1/changes", visit.asked)


def _next_changes(visit: Visit) -> Call:
    """Go on from a cursor of a page that was given, with something new to see."""
    first = visit.brand.send("POST", "/api/v1/changes", visit.asked).json()
    pods.put(visit.pod, "stay", STAY)
    asked = visit.asked | {"cursor": first["cursor"]}
    return lambda: visit.brand.send("POST", "/api/v1/changes", asked)


def _contribute(visit: Visit) -> Call:
    return lambda: visit.brand.contribute(visit.asked | {"record": STAY})


def _bulk(visit: Visit) -> Call:
    line = json.dumps(visit.asked | {"record": STAY}).encode()

    def call() -> Any:
        path, kind = "/api/v1/contributions/bulk", "application/x-ndjson"
        headers = {"Idempotency-Key": uuid4().hex}
        return visit.brand.send("POST", path, line, content_type=kind, headers=headers)

    return call


def _of_the_last(answer: Any) -> str | None:
    found: str | None = answer.json()["results"][-1].get("error")
    return found


def _of_the_line(answer: Any) -> str | None:
    found: str | None = json.loads(answer.content.splitlines()[-1]).get("error")
    return found


_GIVEN, _BROUGHT = "record.read", "record.contributed"
_BRINGS = {"entry": _BROUGHT, "action": "contribute"}
DOORS = {
    "read": Door("api/v1/reads", _GIVEN, _read),
    "view": Door("api/v1/reads", _GIVEN, _view, category="adult"),
    "sealed": Door("api/v1/reads", _GIVEN, _read, brand=ProvingBrand),
    "repeat": Door("api/v1/reads", _GIVEN, _repeat),
    "batch": Door("api/v1/reads/batch", _GIVEN, _batch, refusal=_of_the_last),
    "changes": Door("api/v1/changes", _GIVEN, _changes),
    "next changes": Door("api/v1/changes", _GIVEN, _next_changes),
    "contribution": Door("api/v1/contributions", prepare=_contribute, **_BRINGS),
    "bulk": Door("api/v1/contributions/bulk", prepare=_bulk, refusal=_of_the_line, **_BRINGS),
}
