"""Brands that serve one journey together, and what they ask for it (product.md, story 1)."""

import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from consent.models.partners import Client, Partner
from consent.models.references import random_reference
from consent.models.requests import AccessRequest
from vault.models import Pod


class Alliance(models.Model):
    """Brands that agreed to ask together. One of them, the lead, speaks to the vault for all."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    ref = models.CharField(max_length=32, unique=True, default=random_reference, editable=False)
    name_ko = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80)
    lead = models.ForeignKey(Partner, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "consent_alliance"

    def __str__(self) -> str:
        return f"alliance {self.ref[:8]}"


class Membership(models.Model):
    """A brand's time in an alliance. By joining it agrees to be asked for through the lead."""

    alliance = models.ForeignKey(Alliance, models.PROTECT, related_name="memberships")
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="memberships")
    joined_at = models.DateTimeField(default=timezone.now, editable=False)
    left_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "consent_membership"
        constraints = (
            models.UniqueConstraint(
                fields=("alliance", "partner"),
                condition=Q(left_at=None),
                name="membership_is_one_at_a_time",
            ),
        )

    def __str__(self) -> str:
        return f"{self.partner_id} in {self.alliance_id}"


class JourneyQuerySet(models.QuerySet["Journey"]):
    """Sets of journeys."""

    def of(self, pod: Pod) -> Self:
        """Return those that reached this pod."""
        return self.filter(pod=pod)

    def under_way(self, now: datetime | None = None) -> Self:
        """Return those that neither their owner nor the clock has ended."""
        return self.filter(ended_at=None, ends_at__gt=now or timezone.now())


class Journey(models.Model):
    """One way through several brands: an airport day, a hotel stay. Each stop is a request of its own."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    ref = models.CharField(max_length=32, unique=True, default=random_reference, editable=False)
    alliance = models.ForeignKey(Alliance, models.PROTECT, related_name="journeys")
    client = models.ForeignKey(Client, models.PROTECT, related_name="+")  # the lead's
    # Null while nobody opened its link, or when a hint matched nobody.
    pod = models.ForeignKey(Pod, models.PROTECT, null=True, related_name="journeys")
    name_ko = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    idempotency_key = models.CharField(max_length=64)
    body_digest = models.BinaryField(max_length=32)  # the same key with another body is an error
    asked_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()  # until then its requests can be decided
    ended_at = models.DateTimeField(null=True)  # its owner left it

    objects = JourneyQuerySet.as_manager()

    class Meta:
        db_table = "consent_journey"
        constraints = (
            models.UniqueConstraint(
                fields=("client", "idempotency_key"), name="journey_is_asked_once"
            ),
            models.CheckConstraint(
                condition=Q(starts_at__lt=F("ends_at")), name="journey_ends_after_start"
            ),
        )
        indexes = (models.Index(fields=("pod", "ends_at"), name="journey_of_pod"),)

    def __str__(self) -> str:
        return f"journey {self.ref[:8]}"

    @property
    def is_under_way(self) -> bool:
        """Whether neither its owner nor the clock has ended it."""
        return self.ended_at is None and self.ends_at > timezone.now()


class Stop(models.Model):
    """One brand's part of a journey: where, and what it asks for there."""

    journey = models.ForeignKey(Journey, models.CASCADE, related_name="stops")
    order = models.PositiveSmallIntegerField()
    place_ko = models.CharField(max_length=80)
    place_en = models.CharField(max_length=80)
    request = models.OneToOneField(AccessRequest, models.PROTECT, related_name="stop")

    class Meta:
        db_table = "consent_stop"
        ordering = ("order",)
        constraints = (
            models.UniqueConstraint(fields=("journey", "order"), name="stop_has_its_place"),
        )

    def __str__(self) -> str:
        return f"stop {self.order} of {self.journey_id}"
