"""Which language a program is answered in."""

from django.http import HttpRequest
from django.utils.translation.trans_real import parse_accept_lang_header

DEFAULT = "en"
SPOKEN = frozenset({"en", "ko"})


def asked_for(request: HttpRequest) -> str:
    """Return "ko" where Accept-Language prefers it, else "en", whatever the pages' language is."""
    header = request.META.get("HTTP_ACCEPT_LANGUAGE")
    if not header:
        return DEFAULT
    for tag, weight in parse_accept_lang_header(header):
        language = tag.partition("-")[0]
        if weight > 0 and language in SPOKEN:
            return language
    return DEFAULT
