"""Characters as the finder sees them: digits, dashes, blanks and brackets of all kinds as ASCII."""

import unicodedata

_DASHES = "-‐‑‒–—―−─ー﹘﹣－ｰ~〜～_"
_MIDDLE_DOTS = "·\u0387‧∙⋅・ㆍ･"  # between the halves they are what a dash is
_INVISIBLE = "\u115f\u1160\u3164\uffa0"  # letters by their kind, which show nothing
_COVERS = "*#※•"  # stand where digits were: a covered number is none
_FULL_WIDTH = range(0xFF01, 0xFF5F)  # ASCII in the width of a syllable, in the same order
_HEXAGRAMS = range(0x4DC0, 0x4E00)  # in the midst of the ideographs, which the glance passes


def of(text: str) -> str:
    """Return the text in these characters; what shows nothing is left out."""
    # Line breaks and other controls are ASCII too, but no plain blanks.
    return text if text.isascii() and text.isprintable() else text.translate(PLAIN)


class _Plain(dict[int, str | None]):
    def __missing__(self, code: int) -> str | None:
        self[code] = plain = _plain(chr(code))
        return plain


def _plain(char: str) -> str | None:
    digit = unicodedata.decimal(char, None)
    if digit is not None:
        return str(digit)
    if char in _DASHES or char in _MIDDLE_DOTS:
        return "-"
    if ord(char) in _FULL_WIDTH:
        # The glance takes a plain quotation mark for the end of a text.
        char = "'" if char == "＂" else chr(ord(char) - 0xFF01 + 0x21)
    if char.isspace():
        return " "
    kind = unicodedata.category(char)
    if kind in ("Cc", "Cf", "Co", "Cs", "Mn") or char in _INVISIBLE:
        return None
    if char.isascii() or char in _COVERS or ord(char) in _HEXAGRAMS:
        return char
    return _PUNCTUATION.get(kind, char) if char != "、" else ","


_PUNCTUATION = {
    "Ps": "(",
    "Pe": ")",
    "Pc": "/",
    "Pd": "-",
    "Pi": "/",
    "Pf": "/",
    "Po": "/",
    "Sm": "/",
}
PLAIN = _Plain()
