"""What the workers must remember between two looks: how a partner's endpoint fares, and how far a fold came."""

from django.db import models

from consent.models.partners import Partner


class Channel(models.Model):
    """How one partner's event endpoint fares: the circuit breaker. No row: nothing ever failed.

    Every failure in a row counts; from the fifth on nothing is sent before `shut_until`.
    `gone_at` is an answer 410: nothing is sent until the partner names an endpoint again.
    """

    partner = models.OneToOneField(
        Partner, models.CASCADE, primary_key=True, related_name="channel"
    )
    failures = models.PositiveIntegerField(default=0)
    shut_until = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "consent_channel"

    def __str__(self) -> str:
        return f"channel to {self.partner_id}"


class Fold(models.Model):
    """How many leaves of the log a worker has folded into a table of its own, by name."""

    name = models.CharField(max_length=32, primary_key=True)
    leaves = models.BigIntegerField(default=0)

    class Meta:
        db_table = "consent_fold"

    def __str__(self) -> str:
        return f"{self.name} at {self.leaves}"
