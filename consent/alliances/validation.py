"""The form of a journey request: from the body of a call to typed facts, or what is wrong with it.

Each stop is an access request and is checked as one (`requests/validation.py`, `rules.py`);
here is what a journey adds.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema_rs
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consent import profiles
from consent.exceptions import RequestAgainstRule, RequestInvalid
from consent.requests import validation
from vault import categories, wording

SCHEMA_PATH = Path(__file__).parent / "schema.json"
# What the journey says for all of its stops.
GIVEN = ("subject", "bound_to", "in_session")
SENTENCES = {
    "alliance-not-led": gettext_lazy("This partner does not lead such an alliance."),
    "stop-not-a-member": gettext_lazy("A stop names a client of a brand that is no member."),
    "stop-repeated": gettext_lazy("Each order, and each brand with one purpose, stands once."),
    "stop-states-subject": gettext_lazy(
        "Subject, bound_to and in_session are the journey's to say, not a stop's."
    ),
    "journey-past": gettext_lazy("The journey is over before it begins, or over already."),
    "journey-above-year": gettext_lazy("A journey lasts at most 12 months."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedStop:
    """One stop as it was asked for; `body` is a whole access request."""

    order: int
    place: Mapping[str, str]
    client: str
    body: dict[str, Any]
    asked: validation.Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedJourney:
    """A journey request of the right form."""

    alliance: UUID
    subject: Mapping[str, Any]
    name: Mapping[str, str]
    starts: datetime
    ends: datetime
    in_session: bool
    stops: tuple[AskedStop, ...]


@cache
def schema() -> Mapping[str, Any]:
    """Return the JSON Schema of a journey request."""
    loaded: Mapping[str, Any] = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    return loaded


def parse(body: object, journey: UUID, now: datetime) -> AskedJourney:
    """Return what is asked for. `journey` is the id it will have, which its grants are bound to.

    Raises `RequestInvalid` with a JSON pointer for each problem, `RequestAgainstRule`.
    """
    tidied = validation.tidy(body)
    problems = [
        _problem(error)
        for error, _place in zip(
            wording.findings(_validator(), tidied), range(validation.MOST_PROBLEMS), strict=False
        )
    ]
    if problems := problems or list(validation.unclean_mail(body)):
        raise RequestInvalid(problems)
    assert isinstance(tidied, dict)
    asked = _asked(tidied, journey)
    for rule in _broken(asked, now):
        raise broken(rule)
    return asked


def broken(rule: str) -> RequestAgainstRule:
    """Return the error for one of the rules of journeys."""
    return RequestAgainstRule(rule, str(SENTENCES[rule]))


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return categories.validator(schema())


def _problem(error: jsonschema_rs.ValidationError) -> tuple[str, str]:
    pointer, what = wording.problem(error, schema())
    if error.kind.name == "additionalProperties":
        what = _("has a member that a journey does not have")
    return pointer, what


def _asked(body: Mapping[str, Any], journey: UUID) -> AskedJourney:
    ends = validation.moment("/ends", body["ends"])
    return AskedJourney(
        alliance=UUID(body["alliance"]),
        subject=body["subject"],
        name=body["name"],
        starts=validation.moment("/starts", body["starts"]),
        ends=ends,
        in_session=body.get("in_session", False),
        stops=tuple(_stop(body, place, journey, ends) for place in range(len(body["stops"]))),
    )


def _stop(body: Mapping[str, Any], place: int, journey: UUID, ends: datetime) -> AskedStop:
    stop = body["stops"][place]
    if any(name in stop["request"] for name in GIVEN):
        raise broken("stop-states-subject")
    whole = stop["request"] | {
        "subject": body["subject"],
        "bound_to": {"kind": "journey", "ref": str(journey), "ends_at": ends.isoformat()},
        "in_session": body.get("in_session", False),
    }
    try:
        asked = validation.parse(whole)
    except RequestInvalid as error:
        under = f"/stops/{place}/request"
        raise RequestInvalid([(under + at, what) for at, what in error.problems]) from None
    return AskedStop(
        order=stop["order"],
        place=stop["place"],
        client=stop["client"],
        body=whole,
        asked=asked,
    )


def _broken(asked: AskedJourney, now: datetime) -> Iterator[str]:
    if not max(asked.starts, now) < asked.ends:
        yield "journey-past"
    if asked.ends > now + profiles.length("grant_at_most"):
        yield "journey-above-year"
    if len({stop.order for stop in asked.stops}) < len(asked.stops):
        yield "stop-repeated"
