"""Finds accounts by address so that the time tells nobody whether there is one.

allauth asks once for an address that is verified and twice for one that is not there; here it is
three times for everybody, and an address that somebody has verified is still that person's alone.
"""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.internal.userkit import filter_users_by_email
from allauth.account.models import EmailAddress
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accounts.models import User


def users_of(email: str, *, is_active: bool | None = None) -> list[User]:
    """Return who may be meant by an address: whoever has verified it, else whoever states it."""
    stated: list[User] = filter_users_by_email(email, is_active=is_active, for_login=True)
    proven = EmailAddress.objects.filter(email=email.lower(), verified=True)
    owners = set(proven.values_list("user_id", flat=True))
    return [user for user in stated if user.pk in owners] or stated


class Backend(AuthenticationBackend):  # type: ignore[misc]
    """allauth's backend; a password for no account is hashed all the same."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> User | None:
        """Return who signs in. Raises `PermissionDenied`: no other backend is asked afterwards."""
        user: User | None = super().authenticate(request, **credentials)
        if user is None and credentials.get("password"):
            raise PermissionDenied
        return user

    def _authenticate_by_email(self, email: str, password: str) -> User | None:
        known = users_of(email) if email else []
        return next((user for user in known if self._check_password(user, password)), None)
