"""What a caller may be told of an error, read from the table that the answers come from.

Each pair of status and code is a schema of its own, so that a client knows which members come
with which code. Nothing here repeats a status, a code or a title: all are those of `config.errors`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from config import errors, problems
from consent import exceptions as consent
from consent.alliances import validation as journeys
from consent.requests import rules

Schema = dict[str, Any]
PROBLEM = "application/problem+json"
_MOMENT: Schema = {"type": ["string", "null"], "format": "date-time"}
_POINTERS: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["pointer", "detail"],
        "properties": {
            "pointer": {"type": "string", "description": "RFC 6901, into what was sent."},
            "detail": {"type": "string"},
        },
    },
}
# What each writer of members in the table adds to a problem.
_MEMBERS: Mapping[Callable[[Any], Mapping[str, Any]], Schema] = {
    errors.sentence: {"detail": {"type": "string"}},
    errors.pointers: {"errors": _POINTERS},
    errors.places: {"errors": _POINTERS},
    errors.ended: {
        "ended_at": _MOMENT,
        "obligation": {"type": ["string", "null"], "format": "uuid"},
    },
    errors.window: {"next_window": _MOMENT},
    errors.taken: {
        "most": {"type": "integer"},
        "results": {"type": "array", "items": {"$ref": "#/components/schemas/ItemResult"}},
    },
}
_SEVERAL = "Codes of broken rules: what was asked for is not allowed, and was shown to nobody."


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One status and code, with what comes with it."""

    status: int
    codes: tuple[str, ...]
    title: str
    members: tuple[tuple[str, Any], ...] = ()
    name: str = ""

    @property
    def key(self) -> str:
        """Return the name of its schema."""
        return f"{self.status}-{self.name or self.codes[0]}"

    def schema(self) -> Schema:
        """Return the schema of its body."""
        types = [problems.TYPE + code for code in self.codes]
        known = {
            "type": {"const": types[0]} if len(types) == 1 else {"enum": types},
            "title": {"type": "string", "examples": [self.title]},
            "status": {"const": self.status},
        }
        # What the framework says by itself has a code of the table, but not its members.
        needed = [*known, *(name for name, _ in self.members if name != "detail")]
        about = {"description": _SEVERAL} if self.name else {"description": self.title}
        whole = {"type": "object", "required": needed, "properties": known | dict(self.members)}
        return about | whole


def of(error: type[BaseException]) -> Told:
    """Return what is told of an error of the table, or of one below it."""
    base = next(base for base in error.__mro__ if base in errors.TABLE)
    line = errors.TABLE[base]
    code = line.code or str(getattr(error, "code", "refused"))
    named = consent.UnknownThing if code == "not-found" else line.named or error
    return Told(
        status=line.status,
        codes=(code,),
        title=(named.__doc__ or base.__doc__ or "").partition("\n")[0],
        members=tuple(_MEMBERS.get(line.members, {}).items()),
    )


def plain(status: int) -> Told:
    """Return the problem that says no more than its status."""
    code, title = errors.PLAIN[status]
    return Told(status=status, codes=(code,), title=title)


@cache
def away() -> Told:
    """Return what is told while the database is away."""
    code, title = errors.DATABASE_AWAY
    return Told(status=503, codes=(code,), title=title)


def request_rules() -> Told:
    """Return the rules that an access request can break, each with its own code."""
    return _rules("request-rule", rules.SENTENCES)


def journey_rules() -> Told:
    """Return the rules that a journey request can break, those of its stops among them."""
    return _rules("journey-rule", {**rules.SENTENCES, **journeys.SENTENCES})


def _rules(name: str, sentences: Iterable[str]) -> Told:
    line = errors.TABLE[consent.RequestAgainstRule]
    return Told(
        status=line.status,
        codes=tuple(sorted(sentences)),
        title=(consent.RequestAgainstRule.__doc__ or "").partition("\n")[0],
        members=tuple(_MEMBERS[line.members].items()),
        name=name,
    )


def by_status(told: Iterable[Told]) -> dict[int, list[Told]]:
    """Return what is told by status; the same status and code once, that with members first."""
    found: dict[int, dict[str, Told]] = {}
    for one in told:
        known = found.setdefault(one.status, {})
        known[one.key] = max(known.get(one.key, one), one, key=lambda each: len(each.members))
    return {status: list(found[status].values()) for status in sorted(found)}


def response(status: int, told: Iterable[Told]) -> Schema:
    """Return the response of one status: one of its problems."""
    told = sorted(told, key=lambda one: one.key)
    refs = [{"$ref": f"#/components/schemas/{one.key}"} for one in told]
    return {
        "description": _names(told),
        "headers": headers(status, told),
        "content": {PROBLEM: {"schema": refs[0] if len(refs) == 1 else {"oneOf": refs}}},
    }


def headers(status: int, told: Iterable[Told]) -> Schema:
    """Return the headers that a problem of this status comes with."""
    names = ["CacheControl", "ContentLanguage"]
    names += {401: ["Challenge"], 405: ["Allow"], 429: ["RetryAfter"], 503: ["RetryAfter"]}.get(
        status, []
    )
    if any(consent.RateLimited.code in one.codes for one in told):
        names += ["RateLimit", "RateLimitPolicy"]
    return {NAMES[name]: {"$ref": f"#/components/headers/{name}"} for name in names}


# On the wire, by their names in the description's components.
NAMES = {
    "CacheControl": "Cache-Control",
    "ContentLanguage": "Content-Language",
    "Challenge": "WWW-Authenticate",
    "Allow": "Allow",
    "RetryAfter": "Retry-After",
    "RateLimit": "RateLimit",
    "RateLimitPolicy": "RateLimit-Policy",
    "Pragma": "Pragma",
}


def _names(told: Iterable[Told]) -> str:
    return ", ".join(f"`{one.name or one.codes[0]}`" for one in told)
