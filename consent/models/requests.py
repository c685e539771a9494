"""What a partner asked for, and what became of it."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from consent.models.partners import Client, Partner, PurposeTemplate
from consent.models.references import random_reference
from vault.models import Pod


class AccessRequestQuerySet(models.QuerySet["AccessRequest"]):
    """Sets of requests."""

    def of(self, pod: Pod) -> Self:
        """Return those that reached this pod."""
        return self.filter(pod=pod)

    def waiting(self) -> Self:
        """Return those that the owner can still decide."""
        return self.filter(decided_at=None, closed_at=None, expires_at__gt=timezone.now())

    def overdue(self) -> Self:
        """Return those whose time is over and whose partner was not told so yet.

        Refused ones too: unknown, ignored and refused are the same answer at the same time (3.5).
        """
        return self.filter(approved_at=None, closed_at=None, expires_at__lte=timezone.now())


class AccessRequest(models.Model):
    """One partner's question: one purpose, some items, for how long, in return for what (section 3).

    A decision is final. What the partner may learn is `requests.answer`, never these columns.
    """

    class Reach(models.TextChoices):
        PAIRWISE = "pairwise"
        HINT = "hint"
        LINK = "link"
        JOURNEY = "journey"  # with the other stops of a journey, however that was named

    class Action(models.TextChoices):
        CREATE = "create"
        REPLACE = "replace"

    class AccessMode(models.TextChoices):
        LOOK_ONLY = "look_only"
        MAY_STORE = "may_store"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    ref = models.CharField(max_length=32, unique=True, default=random_reference, editable=False)
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="requests")
    client = models.ForeignKey(Client, models.PROTECT, related_name="requests")
    # Null while nobody opened the request link, or when a hint matched nobody.
    pod = models.ForeignKey(Pod, models.PROTECT, null=True, related_name="requests")
    reach = models.CharField(max_length=8, choices=Reach)
    # Keyed hash of partner, purpose and whom the partner named, for throttling: customer or not (3.7).
    named_digest = models.BinaryField(max_length=32, null=True)
    template = models.ForeignKey(PurposeTemplate, models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=64)
    action = models.CharField(max_length=8, choices=Action, default=Action.CREATE)
    replaces = models.UUIDField(null=True, editable=False)  # the grant of the shown difference
    access_mode = models.CharField(max_length=10, choices=AccessMode)
    # {"count": n, "unit": hour|day|week|month|year|record|total}; null: no budget.
    frequency = models.JSONField(null=True)
    # {"last_days": n} or {"since": date, "until": date}; null: everything.
    data_range = models.JSONField(null=True)
    retention = models.DurationField(null=True)  # null only for look_only
    valid_from = models.DateTimeField(null=True)
    grant_expires_at = models.DateTimeField()
    bound_kind = models.CharField(max_length=8, blank=True)  # stay | trip | journey
    bound_ref = models.CharField(max_length=64, blank=True)
    bound_ends_at = models.DateTimeField(null=True)
    at_least = models.JSONField(
        null=True
    )  # {"frequency": {...}, "expires": iso} below which narrowing refuses
    benefit_ko = models.CharField(max_length=200)
    benefit_en = models.CharField(max_length=200)
    processors = models.JSONField(default=list)
    onward = models.JSONField(default=list)
    overseas = models.JSONField(null=True)
    marketing = models.BooleanField(default=False)
    partner_ref = models.CharField(max_length=64, blank=True)
    idempotency_key = models.CharField(max_length=64)
    body_digest = models.BinaryField(max_length=32)  # the same key with another body is an error

    asked_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    in_session = models.BooleanField(default=False)
    viewed_at = models.DateTimeField(null=True)  # never told to the partner
    deferred_at = models.DateTimeField(null=True)  # never told to the partner
    decided_at = models.DateTimeField(null=True)
    approved_at = models.DateTimeField(null=True)
    refused_at = models.DateTimeField(null=True)
    refusal_reason = models.CharField(max_length=40, blank=True)
    refusal_reason_shared = models.BooleanField(default=False)
    closed_at = models.DateTimeField(null=True)  # expired, or withdrawn by the partner

    objects = AccessRequestQuerySet.as_manager()

    class Meta:
        db_table = "consent_accessrequest"
        constraints = (
            models.UniqueConstraint(
                fields=("client", "idempotency_key"), name="request_is_asked_once"
            ),
            models.CheckConstraint(
                condition=Q(approved_at=None) | Q(refused_at=None),
                name="request_is_approved_or_refused",
            ),
            models.CheckConstraint(
                condition=Q(approved_at=None) | Q(pod__isnull=False),
                name="request_approved_by_somebody",
            ),
        )
        indexes = (
            models.Index(fields=("pod", "expires_at"), name="request_of_pod"),
            models.Index(
                fields=("expires_at",),
                condition=Q(approved_at=None, closed_at=None),
                name="request_open",
            ),
            models.Index(
                fields=("named_digest", "asked_at"),
                condition=Q(named_digest__isnull=False),
                name="request_of_named",
            ),
        )

    def __str__(self) -> str:
        return f"request {self.ref[:8]}"


class RequestItem(models.Model):
    """One category asked for: which fields, to read or to contribute, why, and whether it is needed."""

    class Action(models.TextChoices):
        READ = "read"
        CONTRIBUTE = "contribute"

    class RefusalEffect(models.TextChoices):
        NONE = "none"
        LESS_PERSONAL = "less_personal"
        FEATURE_MISSING = "feature_missing"
        SERVICE_REFUSED = "service_refused"

    request = models.ForeignKey(AccessRequest, models.CASCADE, related_name="items")
    position = models.PositiveSmallIntegerField()
    category = models.CharField(max_length=64)
    action = models.CharField(max_length=10, choices=Action)
    fields = models.JSONField(null=True)  # list of top-level field names; null: all of them
    why_ko = models.CharField(max_length=200)
    why_en = models.CharField(max_length=200)
    required = models.BooleanField()
    refusal_effect = models.CharField(max_length=16, choices=RefusalEffect)
    refusal_effect_name_ko = models.CharField(max_length=80, blank=True)
    refusal_effect_name_en = models.CharField(max_length=80, blank=True)

    class Meta:
        db_table = "consent_requestitem"
        ordering = ("position",)
        constraints = (
            models.UniqueConstraint(
                fields=("request", "category", "action"), name="request_item_is_unique"
            ),
            # PIPA Art. 22⑤: the service may not be refused for an optional item.
            models.CheckConstraint(
                condition=Q(required=True) | ~Q(refusal_effect="service_refused"),
                name="optional_item_refuses_no_service",
            ),
        )

    def __str__(self) -> str:
        return f"{self.action} {self.category}"


class RequestLink(models.Model):
    """A QR code and eight characters that lead one person, the first who opens it, to a request (3.3)."""

    request = models.OneToOneField(AccessRequest, models.CASCADE, related_name="link")
    code_digest = models.BinaryField(
        max_length=32, unique=True
    )  # HMAC of the code: a stolen table opens nothing
    expires_at = models.DateTimeField()
    bound_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "consent_requestlink"

    def __str__(self) -> str:
        return f"link to {self.request_id}"


class LinkTry(models.Model):
    """How often an address offered a code within one hour: five times at most (3.3)."""

    address_digest = models.BinaryField(max_length=32)  # keyed hash; the address is not kept
    hour = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        db_table = "consent_linktry"
        constraints = (
            models.UniqueConstraint(fields=("address_digest", "hour"), name="link_try_is_unique"),
        )

    def __str__(self) -> str:
        return f"{self.tries} tries"
