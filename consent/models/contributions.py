"""What partners brought, so that bringing it twice is bringing it once."""

import uuid

from django.db import models
from django.utils import timezone

from consent.models.grants import Grant
from consent.models.partners import Client, Partner


class Contribution(models.Model):
    """One call that brought records into a pod. Their values are in the pod, sealed, only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Both rows are locked when one is made, and never deleted: a check of each would cost more
    # than the row. The unique pair is the client's index.
    client = models.ForeignKey(
        Client, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    grant = models.ForeignKey(
        Grant, models.PROTECT, related_name="contributions", db_constraint=False
    )
    idempotency_key = models.CharField(max_length=64)
    body_digest = models.BinaryField(max_length=32)  # keyed; the same key with another body: error
    category = models.CharField(max_length=64)
    records = models.JSONField()  # ids as this partner sees them
    event_id = models.UUIDField()
    made_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "consent_contribution"
        constraints = (
            models.UniqueConstraint(
                fields=("client", "idempotency_key"), name="contribution_is_made_once"
            ),
        )

    def __str__(self) -> str:
        return f"contribution {self.id.hex[:8]}"


class ContributionUse(models.Model):
    """How many records a partner brought on one day, in the vault's time zone."""

    partner = models.ForeignKey(Partner, models.CASCADE, related_name="+")
    day = models.DateField()
    used = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "consent_contributionuse"
        constraints = (
            models.UniqueConstraint(fields=("partner", "day"), name="contribution_use_is_unique"),
        )

    def __str__(self) -> str:
        return f"{self.day} of {self.partner_id}"
