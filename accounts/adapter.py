"""How allauth meets our accounts: every sign-in, failed sign-in and sign-out is an entry."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from accounts import entries, languages
from accounts.models import User
from audit.types import EntryType

# Reserved for examples (RFC 2606): no mail of anybody's ends so.
FICTION = ".example"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's defaults, with the log told and the person's language kept."""

    def clean_email(self, email: str) -> str:
        """Return an address that an account may have; nobody real has one in a sandbox."""
        if settings.SANDBOX and not email.lower().endswith(FICTION):
            raise ValidationError(_("In a sandbox addresses end in .example; put nothing real in."))
        cleaned: str = super().clean_email(email)
        return cleaned

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        """Note the sign-in and show the pages in the language that this person chose."""
        entries.append(user, EntryType.LOGIN_SUCCEEDED)
        response: HttpResponse = super().post_login(request, user, **kwargs)
        languages.remember(response, user.language)
        return response

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Note a failed sign-in; a guess at an account that is not there must not be told apart."""
        super().authentication_failed(request, **credentials)
        user = User.objects.filter(email=str(credentials.get("email", "")).lower()).first()
        entries.sign_in_failed(user)

    def logout(self, request: HttpRequest) -> None:
        """Note the end of a session."""
        if isinstance(request.user, User):
            entries.append(request.user, EntryType.LOGIN_ENDED)
        super().logout(request)
