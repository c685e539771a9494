"""The person who signs in. Nothing about what they own or decided stands here."""

import uuid
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone


def random_reference() -> str:
    """Return a name that says nothing: 128 random bits in hex."""
    return uuid.uuid4().hex


class UserManager(BaseUserManager["User"]):
    """Makes users from an e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        """Make a user who can sign in with `email`, however it is capitalized."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user of this address, however it is capitalized."""
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who can sign in: a customer, a brand's or a regulator's staff, an operator."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # The account's own name in the log: random, so a leaf leads to nobody.
    ref = models.CharField(max_length=32, unique=True, default=random_reference, editable=False)
    email = models.EmailField(max_length=254, unique=True)  # always in lower case
    language = models.CharField(max_length=5, default="ko")
    joined_at = models.DateTimeField(default=timezone.now, editable=False)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserManager()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="user_email_is_lower_case"
            ),
        )

    def __str__(self) -> str:
        return f"user {self.ref[:8]}"


class MailProof(models.Model):
    """When its owner last showed that an address is theirs: it reaches them for a year (3.3).

    allauth keeps that it is verified, not since when.
    """

    # allauth's row. No foreign key: its app is not installed in the partner's slim process.
    address = models.BigIntegerField(primary_key=True)
    user = models.ForeignKey(User, models.CASCADE, related_name="mail_proofs")
    proved_at = models.DateTimeField()

    class Meta:
        db_table = "accounts_mailproof"

    def __str__(self) -> str:
        return f"proof of address {self.address}"
