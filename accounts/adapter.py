"""How allauth meets our accounts: every sign-in, failed sign-in and sign-out is an entry."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest, HttpResponse

from accounts import entries, languages
from accounts.models import User
from audit.types import EntryType


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's defaults, with the log told and the person's language kept."""

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        """Note the sign-in and show the pages in the language that this person chose."""
        entries.append(user, EntryType.LOGIN_SUCCEEDED)
        response: HttpResponse = super().post_login(request, user, **kwargs)
        languages.remember(response, user.language)
        return response

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Note a failed sign-in of an account that exists; guesses at others are nobody's matter."""
        super().authentication_failed(request, **credentials)
        user = User.objects.filter(email=str(credentials.get("email", "")).lower()).first()
        if user is not None:
            entries.append(user, EntryType.LOGIN_FAILED, outcome="failed")

    def logout(self, request: HttpRequest) -> None:
        """Note the end of a session."""
        if isinstance(request.user, User):
            entries.append(request.user, EntryType.LOGIN_ENDED)
        super().logout(request)
