"""Makes an operator: an account for running the house, without a pod and without a view of one."""

import getpass
import os
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.db import transaction

from accounts import entries, proofs
from accounts.models import User
from audit.types import EntryType


class Command(BaseCommand):
    help = "Make an operator. The password is asked for, or read from OPERATOR_PASSWORD."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the address."""
        parser.add_argument("email")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make the account, with a password that meets the rules for everybody."""
        email = options["email"].strip().lower()
        user = User(email=email, is_staff=True)
        try:
            validate_email(email)
            if User.objects.filter(email=email).exists():
                raise CommandError("There is an account with this address already.")
            password = _password()
            validate_password(password, user)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        _make(user, password)
        self.stdout.write(f"Operator {email} can sign in now.")


@transaction.atomic
def _make(user: User, password: str) -> None:
    user.set_password(password)
    user.save()
    # Whoever can run commands here needs no mail to prove an address.
    proofs.make_verified(user)
    entries.append(user, EntryType.ACCOUNT_MADE)
    entries.append(user, EntryType.ROLE_GIVEN)


def _password() -> str:
    given = os.environ.get("OPERATOR_PASSWORD")
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise CommandError("Set OPERATOR_PASSWORD, or run this in a terminal.")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("The same again: "):
        raise CommandError("The two passwords differ.")
    return first
