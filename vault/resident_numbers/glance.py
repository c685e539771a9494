"""A glance at a value in its one form of JSON: nearly every record holds no such number at all.

Bulk contributions bring thousands of records a second; searching each would be most of the work.
"""

import re

from vault.resident_numbers.plain import PLAIN
from vault.resident_numbers.writing import DIGITS


def may_hold(data: bytes) -> bool:
    """Whether a value in its one form of JSON (`strictjson.dumps`) may hold any such number.

    A glance without a parser: wrong is only the yes. It looks for thirteen digits with nothing
    but separators between them, and for whole numbers of ten digits or more, which may have
    lost leading zeros.
    """
    if b"\\" in data:  # a line break for example, whose letter would part digits
        data = _ESCAPED.sub(b" ", data)
    if not data.isascii() and not _is_hangul(data):
        data = _plain(data)
    shape = data.translate(_SHAPE, _SEPARATORS)
    if _MANY_DIGITS not in shape:  # as in nearly every record
        return data[:1].isdigit()
    return b"0" * DIGITS in shape or _WHOLE.search(data) is not None or data[:1].isdigit()


def _is_hangul(data: bytes) -> bool:
    """Whether all UTF-8 characters beyond ASCII are Hangul syllables or unified ideographs."""
    kinds = data.translate(_KINDS, _ASCII)  # what is left stands as it did, character by character
    return not any(other in kinds for other in _NOT_HANGUL)


def _plain(data: bytes) -> bytes:
    text = data.decode()
    if all(char < "\x80" or PLAIN[ord(char)] == char for char in set(text)):
        return data
    return text.translate(PLAIN).encode()


def _kind(byte: int) -> str:
    """Return the part that a byte of UTF-8 plays; U+AC00 to U+D77F and U+4000 to U+9FFF pass."""
    if byte == 0xEA:
        return "E"  # U+A000 and on: syllables begin at EA B0
    if byte == 0xED:
        return "F"  # U+D000 and on: syllables end at ED 9E
    if 0x80 <= byte < 0xC0:
        return "a" if byte < 0x9E else "b" if byte >= 0xB0 else "c"
    return "x" if byte < 0x80 or 0xE4 <= byte <= 0xEC else "?"


_NOT_HANGUL = (b"?", b"Ea", b"Ec", b"Fb", b"Fc")
_KINDS = "".join(map(_kind, range(256))).encode()
_ASCII = bytes(range(128))
_ESCAPED = re.compile(rb"\\(?:u[0-9a-f]{4}|.)")
# Colons and commas too: a number in a text may have them. Not the quotes, which are where texts
# begin and end: those within a text are escaped.
_SEPARATORS = bytes(byte for byte in range(128) if not chr(byte).isalnum() and byte not in b'*#"')
_SHAPE = bytes(ord("0" if byte in b"0123456789" else "x") for byte in range(256))
_MANY_DIGITS = b"0" * 10
# Behind a name or in a list. A negative one has thirteen digits only if it shows them.
_WHOLE = re.compile(rb"[:,\[][0-9]{10}")
