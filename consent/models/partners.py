"""Who may be let in: partners, their clients and tokens, and the purposes they registered."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from consent import profiles
from consent.models.references import random_reference


class Partner(models.Model):
    """A legal person that may be let in (정보를 제공받는 자); pages call it a brand."""

    class Kind(models.TextChoices):
        COMPANY = "company"
        PUBLIC_BODY = "public_body"
        NON_PROFIT = "non_profit"

    class EventDelivery(models.TextChoices):
        PUSH = "push"
        POLL = "poll"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    ref = models.CharField(max_length=32, unique=True, default=random_reference, editable=False)
    legal_name_ko = models.CharField(max_length=120)
    legal_name_en = models.CharField(max_length=120)
    registration_number = models.CharField(max_length=40)
    registration_checked_on = models.DateField(null=True, blank=True)
    address = models.CharField(max_length=300)
    country = models.CharField(max_length=2)
    officer_name = models.CharField(max_length=80)
    officer_phone = models.CharField(max_length=40)
    officer_mail = models.EmailField()
    privacy_url = models.URLField()
    # Profiles that bind it besides those of its country, such as "kr-credit" (consent/profiles).
    declared_profiles = models.JSONField(default=list, blank=True)
    kind = models.CharField(max_length=16, choices=Kind)
    event_endpoint = models.URLField(blank=True)
    event_delivery = models.CharField(
        max_length=8, choices=EventDelivery, default=EventDelivery.PUSH
    )

    # Raised by every change that can alter an answer: suspension, a client or token killed.
    # A read's guard locks this row and compares it.
    epoch = models.PositiveIntegerField(default=1, editable=False)
    registered_at = models.DateTimeField(default=timezone.now, editable=False)
    suspended_at = models.DateTimeField(null=True, blank=True, editable=False)
    suspension_ground = models.CharField(max_length=40, blank=True, editable=False)
    deregistered_at = models.DateTimeField(null=True, blank=True, editable=False)
    # No new requests (8.2: an obligation is overdue for too long); reads are not touched.
    requests_barred_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "consent_partner"

    def __str__(self) -> str:
        return f"partner {self.ref[:8]}"

    @property
    def is_live(self) -> bool:
        """Whether this partner may be answered at all."""
        return self.suspended_at is None and self.deregistered_at is None

    @property
    def bound_by(self) -> tuple[str, ...]:
        """Return the jurisdiction profiles whose clocks and laws hold for this partner (10.1)."""
        return profiles.binding(self.country, tuple(self.declared_profiles))

    def legal_name(self, language: str) -> str:
        """Return the legal name in `language` ("ko" or "en")."""
        return self.legal_name_ko if language == "ko" else self.legal_name_en


class Client(models.Model):
    """One program of a partner, with its own keys and the name that the owner sees."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    ref = models.CharField(max_length=32, unique=True, default=random_reference, editable=False)
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="clients")
    client_id = models.CharField(max_length=64, unique=True, default=random_reference)
    name_ko = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80)
    # Level 1: general and location data, bearer tokens ≤ 5 min. Level 2: DPoP. Level 3: sealed answers.
    level = models.PositiveSmallIntegerField(default=1)
    jwks = models.JSONField(help_text="Public keys only, an RFC 7517 JWK set.")
    # Where a browser may be sent back to, each compared character by character (RFC 9700, 2.1).
    redirect_uris = models.JSONField(default=list, blank=True)
    # Level 3: answers come sealed to this public key, {"suite", "kid", "key"} (keys/envelopes.py).
    sealing_key = models.JSONField(null=True, blank=True)
    registered_at = models.DateTimeField(default=timezone.now, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "consent_client"
        constraints = (
            models.CheckConstraint(condition=Q(level__in=(1, 2, 3)), name="client_level_is_known"),
        )

    def __str__(self) -> str:
        return f"client {self.ref[:8]}"


class AccessToken(models.Model):
    """An opaque token, stored only as its SHA-256. It names a client and allows nothing.

    With `cnf_jkt` it counts only beside a DPoP proof by that key; with `grant` only for that grant.
    """

    digest = models.BinaryField(primary_key=True, max_length=32)
    client = models.ForeignKey(Client, models.CASCADE, related_name="tokens")
    cnf_jkt = models.CharField(max_length=43, blank=True)  # RFC 7638 thumbprint; "": a bearer token
    grant = models.ForeignKey(
        "consent.Grant",
        models.CASCADE,
        null=True,
        blank=True,
        db_index=False,
        related_name="tokens",
    )
    # Shared by everything that came from one authorization code, so that it can die together.
    family = models.UUIDField(null=True, blank=True, editable=False)
    issued_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    killed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "consent_accesstoken"
        indexes = (
            models.Index(fields=("expires_at",), name="token_expiry"),
            models.Index(
                fields=("family",), condition=Q(family__isnull=False), name="token_family"
            ),
            models.Index(fields=("grant",), condition=Q(grant__isnull=False), name="token_grant"),
        )

    def __str__(self) -> str:
        return f"token of {self.client_id}"


class SeenAssertion(models.Model):
    """A client assertion that was used: the unique row is the replay check (RFC 7523, section 3)."""

    client = models.ForeignKey(Client, models.CASCADE, related_name="+")
    jti = models.CharField(max_length=128)
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "consent_seenassertion"
        constraints = (
            models.UniqueConstraint(fields=("client", "jti"), name="assertion_is_used_once"),
        )
        indexes = (models.Index(fields=("expires_at",), name="assertion_expiry"),)

    def __str__(self) -> str:
        return f"assertion of {self.client_id}"


class PurposeTemplate(models.Model):
    """What a partner has registered: one purpose with its ceilings. A change is a new version.

    `categories` maps a category id to {"actions": ["read", "contribute"], "fields": [...] | null}.
    `max_frequency` is {"count": n, "unit": hour|day|week|month|year|record} or null for no ceiling.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="purposes")
    purpose = models.CharField(
        max_length=64, help_text="DPV id, such as dpv:ServicePersonalisation."
    )
    version = models.PositiveIntegerField(default=1)
    title_ko = models.CharField(max_length=120)
    title_en = models.CharField(max_length=120)
    categories = models.JSONField()
    max_expiry = models.DurationField()
    max_retention = models.DurationField()
    max_frequency = models.JSONField(null=True, blank=True)
    access_modes = models.JSONField(default=list, help_text='Of "look_only", "may_store".')
    published_at = models.DateTimeField(default=timezone.now, editable=False)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "consent_purposetemplate"
        constraints = (
            models.UniqueConstraint(
                fields=("partner", "purpose", "version"), name="purpose_version_is_unique"
            ),
            models.UniqueConstraint(
                fields=("partner", "purpose"),
                condition=Q(retired_at=None),
                name="purpose_is_current_once",
            ),
            models.CheckConstraint(
                condition=Q(retired_at=None) | Q(retired_at__gte=F("published_at")),
                name="purpose_retired_after_published",
            ),
        )

    def __str__(self) -> str:
        return f"{self.purpose} v{self.version} of {self.partner_id}"
