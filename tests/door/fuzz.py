"""What Schemathesis needs to get behind the door: tokens, fresh signatures, and things that exist.

The description says what a call may look like. It cannot say which grant there is, nor sign; so
of what Schemathesis makes up, values of the right form are in part replaced by real ones. What is
wrong about a call on purpose stays wrong.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from schemathesis import hooks
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.engine import events, from_schema

from config.openapi.document import document
from tests.consent.oauth.flow.hotel import Hotel
from tests.consent.oauth.world import ASSERTION_TYPE
from tests.door.brand import ISSUER, Brand
from tests.door.server import Server

SEED = 20261121
# Whether a call that looks right is also allowed depends on consent, which no schema knows.
# Schemathesis does not know that a length that is missing, or too much of it, is a refusal, too.
REFUSED = ["400", "401", "403", "404", "405", "406", "409", "411", "413", "415", "422", "429"]
CHECKS = {
    "negative_data_rejection": {"expected-statuses": REFUSED},
    "positive_data_acceptance": {"enabled": False},
    "use_after_free": {"enabled": False},
    "ensure_resource_availability": {"enabled": False},
}


@schemathesis.serializer("application/x-ndjson", "application/jwt")
def as_it_is(_context: Any, value: Any) -> Any:
    """Texts go out as they are; what is made up instead of one, as JSON."""
    return value.encode() if isinstance(value, str) else json.dumps(value, default=str).encode()


@schemathesis.deserializer("application/x-ndjson")
def as_text(_context: Any, response: Any) -> str:
    """Lines, each of which is JSON."""
    text: str = response.content.decode()
    assert all(isinstance(json.loads(line), dict) for line in text.splitlines())
    return text


@dataclass
class World:
    """What exists behind the door, and two brands that may have it."""

    server: Server
    brand: Brand  # level 1
    hotel: Hotel  # level 2
    ids: dict[str, list[str]]  # by the names of path parameters
    spare: list[str]  # grants that may be ended
    subjects: list[str]
    calls: int = 0
    _token: tuple[float, str] = (0.0, "")
    failures: dict[str, str] = field(default_factory=dict)

    def token(self) -> str:
        """A live token; a new one every three minutes."""
        made, value = self._token
        if time.monotonic() - made > 180:
            form = {
                "grant_type": "client_credentials",
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": self.brand.assertion(),
            }
            answer = requests.post(self.server.url("/oauth/token"), form, timeout=10)
            value = str(answer.json()["access_token"])
            self._token = (time.monotonic(), value)
        return value


def run(world: World, *, seconds: int, examples: int) -> dict[str, str]:
    """Try every operation; return what was found, by check and operation, with how to do it again."""
    sign = _with_fresh_signatures(world)
    schemathesis.hook("before_call")(sign)  # there is none for one description alone
    try:
        for event in from_schema(_schema(world, seconds, examples)).execute():
            world.failures |= dict(_found(event))
    finally:
        hooks.unregister(sign)
    return world.failures


def _schema(world: World, seconds: int, examples: int) -> Any:
    config = {
        "seed": SEED,
        "max-time": seconds,
        "base-url": world.server.url(""),
        "continue-on-failure": True,
        "request-timeout": 30,
        "checks": CHECKS,
        "generation": {"max-examples": examples, "deterministic": True, "database": "none"},
        "phases": {"stateful": {"enabled": False}},
    }
    whole = json.loads(json.dumps(document()))
    schema = schemathesis.openapi.from_dict(whole, config=SchemathesisConfig.from_dict(config))
    schema.auth()(_authentication(world))
    schema.hook("map_path_parameters")(_with_known_ids(world))
    schema.hook("map_body")(_with_known_people(world))
    schema.hook(filter_failure)
    return schema


def _authentication(world: World) -> type:
    class Bearer:
        def get(self, _case: Any, _context: Any) -> str:
            return world.token()

        def set(self, case: Any, data: str, _context: Any) -> None:
            if case.path.startswith("/api/"):
                case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}

    return Bearer


def _with_known_ids(world: World) -> Any:
    def map_path_parameters(context: Any, path_parameters: Any) -> Any:
        ends = context.operation is not None and context.operation.method == "delete"
        known = {**world.ids, "grant_id": world.spare} if ends else world.ids
        return {
            name: _picked(value, known[name]) if name in known else value
            for name, value in (path_parameters or {}).items()
        }

    return map_path_parameters


def _with_known_people(world: World) -> Any:
    known = {
        "subject": world.subjects,
        "category": ["stay", "preferences"],
        "purpose": ["dpv:ServicePersonalisation"],
    }

    def map_body(context: Any, body: Any) -> Any:
        if isinstance(body, str) and context.operation.path.endswith("/bulk"):
            return _lines(body, world.subjects)
        if not isinstance(body, dict):
            return body
        return {
            name: _picked(value, known[name]) if name in known else value
            for name, value in body.items()
        }

    return map_body


def _lines(text: str, subjects: list[str]) -> str:
    """What was made up, as the names in records of people who exist; then as it is."""
    about = {"category": "stay", "purpose": "dpv:ServicePersonalisation"}
    found = [
        json.dumps(about | {"subject": subject, "record": {"hotel": text[:20] or "Maru Hotel"}})
        for subject in subjects
    ]
    return "\n".join([*found, text])


def _picked(value: Any, known: list[str]) -> Any:
    """Mostly one of those that exist; what is of the wrong form stays."""
    if not isinstance(value, str) or not 0 < len(value) <= 64 or "\0" in value:
        return value
    turn = hashlib.sha256(value.encode(errors="replace")).digest()[0]
    return known[turn % len(known)] if turn < 200 else value


def _with_fresh_signatures(world: World) -> Any:
    def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
        world.calls += 1
        # An address of its own for each call, or sixty wrong signatures would close the door.
        address = f"198.51.{world.calls // 250 % 250}.{world.calls % 250}"
        case.headers = {**(case.headers or {}), "X-Forwarded-For": address}
        body = case.body
        if not case.path.startswith("/oauth/") or not isinstance(body, dict):
            return
        if isinstance(body.get("client_assertion"), str) and body["client_assertion"]:
            by = world.hotel if case.path in {"/oauth/par", "/oauth/token"} else world.brand
            case.body = body | {"client_assertion": by.assertion()}
            if case.path == "/oauth/token" and "DPoP" not in case.headers:
                case.headers["DPoP"] = world.hotel.proof("POST", ISSUER + case.path)

    return before_call


def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Drop one false alarm: as a text, which lines are, whatever was to be no text is one."""
    negative = isinstance(failure, AcceptedNegativeData)
    return not (negative and case.media_type == "application/x-ndjson")


def _found(event: Any) -> Iterator[tuple[str, str]]:
    if isinstance(event, events.NonFatalError):
        yield f"error: {event.label}", str(event.value)
    elif isinstance(event, events.FatalError):
        yield "error", str(event.exception)
    elif isinstance(event, events.ScenarioFinished):
        yield from _failed(event.recorder)


def _failed(recorder: Any) -> Iterator[tuple[str, str]]:
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                failure = check.failure_info.failure
                case = recorder.cases[case_id].value
                key = f"{check.name}: {case.method} {case.path}: {failure.title}"
                yield key, f"{failure.message}\n{check.failure_info.code_sample}"
