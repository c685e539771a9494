"""Reads GPX 1.0 and 1.1: tracks and routes, workouts (tracks with a heart rate), places.

Parsed by expat behind defusedxml: a document type or an entity refuses the whole file. The tree is
read as it comes, so each finding has its line and a file that breaks off keeps what came before.
A point that cannot be read is reported and left out of its track.
"""

import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser
from django.utils.translation import gettext as _

from vault.exceptions import FileRefused
from vault.importers import paths, texts
from vault.importers.findings import Bad, Finding

_CHUNK = 64 * 1024
_DEEPEST = 64
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_POINTS = frozenset({"trkpt", "rtept"})
_PATHS = frozenset({"trk", "rte"})
_KEPT = frozenset({"name", "desc", "cmt", "type", "ele", "time", "hr", "heartrate", "src"})


def read(data: bytes) -> Iterator[Finding]:
    """Yield what a GPX file holds.

    Raises `FileRefused` where it is no GPX, or holds what could hurt.
    """
    reader = _Reader()
    parser = DefusedXMLParser(target=reader, forbid_dtd=True)
    reader.expat = parser.parser
    text = _utf8(data)
    try:
        for start in range(0, len(text), _CHUNK):
            parser.feed(text[start : start + _CHUNK])
            yield from reader.take()
        parser.close()
    except DefusedXmlException:
        raise FileRefused(_("has a document type or entities"), reader.line) from None
    except ParseError as error:
        if not reader.is_gpx:
            raise FileRefused(_("is not GPX"), error.position[0]) from None
        yield from reader.take()
        yield Bad(error.position[0], _("is not well-formed from here on"))
    if not reader.is_gpx:
        raise FileRefused(_("is not GPX"))
    yield from reader.take()


def _utf8(data: bytes) -> bytes:
    """Return the document in UTF-8 without a declaration, for a parser that knows few encodings."""
    declared = _DECLARED.match(data)
    encoding = declared[1].decode() if declared else "utf-8"
    text = texts.decode(data, encoding)
    match = _DECLARATION.match(text)
    if match is None:
        return text.encode()
    # The lines stay where they were.
    return ("\n" * match[0].count("\n") + text[match.end() :]).encode()


class _Reader:
    """The parser's target: turns events into findings and keeps nothing that it does not need."""

    def __init__(self) -> None:
        self.expat: Any = None
        self.is_gpx = False
        self._found: list[Finding] = []
        self._open: list[str] = []
        self._text: list[str] = []
        self._path: paths.Path | None = None
        self._point: paths.RawPoint | None = None

    @property
    def line(self) -> int:
        return int(self.expat.CurrentLineNumber)

    def take(self) -> list[Finding]:
        """Return what was found since the last time."""
        found, self._found = self._found, []
        return found

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition("}")[2].lower()
        if not self._open:
            self.is_gpx = name == "gpx"
            if not self.is_gpx:
                raise FileRefused(_("is not GPX"), self.line)
        self._open.append(name)
        if len(self._open) > _DEEPEST:
            raise FileRefused(_("is nested too deeply"), self.line)
        self._text = []
        if name in _PATHS:
            self._path = paths.Path(self.line)
        elif name == "trkseg" and self._path is not None:
            self._path.break_here()
        elif name in _POINTS or name == "wpt":
            self._point = paths.RawPoint(self.line, attributes.get("lat"), attributes.get("lon"))

    def data(self, text: str) -> None:
        if self._open and self._open[-1] in _KEPT:
            self._text.append(text)

    def end(self, _tag: str) -> None:
        name = self._open.pop()
        text = "".join(self._text).strip()
        self._text = []
        if name in _KEPT and text:
            self._keep(name, text)
        elif name in _POINTS and self._point is not None and self._path is not None:
            self._found += self._path.add(self._point)
            self._point = None
        elif name == "wpt" and self._point is not None:
            self._found.append(paths.place(self._point))
            self._point = None
        elif name in _PATHS and self._path is not None:
            self._found += self._path.findings()
            self._path = None

    def close(self) -> None:
        """Nothing is left to do at the end."""

    def _keep(self, name: str, text: str) -> None:
        """Keep a text for the innermost point or path that is open."""
        if self._point is not None:
            self._point.texts.setdefault("hr" if name == "heartrate" else name, text)
        elif self._path is not None:
            self._path.texts.setdefault(name, text)
