"""Who sits at the terminal: an operator, by address and password, where a command needs a person."""

import getpass
import os
import sys

from django.core.management.base import CommandError, CommandParser

from accounts.models import User
from consent.actors import Actor


def add_argument(parser: CommandParser) -> None:
    """Take the operator's address."""
    parser.add_argument("--operator", required=True, help="your own operator account's address")


def sign_in(email: str) -> Actor:
    """Return the operator whose password is typed, or stands in OPERATOR_PASSWORD.

    Raises `CommandError`, with the same words whatever is wrong.
    """
    user = User.objects.filter(email=email.strip().lower(), is_staff=True, is_active=True).first()
    password = os.environ.get("OPERATOR_PASSWORD")
    if password is None:
        if not sys.stdin.isatty():
            raise CommandError("Set OPERATOR_PASSWORD, or run this in a terminal.")
        password = getpass.getpass("Password: ")
    if user is None or not user.check_password(password):
        raise CommandError("There is no operator with this address and password.")
    return Actor.operator(user)
