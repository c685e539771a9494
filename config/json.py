"""JSON at the HTTP edge: strict in, fast out."""

from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.utils.functional import Promise
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from vault import strictjson

OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
UTF8 = frozenset({"utf-8", "utf8"})


class Parser(BaseParser):
    """Reads a request's body as `vault/strictjson.py` does."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002 - DRF passes it
    ) -> Any:
        """Return the body's value.

        Raises `MalformedJSON`, or `TooLarge` after reading no more than the limit; and
        `UnsupportedMediaType` where another encoding than UTF-8 is declared.
        """
        charset = _charset(media_type or "")
        if charset not in UTF8:
            raise UnsupportedMediaType(charset)
        return strictjson.loads(stream.read(strictjson.RECORD.size + 1))


class Renderer(BaseRenderer):
    """Writes an answer with orjson: moments as UTC with Z, UUIDs and translated text as text."""

    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,  # noqa: ARG002 - DRF passes it
        renderer_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> bytes:
        """Return `data` as JSON; no data is an empty body."""
        return b"" if data is None else orjson.dumps(data, default=_as_text, option=OPTIONS)


def _as_text(value: object) -> object:
    if isinstance(value, Promise):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError


def _charset(media_type: str) -> str:
    for part in media_type.split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return "utf-8"
