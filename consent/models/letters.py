"""What owners are told: the outbox of letters, and how each owner likes to get them."""

import uuid
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from consent.models.grants import Grant
from consent.models.partners import Partner


class LetterQuerySet(models.QuerySet["Letter"]):
    """Sets of letters."""

    def unsettled(self) -> Self:
        """Return those that were neither sent nor given up."""
        return self.filter(sent_at=None, dropped_at=None)

    def due(self, now: datetime | None = None) -> Self:
        """Return those to send now: not settled, their time come, nobody's lease running."""
        now = now or timezone.now()
        return self.unsettled().filter(
            Q(leased_until=None) | Q(leased_until__lte=now), due_at__lte=now
        )


class Letter(models.Model):
    """One thing that an owner is told. What is due of one kind goes out in one message.

    No text stands here, and no value: a worker writes the letter when it sends it.
    """

    class Kind(models.TextChoices):
        ASKED = "asked"  # somebody asks for something
        WITHDRAWN = "withdrawn"  # the owner's own end, as a proof
        ENDED = "ended"  # by somebody else, or by the clock
        CONFIRMED = "confirmed"  # a brand has said, signed, what became of the copies
        OVERDUE = "overdue"  # a brand has not
        SUSPENDED = "suspended"
        REINSTATED = "reinstated"
        PROVIDED = "provided"  # location went to a brand (위치정보법 제19조)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Null for nobody: asking for a stranger must cost what asking for a customer costs.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="letters"
    )
    kind = models.CharField(max_length=12, choices=Kind)
    grant = models.ForeignKey(Grant, models.CASCADE, null=True, related_name="+")
    partner = models.ForeignKey(Partner, models.CASCADE, null=True, related_name="+")
    count = models.PositiveIntegerField(default=1)  # of what is told together
    happened_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    dropped_at = models.DateTimeField(null=True)  # nobody to send it to, or never taken

    objects = LetterQuerySet.as_manager()

    class Meta:
        db_table = "consent_letter"
        indexes = (
            models.Index(
                fields=("due_at",),
                condition=Q(sent_at=None, dropped_at=None),
                name="letter_due",
            ),
            models.Index(fields=("owner", "kind"), name="letter_of_owner"),
            models.Index(fields=("lease_token",), name="letter_leased"),
        )

    def __str__(self) -> str:
        return f"{self.kind} letter {self.id.hex[:8]}"


class LetterWish(models.Model):
    """How one owner likes to be told. No row: everything, at once."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="letter_wish"
    )
    # Location provisions gathered every 30 days from here on ("모아서 받기", 11.5); null: at once.
    gathered_since = models.DateTimeField(null=True)
    # No proof of the owner's own ends; they stand in the activity all the same.
    own_ends_unwanted_since = models.DateTimeField(null=True)

    class Meta:
        db_table = "consent_letterwish"

    def __str__(self) -> str:
        return f"wish of {self.owner_id}"
