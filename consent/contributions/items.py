"""One line of a bulk contribution: from bytes to typed facts, or what is wrong with it."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

from consent.access import calls
from consent.access.facts import Asked
from consent.exceptions import RequestInvalid
from keys.keyring import keyring
from vault import strictjson
from vault.exceptions import MalformedJSON

MEMBERS = frozenset({"key", "subject", "category", "purpose", "record"})
_RECORD, _SUBJECT = b'"record":', b',"subject":'
LIMITS = strictjson.Limits(size=strictjson.RECORD.size + 4096)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One record that a partner brings, with its one form of JSON and what makes it the same again."""

    index: int
    asked: Asked
    record: dict[str, Any]
    data: bytes
    key: str  # derived from the request's key and the item's own; a random-looking text
    body_digest: bytes


class Reader:
    """Reads the items of one request."""

    def __init__(self, idempotency_key: str) -> None:
        """Take the request's own key, under which the items' keys count."""
        self._keys = _Keyed("bulk-key", idempotency_key)
        self._bodies = _Keyed("bulk-body", "")

    def read(self, line: bytes | None, index: int) -> Item:
        """Return the item of a line. Raises `MalformedJSON`, `RequestInvalid`."""
        if line is None:
            raise MalformedJSON(f"is longer than {LIMITS.size} bytes")
        body, form = strictjson.read(line, LIMITS)
        _check(body)
        data = _record_of(form, body["subject"])
        asked = Asked(body["subject"], body["purpose"], body["category"])
        own = body.get("key", f"#{index}")
        said = (asked.subject, asked.purpose, asked.category)
        return Item(
            index=index,
            asked=asked,
            record=body["record"],
            data=data,
            key=base64.urlsafe_b64encode(self._keys.digest(own)).decode().rstrip("="),
            body_digest=self._bodies.digest("\0".join(said), data),
        )


class _Keyed:
    """A keyed hash with a beginning that many share; made once, copied each time."""

    def __init__(self, name: str, start: str) -> None:
        secret = keyring().secret(f"consent/{name}")
        self._begun = hmac.new(secret, digestmod=hashlib.sha256)
        self._begun.update(_long(start.encode()))

    def digest(self, text: str, data: bytes = b"") -> bytes:
        code = self._begun.copy()
        code.update(_long(text.encode()) + data)
        return code.digest()


def _record_of(form: bytes, subject: str) -> bytes:
    """Return the record's part of an item's one form, where members are sorted by name.

    What stands before is texts, and in a text a quote has a backslash before it.
    """
    start = form.index(_RECORD) + len(_RECORD)
    return form[start : -len(_SUBJECT) - len(strictjson.dumps(subject)) - 1]


def _long(raw: bytes) -> bytes:
    # With its length, so that ("ab", "c") and ("a", "bc") differ.
    return len(raw).to_bytes(4, "big") + raw


def _check(body: Any) -> None:
    if not isinstance(body, dict):
        raise RequestInvalid([("", "must be an object")])
    # Never by name: the name of an unknown member is as much the caller's as its value.
    problems = [] if body.keys() <= MEMBERS else [("", "has a member that an item does not have")]
    for name in ("subject", "category", "purpose"):
        if not calls.is_name(body.get(name)):
            problems.append((f"/{name}", f"must be a text of 1 to {calls.LONGEST} characters"))
    if "key" in body and not calls.is_name(body["key"]):
        problems.append(("/key", f"must be a text of 1 to {calls.LONGEST} characters"))
    if not isinstance(body.get("record"), dict):
        problems.append(("/record", "must be an object"))
    if problems:
        raise RequestInvalid(problems)
