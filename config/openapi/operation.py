"""One operation: what is said of it by hand, and what follows from who may call it and how."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from audit import exceptions as audit
from config.openapi import parts, problems
from config.openapi.answers import ref
from config.openapi.problems import NAMES, Told
from consent import exceptions as consent
from consent.oauth import exceptions as oauth
from keys import exceptions as keys
from vault import exceptions as vault

Part = dict[str, Any]
JSON = "application/json"
EXAMPLES_PATH = Path(__file__).parent / "examples.json"
# Any call may meet a house that is closed, or be none.
EVERYWHERE: tuple[Told, ...] = (
    problems.plain(400),
    problems.plain(411),
    problems.plain(500),
    problems.plain(503),
    problems.away(),
    problems.of(keys.ProviderAway),
    problems.of(audit.DatabaseBehindAnchor),
    problems.of(consent.TryAgain),
)
GUARDED: tuple[Told, ...] = (
    problems.of(oauth.TokenMissing),
    problems.of(oauth.ProofRefused),
    problems.of(oauth.SeenStoreAway),
    problems.of(consent.RateLimited),
)
NEGOTIATED = (problems.plain(406),)
WHOLE = (problems.of(consent.TokenNarrowed),)
FOUND = (problems.of(consent.UnknownThing),)
JSON_BODY: tuple[Told, ...] = (
    problems.of(vault.MalformedJSON),
    problems.of(vault.TooLarge),
    problems.plain(415),
    problems.of(consent.RequestInvalid),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method on one route of the partner's door."""

    route: str  # as the URL map writes it
    method: str
    id: str
    tag: str
    summary: str
    description: str
    answers: Mapping[int, Part]
    told: tuple[Told, ...] = EVERYWHERE
    body: Part | None = None
    parameters: tuple[str, ...] = ()
    # Errors of the OAuth endpoints are no problems of RFC 9457: whole responses, by status.
    refusals: Mapping[int, Part] | None = None
    security: tuple[str, ...] = ("bearer", "dpop")

    def written(self) -> Part:
        """Return it as the description has it."""
        guarded = "dpop" in self.security
        told = self.told + GUARDED if guarded else self.told
        refusals = self.refusals
        if refusals is None:
            found = problems.by_status(told)
            refusals = {status: problems.response(status, those) for status, those in found.items()}
        responses = {**self.answers, **refusals}
        said: Part = {
            "operationId": self.id,
            "tags": [self.tag],
            "summary": self.summary,
            "description": self.description,
            "security": [{name: []} for name in self.security],
            "responses": {str(status): responses[status] for status in sorted(responses)},
        }
        names = ["AcceptLanguage", *(["DPoP"] if guarded else []), *self.parameters]
        said["parameters"] = [{"$ref": f"#/components/parameters/{name}"} for name in names]
        said |= {"requestBody": self.body} if self.body else {}
        _exemplify(said, examples().get(self.id, {}))
        return said


@cache
def examples() -> Mapping[str, Mapping[str, Any]]:
    """Return the examples of each operation: of its body, and of answers by status. All fictional."""
    loaded: Mapping[str, Mapping[str, Any]] = json.loads(EXAMPLES_PATH.read_text("utf-8"))
    return loaded


def _exemplify(said: Part, known: Mapping[str, Any]) -> None:
    """Put each example beside the first schema of its place."""
    for place, example in known.items():
        part = said["requestBody"] if place == "body" else said["responses"][place]
        contents: Iterable[Part] = part["content"].values()
        next(iter(contents))["example"] = example


def body(name: str, media_type: str = JSON) -> Part:
    """Return a request body of one shape."""
    return {"required": True, "content": {media_type: {"schema": ref(name)}}}


def answer(description: str, name: str | None = None, *headers: str, kind: str = JSON) -> Part:
    """Return the response of a call that went well."""
    told = {NAMES[each]: {"$ref": f"#/components/headers/{each}"} for each in headers}
    content = {kind: {"schema": ref(name)}} if name else {}
    return {"description": description, "headers": told} | ({"content": content} if content else {})


def limited(description: str, name: str | None = None, *, kind: str = JSON) -> Part:
    """Return the response of a call that was counted, and says what is left."""
    return answer(description, name, "CacheControl", "RateLimit", "RateLimitPolicy", kind=kind)


def path_parameters(route: str) -> list[Part]:
    """Return the ids in a route."""
    return [
        parts.path_parameter(part.removeprefix("<uuid:").removesuffix(">"))
        for part in route.split("/")
        if part.startswith("<uuid:")
    ]
