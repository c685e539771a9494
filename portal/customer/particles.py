"""Korean particles: which form follows a word depends on how the word ends.

A translated sentence writes both, "%(brand)s[과/와]", and this module leaves the fitting one.
"""

import re

_PAIR = re.compile(r"(\S?)((?:</?\w+[^>]*>)*)\[(\w+)/(\w+)\]")
_FIRST, _LAST, _FINALS, _RIEUL = 0xAC00, 0xD7A3, 28, 8
# How digits and Latin letters end when they are read aloud in Korean.
_WITH_FINAL = set("013678LMNRlmnr")
_WITH_RIEUL = set("178LRlr")


def fit(sentence: str) -> str:
    """Return the sentence with each pair of particles reduced to the one that fits."""
    return _PAIR.sub(_chosen, sentence)


def _chosen(found: re.Match[str]) -> str:
    before, tags, closed, open_ = found.groups()
    has_final, is_rieul = _ending(before)
    if closed.startswith("으로"):
        has_final = has_final and not is_rieul
    return before + tags + (closed if has_final else open_)


def _ending(letter: str) -> tuple[bool, bool]:
    """Return whether a letter ends in a consonant, and whether that is ㄹ."""
    code = ord(letter) if letter else 0
    if _FIRST <= code <= _LAST:
        final = (code - _FIRST) % _FINALS
        return final != 0, final == _RIEUL
    return letter in _WITH_FINAL, letter in _WITH_RIEUL
