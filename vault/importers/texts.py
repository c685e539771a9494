"""Bytes of a file to text, in an encoding that somebody named, or not at all."""

import codecs

from django.utils.translation import gettext as _

from vault.exceptions import FileRefused

# What Korean and international exports really come in. Nothing here is a compression, and none of
# them can hide markup from a check, as UTF-7 can.
ENCODINGS = frozenset(
    codecs.lookup(name).name
    for name in (
        "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "ascii", "iso8859-1",
        "iso8859-15", "cp1252", "cp949", "euc-kr", "johab", "shift_jis", "cp932", "euc-jp",
        "gb18030", "big5",
    )
)  # fmt: skip
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def known(encoding: str) -> str:
    """Return the encoding's one name. Raises `FileRefused`."""
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        name = ""
    if name not in ENCODINGS:
        raise FileRefused(_("is in an encoding that the vault does not read"))
    return name


def marked(data: bytes) -> str | None:
    """Return the encoding that a byte order mark gives away, if there is one."""
    return next((name for mark, name in _MARKS if data.startswith(mark)), None)


def decode(data: bytes, encoding: str = "utf-8") -> str:
    """Return the text; a byte order mark wins over `encoding`. Raises `FileRefused` with the line."""
    name = marked(data) or known(encoding)
    try:
        return data.decode(name)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileRefused(_("is not in the encoding %(name)s") % {"name": name}, line) from None
