"""How a customer's account begins: the operator's notice, a tick of one's own, a pod."""

from contextlib import suppress
from typing import Any
from uuid import uuid4

from allauth.account.forms import (
    AddEmailForm,
    ConfirmEmailVerificationCodeForm,
    ResetPasswordForm,
    SignupForm,
    default_token_generator,
)
from allauth.account.models import EmailAddress
from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts import backends, entries, proofs
from accounts.models import User
from audit import log
from audit.types import EntryType
from portal.common import signup_notice
from portal.common.signup_notice import Notice
from vault import pods, resident_numbers
from vault.exceptions import RRNFound


class _Address:
    """What forms that take an address share: it is stored, and no 주민등록번호 is."""

    def clean_email(self) -> str:
        """Return the address if it holds none."""
        if resident_numbers.spans(self.cleaned_data["email"]):  # type: ignore[attr-defined]
            raise forms.ValidationError(RRNFound.sentence)
        address: str = super().clean_email()  # type: ignore[misc]
        return address


class SignUp(_Address, SignupForm):  # type: ignore[misc]
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

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        """Make the account; for an address that has one do the same work, and keep none of it."""
        if self.account_already_exists:
            _look_for(self._rehearse(request))
        saved: tuple[User | None, HttpResponse | None] = super().try_save(request)
        return saved

    def save(self, request: HttpRequest) -> User:
        """Make account and pod, and note which notice was agreed to: all three or none."""
        with transaction.atomic():
            return self._made(request)

    def _made(self, request: HttpRequest) -> User:
        user: User = super().save(request)
        user.language = self.shown.language
        user.save(update_fields=["language"])
        pods.create(user)
        _note(user, self.shown)
        return user

    def _rehearse(self, request: HttpRequest) -> User:
        """Make an account for a made-up address: nobody learns who is a customer from the time."""
        address = self.cleaned_data["email"]
        self.account_already_exists = False
        self.cleaned_data["email"] = f"{uuid4().hex}@example.invalid"
        try:
            with transaction.atomic():
                made = self._made(request)
                transaction.set_rollback(True)
        finally:
            self.account_already_exists = True
            self.cleaned_data["email"] = address
        return made


class AddEmail(_Address, AddEmailForm):  # type: ignore[misc]
    """allauth's form, by which an address is changed."""


def _look_for(user: User) -> None:
    """Look where allauth looks before it asks a new person for the code in the mail."""
    theirs = EmailAddress.objects.filter(user=user)
    theirs.filter(verified=True).exists()
    theirs.order_by("-primary", "-verified").first()
    with suppress(User.DoesNotExist):
        User.objects.get(pk=user.pk)
    with suppress(EmailAddress.DoesNotExist):
        EmailAddress.objects.get(email=user.email, user=user)


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


class CodeFromMail(ConfirmEmailVerificationCodeForm):  # type: ignore[misc]
    """allauth's form; for an address that is verified already the code proves it for a year more.

    allauth does nothing more with such a code, so nothing else would say that it came.
    """

    def clean_code(self) -> str:
        """Return the code that the mail brought."""
        code: str = super().clean_code()
        known = EmailAddress.objects.filter(user=self.user, email=self.email, verified=True)
        for address in known if self.user else ():
            proofs.note(address)
        return code


class ResetPassword(ResetPasswordForm):  # type: ignore[misc]
    """allauth's form; an address without an account costs what one with an account costs."""

    def clean_email(self) -> str:
        """Look for the account as a sign-in does."""
        address = str(self.cleaned_data["email"]).lower()
        self.users = backends.users_of(address, is_active=True)
        return address

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        """Send the mail, which says that there is no account where there is none."""
        if not self.users:
            nobody = User()
            EmailAddress.objects.filter(email=self.cleaned_data["email"], user=nobody.pk).exists()
            default_token_generator.make_token(nobody)
        saved: str = super().save(request, **kwargs)
        return saved
