"""Tokens by which a partner registers a program by itself (RFC 7591, 1.2: initial access token)."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from consent.models.partners import Client, Partner


class RegistrationToken(models.Model):
    """Lets a partner register one client of one level, once. Stored only as its SHA-256."""

    digest = models.BinaryField(primary_key=True, max_length=32)
    partner = models.ForeignKey(Partner, models.CASCADE, related_name="registration_tokens")
    level = models.PositiveSmallIntegerField()
    issued_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    killed_at = models.DateTimeField(null=True, blank=True)
    client = models.OneToOneField(
        Client, models.CASCADE, null=True, blank=True, related_name="registration_token"
    )

    class Meta:
        db_table = "consent_registrationtoken"
        indexes = (models.Index(fields=("expires_at",), name="registration_token_expiry"),)
        constraints = (
            # Level 3 is reached with a key to seal to, which has a command of its own.
            models.CheckConstraint(condition=Q(level__in=(1, 2)), name="registered_level_is_known"),
            models.CheckConstraint(
                condition=Q(used_at=None, client=None)
                | Q(used_at__isnull=False, client__isnull=False),
                name="registration_is_used_with_client",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("issued_at")), name="registration_expires_later"
            ),
        )

    def __str__(self) -> str:
        return f"registration token of {self.partner_id}"
