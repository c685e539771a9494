"""The form of an access request: from the body of a call to typed facts, or what is wrong with it.

The form itself is `schema.json`, which the API documentation shows too. Whether the request is
allowed is asked afterwards, in `rules.py`.
"""

import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
from django.utils.translation import gettext as _

from consent.exceptions import RequestInvalid
from vault import categories, wording

MOST_PROBLEMS = 20
SCHEMA_PATH = Path(__file__).parent / "schema.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedItem:
    """One item of a request, as it was asked for."""

    category: str
    action: str
    fields: list[str] | None
    why: Mapping[str, str]
    required: bool
    effect: str
    missing_feature: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request of the right form. Every text is NFC and single-spaced; moments are UTC."""

    subject: Mapping[str, Any]
    purpose: str
    action: str
    items: tuple[AskedItem, ...]
    access_mode: str
    frequency: dict[str, Any] | None
    data_range: dict[str, Any] | None
    retention: timedelta | None
    valid_from: datetime | None
    expires: datetime
    bound_to: Mapping[str, Any] | None
    at_least: dict[str, Any] | None
    benefit: Mapping[str, str]
    processors: list[Any]
    onward: list[Any]
    overseas: dict[str, Any] | None
    marketing: bool
    partner_ref: str
    in_session: bool


@cache
def schema() -> Mapping[str, Any]:
    """Return the JSON Schema of a request."""
    loaded: Mapping[str, Any] = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    return loaded


def parse(body: object) -> Asked:
    """Return what is asked for.

    Raises `RequestInvalid` with a JSON pointer for each problem; no value is ever repeated.
    """
    # First: what tidying leaves nothing of is as good as missing.
    tidied = tidy(body)
    problems = []
    for error in wording.findings(_validator(), tidied):
        problems.append(_problem(error))
        if len(problems) == MOST_PROBLEMS:
            break
    if problems := problems or list(unclean_mail(body)):
        raise RequestInvalid(problems)
    assert isinstance(tidied, dict)
    return _asked(tidied)


def unclean_mail(body: object) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with an address that tidying would have made another one of.

    Told before anybody is looked for, so the answer says nothing about customers.
    """
    match body:
        case {"subject": {"mail": str(mail)}}:
            if tidy(mail) != unicodedata.normalize("NFC", mail.strip(" ")):
                yield "/subject/mail", _("does not have the required form")


def texts(value: object) -> list[str]:
    """Return every string inside a JSON value, names of members included."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for pair in value.items() for part in pair for text in texts(part)]
    if isinstance(value, list | tuple):
        return [text for part in value for text in texts(part)]
    return []


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return categories.validator(schema())


def _problem(error: jsonschema_rs.ValidationError) -> tuple[str, str]:
    pointer, what = wording.problem(error, schema())
    if error.kind.name == "additionalProperties":
        what = _("has a member that a request does not have")
    return pointer, what


def tidy(value: Any) -> Any:
    """Make every text NFC and single-spaced, so that the notice shows what was asked, and no trick."""
    if isinstance(value, str):
        printable = "".join(" " if c.isspace() else c for c in value if _is_shown(c))
        return " ".join(unicodedata.normalize("NFC", printable).split())
    if isinstance(value, dict):
        return {key: tidy(part) for key, part in value.items()}
    if isinstance(value, list):
        return [tidy(part) for part in value]
    return value


def _is_shown(character: str) -> bool:
    # Control and format characters could reverse or hide words in a notice.
    return character.isspace() or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co"}


def _asked(body: Mapping[str, Any]) -> Asked:
    days = body.get("retention_days")
    bound = body.get("bound_to")
    least = body.get("at_least")
    return Asked(
        subject=body["subject"],
        purpose=body["purpose"],
        action=body.get("action", "create"),
        items=tuple(_item(item) for item in body["items"]),
        access_mode=body["access_mode"],
        frequency=body.get("frequency"),
        data_range=body.get("range"),
        retention=None if days is None else timedelta(days=days),
        valid_from=_moment("/valid_from", body.get("valid_from")),
        expires=moment("/expires", body["expires"]),
        bound_to=bound and {**bound, "ends_at": moment("/bound_to/ends_at", bound["ends_at"])},
        at_least=least and _least(least),
        benefit=body["benefit"],
        processors=body.get("processors", []),
        onward=body.get("onward", []),
        overseas=body.get("overseas"),
        marketing=body.get("marketing", False),
        partner_ref=body.get("partner_ref", ""),
        in_session=body.get("in_session", False),
    )


def _item(item: Mapping[str, Any]) -> AskedItem:
    return AskedItem(
        # A view is asked for, granted and read like a category of its own.
        category=item.get("view") or item["category"],
        action=item.get("action", "read"),
        fields=item.get("fields"),
        why=item["why"],
        required=item["required"],
        effect=item.get("effect_if_refused", "none"),
        missing_feature=item.get("missing_feature", {"ko": "", "en": ""}),
    )


def _least(least: Mapping[str, Any]) -> dict[str, Any]:
    kept = dict(least)
    if "expires" in kept:
        kept["expires"] = moment("/at_least/expires", kept["expires"]).isoformat()
    return kept


def _moment(pointer: str, text: str | None) -> datetime | None:
    return None if text is None else moment(pointer, text)


def moment(pointer: str, text: str) -> datetime:
    """Return a moment in UTC. Raises `RequestInvalid` for one that cannot be kept."""
    try:
        # A leap second and lower-case letters are good RFC 3339, which Python does not read.
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RequestInvalid([(pointer, "is not a moment that this vault can keep")]) from None
