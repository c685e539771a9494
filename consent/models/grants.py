"""Consent itself: grants, their items, budgets, and the notice that was shown."""

import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from consent.models.partners import Partner
from consent.models.references import random_reference
from consent.models.requests import AccessRequest, RequestItem
from vault.models import Pod


class NoticePin(models.Model):
    """The very bytes that the owner saw and agreed to, stored once under their hash (section 4)."""

    digest = models.CharField(max_length=64, primary_key=True)  # SHA-256, hex
    template_version = models.CharField(max_length=32)
    language = models.CharField(max_length=5)
    layout = models.CharField(max_length=32)
    body = models.BinaryField()
    first_shown_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "consent_noticepin"

    def __str__(self) -> str:
        return f"notice {self.digest[:8]}"


class GrantQuerySet(models.QuerySet["Grant"]):
    """Sets of grants. `live` says for a set what `Grant.is_live` says for one (P13)."""

    def of(self, pod: Pod) -> Self:
        """Return those over this pod."""
        return self.filter(pod=pod)

    def to(self, partner: Partner) -> Self:
        """Return those given to this partner."""
        return self.filter(partner=partner)

    def unended(self) -> Self:
        """Return those that nobody and no clock has ended formally."""
        return self.filter(ended_at=None)

    def live(self, now: datetime | None = None) -> Self:
        """Return those under which something can be read now (5.4)."""
        now = now or timezone.now()
        return self.unended().filter(
            Q(bound_ends_at=None) | Q(bound_ends_at__gt=now),
            valid_from__lte=now,
            expires_at__gt=now,
            paused_at=None,
            suspended_at=None,
        )

    def run_out(self, now: datetime | None = None) -> Self:
        """Return those that a clock has stopped and no rule has ended yet."""
        now = now or timezone.now()
        return self.unended().filter(Q(expires_at__lte=now) | Q(bound_ends_at__lte=now))


class Grant(models.Model):
    """One consent: one partner, one pod, one purpose, one period; items are endable alone (section 5)."""

    class EndKind(models.TextChoices):
        WITHDRAWN = "withdrawn"  # 동의 철회: by the owner, guardian or delegate
        REVOKED = "revoked"  # 이용 종료: by anybody else
        EXPIRED = "expired"
        CONSUMED = "consumed"
        SUPERSEDED = "superseded"
        INVALIDATED = "invalidated"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    ref = models.CharField(max_length=32, unique=True, default=random_reference, editable=False)
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="grants")
    pod = models.ForeignKey(Pod, models.PROTECT, related_name="grants")
    request = models.OneToOneField(AccessRequest, models.PROTECT, related_name="grant")
    arrangement = models.UUIDField(default=uuid.uuid4, editable=False)
    version = models.PositiveIntegerField(default=1)
    # The pairwise id stands here too, so that a read finds its grant by one index.
    pairwise = models.CharField(max_length=32)
    purpose = models.CharField(max_length=64)
    legal_basis = models.CharField(max_length=40, default="pipa:17-1-1")
    consent_kind = models.CharField(max_length=40, default="dpv:ExpressedConsent")
    access_mode = models.CharField(max_length=10, choices=AccessRequest.AccessMode)
    frequency = models.JSONField(null=True)
    # Asia/Seoul unless asked otherwise: the zone of the calendar windows of a budget.
    zone = models.CharField(max_length=40, default="Asia/Seoul")
    data_range = models.JSONField(null=True)
    retention = models.DurationField(null=True)
    overseas = models.JSONField(null=True)
    marketing = models.BooleanField(default=False)
    key_id = models.UUIDField(
        null=True, editable=False
    )  # keys.Key of the grant key; null once destroyed

    epoch = models.PositiveIntegerField(default=1, editable=False)
    given_at = models.DateTimeField(default=timezone.now, editable=False)
    given_by = models.CharField(max_length=10, default="self")  # self | guardian | delegate
    notice = models.ForeignKey(NoticePin, models.PROTECT, related_name="grants")
    valid_from = models.DateTimeField()
    expires_at = models.DateTimeField()
    bound_kind = models.CharField(max_length=8, blank=True)
    bound_ref = models.CharField(max_length=64, blank=True)
    bound_ends_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(
        null=True
    )  # a worker resumes then; until it did, nothing is served
    suspended_at = models.DateTimeField(null=True)
    suspension_ground = models.CharField(max_length=40, blank=True)
    superseded_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    end_kind = models.CharField(max_length=12, choices=EndKind, blank=True)
    end_reason = models.CharField(max_length=40, blank=True)
    end_actor = models.CharField(max_length=10, blank=True)
    end_channel = models.CharField(max_length=16, blank=True)
    kept_by_consent_at = models.DateTimeField(
        null=True
    )  # "이 브랜드에는 남겨 두기", a consent of its own

    objects = GrantQuerySet.as_manager()

    class Meta:
        db_table = "consent_grant"
        constraints = (
            models.CheckConstraint(
                condition=Q(given_at__lte=F("valid_from")), name="grant_valid_from_after_given"
            ),
            models.CheckConstraint(
                condition=Q(valid_from__lt=F("expires_at")), name="grant_expires_after_valid_from"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, end_kind="")
                | (Q(ended_at__isnull=False) & ~Q(end_kind="")),
                name="grant_end_has_a_kind",
            ),
            # A grant that ran out still counts until a rule has ended it: approving ends it first.
            models.UniqueConstraint(
                fields=("partner", "pod", "purpose"),
                condition=Q(ended_at=None),
                name="grant_is_unended_once",
            ),
        )
        indexes = (
            models.Index(fields=("pod", "ended_at"), name="grant_of_pod"),
            models.Index(
                fields=("partner", "pairwise", "purpose", "-given_at"), name="grant_of_pairwise"
            ),
            models.Index(fields=("expires_at",), condition=Q(ended_at=None), name="grant_expiry"),
        )

    def __str__(self) -> str:
        return f"grant {self.ref[:8]}"

    @property
    def stops_at(self) -> datetime:
        """When the clock stops it: expiry, or the end of what it is bound to, whichever is first."""
        return min(self.expires_at, self.bound_ends_at or self.expires_at)

    @property
    def is_live(self) -> bool:
        """Whether something can be read under it now (5.4)."""
        now = timezone.now()
        return (
            self.ended_at is None
            and self.paused_at is None
            and self.suspended_at is None
            and self.valid_from <= now < self.stops_at
        )


