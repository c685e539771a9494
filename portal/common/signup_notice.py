"""The operator's own notice at sign-up: the four items of PIPA Art. 15②, versioned and hashed.

The vault itself collects (consent.md 11.7). What was shown is pinned by its hash in the log,
so the bytes are a pure function of version, language and operator.
"""

import hashlib
import unicodedata
from dataclasses import dataclass

from django.conf import settings
from django.template.loader import render_to_string

# Raise it with every change of the wording below templates/portal/notices/.
VERSION = "2026-11-21"


@dataclass(frozen=True, slots=True)
class Notice:
    """The bytes that a person saw before signing up, and their SHA-256 in hex."""

    version: str
    language: str
    body: bytes
    digest: str

    @property
    def html(self) -> str:
        """Return the fragment for a page."""
        return self.body.decode()


def current(language: str) -> Notice:
    """Return the notice in force, in `language` ("ko" or "en")."""
    language = "ko" if language.startswith("ko") else "en"
    text = render_to_string(
        f"portal/notices/signup_{language}.html",
        {
            "version": VERSION,
            "operator_ko": settings.OPERATOR_NAME_KO,
            "operator_en": settings.OPERATOR_NAME_EN,
        },
    )
    body = unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip().encode()
    return Notice(VERSION, language, body, hashlib.sha256(body).hexdigest())
