"""The description as a page shows it: the same document, laid out for people."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from config.openapi.problems import PROBLEM
from config.problems import TYPE

Part = Mapping[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
DEEPEST = 4  # levels of members that are shown


@dataclass(frozen=True, slots=True)
class Row:
    """One member, parameter or header."""

    name: str
    kind: str
    needed: bool
    said: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent, or what comes back."""

    kind: str
    rows: list[Row]
    example: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a call that went well."""

    status: str
    said: str
    body: Body | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason not to do what was asked."""

    status: str
    codes: list[str]
    title: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one address."""

    id: str
    method: str
    path: str
    summary: str
    said: str
    signs_in: list[str]
    parameters: list[Row]
    body: Body | None
    answers: list[Answer] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


class Page:
    """The description, resolved."""

    def __init__(self, document: Part) -> None:
        """Take the whole document in the language of the page."""
        self.document = document
        self.info = document["info"]

    def groups(self) -> list[dict[str, Any]]:
        """Return the operations by group, in their order."""
        known = list(self._operations())
        return [
            tag | {"title": tag["x-title"], "operations": [one for at, one in known if at == name]}
            for name, tag in ((tag["name"], tag) for tag in self.document["tags"])
        ]

    def schemes(self) -> list[tuple[str, str]]:
        """Return the ways to say who one is."""
        known = self.document["components"]["securitySchemes"]
        return [(name, scheme["description"]) for name, scheme in known.items()]

    def _operations(self) -> Iterator[tuple[str, Operation]]:
        for path, known in self.document["paths"].items():
            for method in METHODS:
                if method in known:
                    said = known[method]
                    yield said["tags"][0], self._operation(path, method, known, said)

    def _operation(self, path: str, method: str, known: Part, said: Part) -> Operation:
        given = [*known.get("parameters", []), *said["parameters"]]
        good = {status: part for status, part in said["responses"].items() if status < "300"}
        return Operation(
            id=said["operationId"],
            method=method.upper(),
            path=path,
            summary=said["summary"],
            said=said["description"],
            signs_in=[name for each in said["security"] for name in each],
            parameters=[self._parameter(self.resolved(each)) for each in given],
            body=self._body(said.get("requestBody", {})),
            answers=[
                Answer(status, part["description"], self._body(part))
                for status, part in good.items()
            ],
            refusals=list(self._refusals(said["responses"])),
        )

    def _parameter(self, part: Part) -> Row:
        where = _("header") if part["in"] == "header" else _("in the address")
        needed = part.get("required", False)
        return Row(part["name"], where, needed, part.get("description", ""))

    def _body(self, part: Part) -> Body | None:
        for kind, content in part.get("content", {}).items():
            schema = content.get("x-line", content["schema"])
            return Body(kind, list(self._rows(schema)), _written(content.get("example")))
        return None

    def _rows(self, schema: Part, depth: int = 0) -> Iterator[Row]:
        for name, part, needed in self._members(self.resolved(schema)):
            whole = self.resolved(part)
            inner = whole.get("items", whole)
            yield Row(name, self._kind(whole), needed, whole.get("description", ""), depth)
            if depth + 1 < DEEPEST:
                yield from self._rows(inner, depth + 1)

    def _members(self, schema: Part) -> Iterator[tuple[str, Part, bool]]:
        """Yield an object's members; of alternatives all, needed where every one needs them."""
        either = [self.resolved(each) for each in schema.get("oneOf", [])]
        shapes = [each for each in either if "properties" in each] or [schema]
        seen: dict[str, Part] = {}
        for each in shapes:
            seen = {**each.get("properties", {}), **seen}
        for name, part in seen.items():
            yield name, part, all(name in each.get("required", []) for each in shapes)

    def _kind(self, schema: Part) -> str:
        if "const" in schema:
            return _literal(schema["const"])
        if "enum" in schema:
            return " | ".join(_literal(each) for each in schema["enum"])
        if "items" in schema:
            inner = self.resolved(schema["items"])
            return _("list of %(kind)s") % {"kind": self._kind(inner)}
        kind = schema.get("format") or schema.get("type", "object")
        return " | ".join(kind) if isinstance(kind, list) else str(kind)

    def _refusals(self, responses: Part) -> Iterator[Refusal]:
        for status, part in responses.items():
            content = part.get("content", {})
            if status < "400":
                continue
            if PROBLEM not in content:
                error = content["application/json"]["schema"]["properties"]["error"]
                yield Refusal(status, list(error["enum"]), part["description"])
                continue
            schema = content[PROBLEM]["schema"]
            for each in schema.get("oneOf", [schema]):
                yield _refusal(status, self.resolved(each))

    def resolved(self, part: Part) -> Part:
        """Return what a reference stands for."""
        if "$ref" not in part:
            return part
        found: Any = self.document
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return self.resolved(found)


def _refusal(status: str, schema: Part) -> Refusal:
    kind, title = schema["properties"]["type"], schema["properties"]["title"]["examples"][0]
    types = [kind["const"]] if "const" in kind else kind["enum"]
    return Refusal(status, [each.removeprefix(TYPE) for each in types], title)


def _literal(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _written(example: object) -> str:
    if example is None or isinstance(example, str):
        return example or ""
    return json.dumps(example, ensure_ascii=False, indent=2)
