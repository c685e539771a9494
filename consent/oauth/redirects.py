"""Where browsers may be sent back to: registered in full, compared character by character."""

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from django.conf import settings

from consent.oauth.exceptions import RedirectInvalid

MOST = 10
LONGEST = 500
_LOOPBACK = frozenset({"127.0.0.1", "[::1]"})


def validated(uris: object) -> list[str]:
    """Return the addresses that a client may register. Raises `RedirectInvalid`.

    Only https, with a host and without fragment, user or wildcard; plain http on loopback
    only where the settings open loopback for demo and tests.
    """
    if not isinstance(uris, list) or len(uris) > MOST or len(set(map(str, uris))) != len(uris):
        raise RedirectInvalid(f"up to {MOST} different addresses are needed")
    for uri in uris:
        if not isinstance(uri, str) or not 0 < len(uri) <= LONGEST:
            raise RedirectInvalid(f"an address is a text of at most {LONGEST} characters")
        _check(uri)
    return list(uris)


def with_answer(uri: str, answer: Mapping[str, str]) -> str:
    """Return the address with the answer in its query, beside what was registered there."""
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(answer)}"


def origin(uri: str) -> str:
    """Return scheme, host and port, as a Content-Security-Policy names them."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"


def _check(uri: str) -> None:
    # Backslashes and blanks are read differently by browsers and by us.
    if not uri.isascii() or not uri.isprintable() or set(uri) & set(" \\<>\"'`{}|^*#;,"):
        raise RedirectInvalid("an address holds a character that it may not hold")
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        raise RedirectInvalid("an address is not a URL") from None
    if not parts.hostname or "@" in parts.netloc or port == 0:
        raise RedirectInvalid("an address needs a host, and no user")
    if "/../" in f"{parts.path}/" or "/./" in f"{parts.path}/":
        raise RedirectInvalid("an address has no dots for steps in its path")
    host = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc
    loopback = settings.ALLOW_LOOPBACK_ENDPOINTS and host in _LOOPBACK
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise RedirectInvalid("an address starts with https://")
