"""Holds every answer of the partner's door, in whatever test it comes, against its description.

A status, a header, a media type or a member that the description does not know fails the test; so
does a call that went well though the description forbids its body. Installed in tests/conftest.py
around Django's test client, and used by the real servers of tests/door/server.py.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, wraps
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jsonschema_rs
import pytest
from django.conf import settings
from django.test import Client
from django.urls import Resolver404, resolve

from config.openapi.document import document

FORM = "application/x-www-form-urlencoded"
NDJSON = "application/x-ndjson"
# What the server, the framework and the frame around pages add to any answer.
PLUMBING = frozenset({
    "content-type", "content-length", "date", "server", "connection", "vary", "allow",
    "x-content-type-options", "x-frame-options", "referrer-policy", "cross-origin-opener-policy",
    "content-security-policy", "permissions-policy", "strict-transport-security",
    "content-language", "transfer-encoding", "consent-vault-sandbox",
})  # fmt: skip
DOORS = ("/api/", "/oauth/", "/.well-known/")


def check(
    method: str, target: str, sent: bytes, status: int, headers: Mapping[str, str], body: bytes
) -> None:
    """Fail unless the answer is one that the description knows."""
    path = urlsplit(target).path
    at = template(path)
    if at is None:
        _check_elsewhere(path, status, headers, body)
        return
    where = f"{method} {at} → {status}"
    responses, operation = _responses(method, at)
    assert str(status) in responses, f"{where} is not described: {body[:300]!r}"
    _check_headers(where, responses[str(status)], headers)
    if method != "HEAD":
        _check_body(where, responses[str(status)], headers, body)
    if status < 300:
        _check_sent(where, operation, sent)


def _responses(method: str, at: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What may be answered, and the operation; where there is none, 405, or what is said before."""
    known = described()["paths"][at]
    operation = known.get({"HEAD": "get"}.get(method, method.lower()))
    if operation is not None:
        return operation["responses"], operation
    other = next(each for name, each in known.items() if name != "parameters")
    before = {status: each for status, each in other["responses"].items() if int(status) >= 400}
    name = "OAuthMethodNotAllowed" if at.startswith("/oauth") else "MethodNotAllowed"
    return before | {"405": described()["components"]["responses"][name]}, {}


@cache
def described() -> dict[str, Any]:
    """The description; which schemas it has does not depend on any test's settings."""
    return document()


@cache
def _templates() -> list[tuple[re.Pattern[str], str]]:
    return [
        (re.compile(re.sub(r"\\{\w+\\}", "[0-9a-f-]{36}", re.escape(path))), path)
        for path in described()["paths"]
    ]


def template(path: str) -> str | None:
    """The described path that an address belongs to."""
    return next((at for form, at in _templates() if form.fullmatch(path)), None)


def _check_elsewhere(path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    if status == 404 and path.startswith(DOORS[::2]) and _is_nowhere(path):
        response = described()["components"]["responses"]["NotFound"]
        _check_body(f"{path} → 404", response, headers, body)


def _is_nowhere(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return True
    return False


def _check_headers(where: str, response: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    said = {name.lower(): value for name, value in headers.items()}
    known = {name.lower(): part for name, part in response.get("headers", {}).items()}
    unknown = said.keys() - known.keys() - PLUMBING
    assert not unknown, f"{where}: header {sorted(unknown)} is not described"
    for name in known.keys() & said.keys():
        part = described()["components"]["headers"][known[name]["$ref"].rpartition("/")[2]]
        value: Any = said[name]
        if part["schema"].get("type") == "integer":
            value = int(value)
        assert validator(_key(part["schema"])).is_valid(value), f"{where}: {name}: {value}"


def _check_body(
    where: str, response: Mapping[str, Any], headers: Mapping[str, str], body: bytes
) -> None:
    contents = response.get("content", {})
    if not contents:
        assert not body, f"{where}: a body is not described"
        return
    said = {name.lower(): value for name, value in headers.items()}
    kind = said.get("content-type", "").partition(";")[0]
    assert kind in contents, f"{where}: {kind!r} is not described"
    content = contents[kind]
    if "x-line" in content:
        for line in body.splitlines():
            _fits(where, content["x-line"], json.loads(line))
    else:
        _fits(where, content["schema"], json.loads(body))


def _fits(where: str, schema: Mapping[str, Any], value: Any) -> None:
    found = validator(_key(closed(schema)))
    wrong = [f"{one.instance_path}: {one.message}" for one in found.iter_errors(value)]
    assert not wrong, f"{where}: {wrong}"


def _check_sent(where: str, operation: Mapping[str, Any], sent: bytes) -> None:
    """A body that was taken must be one that the description allows."""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        if kind == "application/json":
            values = [json.loads(sent)] if sent or operation["requestBody"]["required"] else []
        elif kind == FORM:
            values = [dict(parse_qsl(sent.decode(), keep_blank_values=True))]
        else:
            continue
        for value in values:
            assert validator(_key(content["schema"])).is_valid(value), f"{where}: sent {value}"


def _key(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, sort_keys=True)


@cache
def validator(schema: str) -> Any:
    """A validator of a schema whose references lead into the description."""
    return jsonschema_rs.Draft202012Validator(
        json.loads(schema) | {"components": _shut()}, validate_formats=True
    )


@cache
def _shut() -> dict[str, Any]:
    """The description's schemas, which here allow no member that they do not name."""
    return {"schemas": closed(described()["components"]["schemas"])}


def closed(schema: Any) -> Any:
    """A schema that forbids what it does not name, unless it says that there may be more."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: closed(part) for name, part in schema.items()}
    if "properties" in found and found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found


Generic = Callable[..., Any]


def watched(generic: Generic) -> Generic:
    """Django's test client, looking at each answer of the partner's door."""

    @wraps(generic)
    def send(self: Client, method: str, path: str, data: Any = b"", *args: Any, **more: Any) -> Any:
        answer = generic(self, method, path, data, *args, **more)
        if str(path).startswith(DOORS) and settings.ROOT_URLCONF.startswith("config.urls"):
            raw = data if isinstance(data, bytes) else str(data).encode()
            check(method, str(path), raw, answer.status_code, answer.headers, answer.content)
        return answer

    return send


@pytest.fixture(autouse=True, scope="session")
def _watched() -> Iterator[None]:
    patched = pytest.MonkeyPatch()
    patched.setattr(Client, "generic", watched(Client.generic))
    yield
    patched.undo()
