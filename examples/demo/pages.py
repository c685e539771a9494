"""Pages as a program sees them: a small tree of the HTML, its forms, its text. Standard library only."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "wbr"}
)
UNSEEN = frozenset({"script", "style", "template", "head"})


@dataclass
class Node:
    """One element, or the root of a page."""

    tag: str
    attributes: dict[str, str]
    parent: "Node | None" = None
    children: list["Node | str"] = field(default_factory=list)

    @property
    def classes(self) -> list[str]:
        """Return the element's classes."""
        return self.attributes.get("class", "").split()

    @property
    def text(self) -> str:
        """Return what stands in it, single-spaced."""
        return " ".join("".join(self._texts()).split())

    def all(self, tag: str = "", *, class_: str = "", **attributes: str) -> list["Node"]:
        """Return the elements inside that fit, in the order of the page."""
        return [
            node
            for node in self._walk()
            if (not tag or node.tag == tag)
            and (not class_ or class_ in node.classes)
            and all(node.attributes.get(name) == value for name, value in attributes.items())
        ]

    def _walk(self) -> Iterator["Node"]:
        for child in self.children:
            if isinstance(child, Node):
                yield child
                yield from child._walk()

    def _texts(self) -> Iterator[str]:
        if self.tag in UNSEEN:
            return
        for child in self.children:
            yield child if isinstance(child, str) else "".join(child._texts()) + " "


@dataclass
class Input:
    """One thing to fill in: a field, a tick, a choice, a button."""

    name: str
    kind: str
    value: str
    label: str
    checked: bool = False
    options: list[tuple[str, str]] = field(default_factory=list)  # value, what is shown


@dataclass
class Form:
    """A form with its fields."""

    action: str
    method: str
    multipart: bool
    inputs: list[Input]

    def values(self) -> list[tuple[str, str]]:
        """Return what would be sent as the form stands, without buttons and files."""
        unsent = {"submit", "file", "button"}
        return [
            (each.name, each.value)
            for each in self.inputs
            if each.name
            and each.kind not in unsent
            and (each.checked or each.kind not in {"checkbox", "radio"})
        ]

    def labelled(self, label: str, *, prefix: str = "") -> Input:
        """Return the input with this label. Raises `LookupError` naming those that there are."""
        for each in self.inputs:
            if each.label == label and each.name.startswith(prefix):
                return each
        there = ", ".join(repr(each.label) for each in self.inputs if each.label)
        raise LookupError(f"no input is labelled {label!r}; there are {there}")


@dataclass
class Page:
    """What came back, after all redirects."""

    status: int
    url: str
    root: Node

    @property
    def main(self) -> Node:
        """Return the page's main part, or all of it."""
        found = self.root.all("main")
        return found[0] if found else self.root

    @property
    def text(self) -> str:
        """Return the visible text of the main part."""
        return self.main.text

    @property
    def heading(self) -> str:
        """Return the first heading."""
        found = self.main.all("h1")
        return found[0].text if found else ""

    def link(self, *, to: str = "", text: str = "") -> str:
        """Return the address of the first link whose address and text contain these."""
        for node in self.root.all("a"):
            href = node.attributes.get("href", "")
            if to in href and text in node.text:
                return urljoin(self.url, href)
        raise LookupError(f"no link {text!r} to {to!r} on {self.url}: {self.text[:300]}")

    def form(self, *, with_field: str = "", to: str = "") -> Form:
        """Return the first form of the main part that has such a field and goes to such a place."""
        for node in [*self.main.all("form"), *self.root.all("form")]:
            made = _form(self, node)
            names = {each.name for each in made.inputs}
            if to in made.action and (not with_field or with_field in names):
                return made
        raise LookupError(f"no such form on {self.url}: {self.text[:300]}")


def parse(html: str) -> Node:
    """Return the tree of a page."""
    builder = _Builder()
    builder.feed(html)
    return builder.root


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = self.here = Node("", {})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs}, self.here)
        self.here.children.append(node)
        if tag not in VOID:
            self.here = node

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        node = self.here
        while node.parent is not None and node.tag != tag:
            node = node.parent
        self.here = node.parent or self.root

    def handle_data(self, data: str) -> None:
        self.here.children.append(data)


def _form(page: Page, node: Node) -> Form:
    inputs = [
        _input(page, each)
        for each in node.all()
        if each.tag in {"input", "select", "textarea", "button"}
    ]
    return Form(
        urljoin(page.url, node.attributes.get("action") or page.url),
        node.attributes.get("method", "get").lower(),
        node.attributes.get("enctype") == "multipart/form-data",
        inputs,
    )


def _input(page: Page, node: Node) -> Input:
    own = node.attributes
    made = Input(
        own.get("name", ""), own.get("type", "text"), own.get("value", ""), _label(page, node)
    )
    if node.tag == "textarea":
        made.kind, made.value = "textarea", node.text
    elif node.tag == "button":
        made.kind = own.get("type", "submit")
    elif node.tag == "select":
        options = node.all("option")
        chosen = next((each for each in options if "selected" in each.attributes), None)
        made.kind = "select"
        made.options = [(each.attributes.get("value", each.text), each.text) for each in options]
        made.value = (chosen or options[0]).attributes.get("value", "") if options else ""
    elif made.kind in {"checkbox", "radio"}:
        made.checked, made.value = "checked" in own, own.get("value", "on")
    return made


def _label(page: Page, node: Node) -> str:
    """Return the words beside an input: those around it, or those that point at it."""
    around: Node | None = node
    while around is not None and around.tag != "label":
        around = around.parent
    if around is None:
        pointing = (
            page.root.all("label", **{"for": node.attributes["id"]})
            if "id" in node.attributes
            else []
        )
        around = pointing[0] if pointing else None
    if around is None:
        return node.text if node.tag == "button" else ""
    title = around.all(class_="tick__label")
    return (title[0] if title else around).text
