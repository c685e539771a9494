"""The description of the door is whole, well formed, and true to the map of routes."""

import json
import re
from typing import Any

import pytest
import schemathesis
from django.test import Client as Browser

from config.openapi.document import document, path
from tests import described
from tests.door.test_routes import ALLOWED

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (at, method, known[method])
        for at, known in document()["paths"].items()
        for method in METHODS
        if method in known
    ]


@pytest.mark.rule("OpenAPI 3.1 that is true", "issue 4, 10")
def test_every_method_on_every_route_is_an_operation_and_nothing_else_is() -> None:
    real = {(path(route), method.lower()) for route, them in ALLOWED.items() for method in them}
    assert {(at, method) for at, method, _ in operations()} == {
        (at, method) for at, method in real if method != "head"
    }


def test_the_description_fits_the_meta_schema_in_both_languages() -> None:
    for language in ("en", "ko"):
        schemathesis.openapi.from_dict(document(language)).validate()


def test_operations_have_names_of_their_own_and_say_what_they_do() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][A-Za-z]+", name) for name in names)
    assert all(each["summary"] and each["description"] for _, _, each in operations())


def test_no_json_body_may_hold_what_is_not_named() -> None:
    for _, _, operation in operations():
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            if kind == "application/json":
                name = content["schema"]["$ref"].rpartition("/")[2]
                if name == "ClientMetadata":
                    continue  # what is not known must be passed over (RFC 7591, 2)
                assert document()["components"]["schemas"][name]["additionalProperties"] is False


def test_every_reference_leads_somewhere_and_every_part_is_used() -> None:
    whole = document()
    text = described._key(whole)
    used = set(re.findall(r'"\$ref": "#/components/(\w+)/([^"]+)"', text))
    parts = whole["components"]
    assert all(name in parts[kind] for kind, name in used)
    kinds = ("schemas", "parameters", "headers")
    assert {(kind, name) for kind in kinds for name in parts[kind]} <= used


def test_it_speaks_the_language_that_is_asked_for() -> None:
    english, korean = document("en"), document("ko")
    for at, method, operation in operations():
        other = korean["paths"][at][method]
        assert re.search("[가-힣]", other["summary"]), operation["operationId"]
        assert re.search("[가-힣]", other["description"]), operation["operationId"]
    assert english["paths"].keys() == korean["paths"].keys()


def test_anybody_may_fetch_it(client: Browser) -> None:
    answer = client.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    assert answer.json() == document()
    assert answer["Cache-Control"] == "public, max-age=300"


@pytest.mark.rule("tests validate every response against it", "issue 4, 10")
@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (418, {}, b"{}"),
        (200, {"Content-Type": "text/html"}, b"{}"),
        (200, {"Content-Type": "application/json", "X-New": "1"}, b'{"obligations": []}'),
        (200, {"Content-Type": "application/json"}, b'{"obligations": [], "more": 1}'),
        (200, {"Content-Type": "application/json"}, b'{"obligations": [{}]}'),
        (404, {"Content-Type": "application/problem+json"}, b'{"type": "about:blank"}'),
    ],
)
def test_what_is_not_described_fails(status: int, headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(AssertionError):
        described.check("GET", "/api/v1/obligations", b"", status, headers, body)


def fits(schema: dict[str, Any], value: Any) -> bool:
    return bool(described.validator(described._key(schema)).is_valid(value))


def test_examples_fit_what_they_are_examples_of() -> None:
    found = 0
    for at, method, operation in operations():
        parts = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in (each for part in parts for each in part.get("content", {}).values()):
            example = content.get("example")
            found += example is not None
            if "x-line" in content and example:
                lines = [json.loads(line) for line in example.splitlines()]
                assert all(fits(content["x-line"], line) for line in lines), (at, method)
            assert example is None or fits(content["schema"], example), (at, method)
    assert found >= 20


def test_every_operation_that_takes_or_gives_json_shows_an_example() -> None:
    """But for what every vault says of itself, which is best looked at there."""
    for at, _, operation in operations():
        if at.startswith(("/api/v1/openapi", "/.well-known")):
            continue
        parts = [operation.get("requestBody", {})]
        parts += [each for status, each in operation["responses"].items() if status < "300"]
        for part in parts:
            contents = list(part.get("content", {}).values())
            assert not contents or "example" in contents[0], at
