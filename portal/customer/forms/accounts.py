"""How a customer's account begins: the operator's notice, a tick of one's own, a pod."""

from typing import Any

from allauth.account.forms import SignupForm
from django import forms
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts import entries
from accounts.models import User
from audit import log
from audit.types import EntryType
from portal.common import signup_notice
from portal.common.signup_notice import Notice
from vault import pods


class SignUp(SignupForm):  # type: ignore[misc]
    """allauth's form with two statements of the person's own, neither ticked beforehand."""

    notice = forms.BooleanField(
        label=_(
            "I consent to the collection and use of my personal information as shown above. (required)"
        ),
        error_messages={"required": _("Without this consent we cannot make an account for you.")},
    )
    of_age = forms.BooleanField(
        label=_("I am 14 years old or older."),
        error_messages={
            "required": _("Under 14, a parent or guardian opens the account together with you.")
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shown = signup_notice.current(get_language() or "ko")
        self.order_fields(["email", "password1", "password2", "of_age", "notice"])

    @property
    def secrets(self) -> list[forms.BoundField]:
        """Return the fields above the notice."""
        return [self[name] for name in ("email", "password1", "password2") if name in self.fields]

    def save(self, request: HttpRequest) -> User:
        """Make account and pod, and note which notice was agreed to: all three or none."""
        with transaction.atomic():
            user: User = super().save(request)
            user.language = self.shown.language
            user.save(update_fields=["language"])
            pods.create(user)
            _note(user, self.shown)
        return user


def _note(user: User, notice: Notice) -> None:
    log.append(
        log.Draft(
            type=EntryType.ACCOUNT_MADE,
            role="owner",
            account=user.ref,
            notice=notice.digest,
            person=user.ref,
            audit_key=entries.audit_key_of(user),
            detail={"notice_version": notice.version, "language": notice.language},
        )
    )
