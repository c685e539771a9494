"""The text that an owner agrees to: pure, so that its bytes can be pinned and shown again (section 4)."""

import hashlib

from consent.choices import Choices, kept_items
from consent.models import AccessRequest, NoticePin
from consent.notices import kr
from vault import categories

__all__ = ["digest", "pin", "render", "required_ticks"]

LAYOUT = "consent-page-1"


def render(request: AccessRequest, choices: Choices, language: str) -> bytes:
    """Return the notice for these choices: an HTML fragment, UTF-8, LF, NFC.

    A function of its arguments and of nothing else: no clock, no session, no active language.
    Raises `ChoicesInvalid`.
    """
    return kr.render(request, choices, _short(language))


def digest(notice: bytes) -> str:
    """Return the SHA-256 of a notice in hex: its name."""
    return hashlib.sha256(notice).hexdigest()


def pin(notice: bytes, language: str) -> NoticePin:
    """Keep the bytes of a notice that somebody agreed to, once."""
    pinned, _ = NoticePin.objects.get_or_create(
        digest=digest(notice),
        defaults={
            "body": notice,
            "language": _short(language),
            "template_version": kr.version(),
            "layout": LAYOUT,
        },
    )
    return pinned


def required_ticks(request: AccessRequest, choices: Choices) -> frozenset[str]:
    """Return the consents that each need a tick of their own (11.2). Never one for all."""
    classes = {
        class_
        for kept in kept_items(request, choices)
        for class_ in categories.get(kept.asked.category).classes
    }
    ticks = {"provision"} | (classes & {"sensitive", "unique_id", "location"})
    if request.overseas:
        ticks.add("overseas")
    if request.marketing:
        ticks.add("marketing")
    return frozenset(ticks)


def _short(language: str) -> str:
    return "ko" if language.startswith("ko") else "en"
