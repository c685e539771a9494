"""The language of the pages: a cookie for the browser, a preference for the account."""

from django.conf import settings
from django.http import HttpResponse

from accounts.models import User


def is_known(code: str) -> bool:
    """Say whether the pages exist in this language."""
    return code in dict(settings.LANGUAGES)


def remember(response: HttpResponse, code: str) -> None:
    """Show this browser the next pages in this language."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        code,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite="Lax",
    )


def prefer(user: User, code: str) -> None:
    """Keep the language for this person's pages and messages."""
    if user.language != code:
        user.language = code
        user.save(update_fields=["language"])
