"""What we owe others (deliveries) and what they owe the owner (obligations) after an end."""

import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from consent.models.grants import Grant
from consent.models.partners import Partner
from consent.models.references import random_reference


class ObligationQuerySet(models.QuerySet["Obligation"]):
    """Sets of obligations."""

    def open(self) -> Self:
        """Return those that nobody has settled: not attested in full, not abandoned."""
        return self.filter(attested_at=None, abandoned_at=None)

    def overdue(self, now: datetime | None = None) -> Self:
        """Return the open ones whose day is over."""
        return self.open().filter(due_at__lte=now or timezone.now())


class Obligation(models.Model):
    """One holder of copies must destroy them and say so, signed: told → acknowledged → attested (section 8)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    ref = models.CharField(max_length=32, unique=True, default=random_reference, editable=False)
    grant = models.ForeignKey(Grant, models.PROTECT, related_name="obligations")
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="obligations")
    # The epoch of the grant that the end closed: ending an item and then the rest owes twice.
    epoch = models.PositiveIntegerField(default=0)
    # Who holds the copy: the partner itself (empty), or a processor or recipient it declared.
    holder = models.CharField(max_length=120, blank=True)
    categories = models.JSONField()
    # Its owner chose that the copies are deleted: making them anonymous is not enough (7.3).
    deletion_only = models.BooleanField(default=False)
    opened_at = models.DateTimeField(default=timezone.now, editable=False)
    due_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    attested_at = models.DateTimeField(null=True)
    escalation = models.PositiveSmallIntegerField(default=0)
    escalated_at = models.DateTimeField(null=True)
    abandoned_at = models.DateTimeField(null=True)
    abandoned_reason = models.CharField(max_length=200, blank=True)

    objects = ObligationQuerySet.as_manager()

    class Meta:
        db_table = "consent_obligation"
        constraints = (
            models.UniqueConstraint(
                fields=("grant", "epoch", "holder"), name="obligation_is_one_per_holder"
            ),
        )
        indexes = (
            models.Index(
                fields=("due_at",),
                condition=Q(attested_at=None, abandoned_at=None),
                name="obligation_due",
            ),
        )

    def __str__(self) -> str:
        return f"obligation {self.ref[:8]}"


class Attestation(models.Model):
    """A partner's signed word on what became of the copies; kept verbatim as evidence."""

    class Outcome(models.TextChoices):
        DELETED = "deleted"
        ANONYMISED = "anonymised"
        IN_BACKUP = "in_backup_until"
        KEPT_BY_LAW = "kept_by_law"
        NEVER_STORED = "never_stored"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    obligation = models.ForeignKey(Obligation, models.PROTECT, related_name="attestations")
    jti = models.CharField(max_length=128)
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="+")
    outcomes = models.JSONField()  # [{"category", "outcome", "method", "until"?, "law"?, "items"?}]
    signed = models.TextField()  # the compact JWS as it arrived
    received_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "consent_attestation"
        constraints = (
            models.UniqueConstraint(fields=("partner", "jti"), name="attestation_counts_once"),
        )

    def __str__(self) -> str:
        return f"attestation of {self.obligation_id}"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Sets of deliveries."""

    def unsettled(self) -> Self:
        """Return those that a partner has neither accepted nor been spared by decision."""
        return self.filter(delivered_at=None, abandoned_at=None)

    def due(self, now: datetime | None = None) -> Self:
        """Return those to attempt now: not settled, their time come, nobody's lease running."""
        now = now or timezone.now()
        return self.unsettled().filter(
            Q(leased_until=None) | Q(leased_until__lte=now), due_at__lte=now
        )


class Delivery(models.Model):
    """One event owed to one partner: the outbox. The row is the truth, a broker only a hurry."""

    id = models.UUIDField(
        primary_key=True, default=uuid.uuid4, editable=False
    )  # also the event's jti
    ref = models.CharField(max_length=32, unique=True, default=random_reference, editable=False)
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="deliveries")
    grant = models.ForeignKey(Grant, models.PROTECT, null=True, related_name="deliveries")
    obligation = models.ForeignKey(Obligation, models.PROTECT, null=True, related_name="deliveries")
    event_type = models.CharField(max_length=40)
    claims = models.JSONField()  # everything of the event but iss, aud, iat, jti; no person in it
    # Orders one grant's events; none across grants.
    epoch = models.PositiveIntegerField(default=0)
    happened_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    first_attempt_at = models.DateTimeField(null=True)
    last_attempt_at = models.DateTimeField(null=True)
    last_outcome = models.CharField(max_length=40, blank=True)
    delivered_at = models.DateTimeField(null=True)
    # The published schedule is over, or the answer will not heal: an operator has been told.
    # It is still tried once a day, and no longer holds later events of its grant back.
    escalated_at = models.DateTimeField(null=True)
    abandoned_at = models.DateTimeField(null=True)
    abandoned_reason = models.CharField(max_length=200, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        db_table = "consent_delivery"
        indexes = (
            models.Index(
                fields=("due_at",),
                condition=Q(delivered_at=None, abandoned_at=None),
                name="delivery_due",
            ),
            models.Index(fields=("grant", "epoch"), name="delivery_of_grant"),
        )

    def __str__(self) -> str:
        return f"delivery {self.ref[:8]}"


class Abandonment(models.Model):
    """An operator's wish to give up an event or an obligation, until another one confirms it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    what = models.UUIDField(db_index=True)  # the id of a delivery or an obligation
    reason = models.CharField(max_length=200)
    asked_by = models.CharField(max_length=32)  # the log references of two accounts
    asked_at = models.DateTimeField(default=timezone.now, editable=False)
    confirmed_by = models.CharField(max_length=32, blank=True)
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "consent_abandonment"

    def __str__(self) -> str:
        return f"abandonment of {self.what}"