class GrantItem(models.Model):
    """One granted category; it can be ended without the others."""

    grant = models.ForeignKey(Grant, models.CASCADE, related_name="items")
    position = models.PositiveSmallIntegerField()
    category = models.CharField(max_length=64)
    action = models.CharField(max_length=10, choices=RequestItem.Action)
    fields = models.JSONField(null=True)
    ended_at = models.DateTimeField(null=True)
    end_kind = models.CharField(max_length=12, choices=Grant.EndKind, blank=True)

    class Meta:
        db_table = "consent_grantitem"
        ordering = ("position",)
        constraints = (
            models.UniqueConstraint(
                fields=("grant", "category", "action"), name="grant_item_is_unique"
            ),
        )

    def __str__(self) -> str:
        return f"{self.action} {self.category}"


class GrantUse(models.Model):
    """Reads counted against a budget, one row a window: "2026-11-21", "2026-W47", "total", "record:<id>".

    Apart from the grant, because a shared lock on a row that the same statement then updates
    deadlocks two readers (5.5).
    """

    grant = models.ForeignKey(Grant, models.CASCADE, related_name="uses")
    bucket = models.CharField(max_length=64)
    used = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "consent_grantuse"
        constraints = (
            models.UniqueConstraint(fields=("grant", "bucket"), name="grant_use_is_unique"),
        )

    def __str__(self) -> str:
        return f"{self.bucket} of {self.grant_id}"


class SpentRepeat(models.Model):
    """A counted read that the same client may repeat with the same key: 10 minutes, 3 times (6.4).

    `versions` lists the record versions of the first answer; a repeat gets no others.
    """

    client = models.UUIDField()
    idempotency_key = models.CharField(max_length=64)
    body_digest = models.BinaryField(max_length=32)
    grant = models.ForeignKey(Grant, models.CASCADE, related_name="+")
    epoch = models.PositiveIntegerField()
    event_id = models.UUIDField()
    versions = models.JSONField()
    repeats = models.PositiveSmallIntegerField(default=0)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "consent_spentrepeat"
        constraints = (
            models.UniqueConstraint(fields=("client", "idempotency_key"), name="repeat_is_unique"),
        )
        indexes = (models.Index(fields=("made_at",), name="repeat_made"),)

    def __str__(self) -> str:
        return f"repeat under {self.grant_id}"


class GrantActivity(models.Model):
    """Reads and refusals of a grant by day, folded from entries by a worker; lists and pictures read it."""

    grant = models.ForeignKey(Grant, models.CASCADE, related_name="activity")
    day = models.DateField()
    reads = models.PositiveIntegerField(default=0)
    refusals = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()

    class Meta:
        db_table = "consent_grantactivity"
        constraints = (
            models.UniqueConstraint(fields=("grant", "day"), name="grant_activity_is_unique"),
        )

    def __str__(self) -> str:
        return f"{self.day} of {self.grant_id}"
