"""What the authorization server remembers between a pushed request and the last token from it."""

import uuid

from django.db import models
from django.utils import timezone

from consent.models.grants import Grant
from consent.models.partners import Client
from consent.models.requests import AccessRequest


class PushedRequest(models.Model):
    """How a browser comes to an access request and goes back (RFC 9126). What is asked stands there."""

    digest = models.BinaryField(max_length=32, unique=True)  # SHA-256 of the request_uri
    client = models.ForeignKey(Client, models.CASCADE, related_name="+")
    request = models.OneToOneField(AccessRequest, models.CASCADE, related_name="pushed")
    redirect_uri = models.CharField(max_length=500)
    state = models.CharField(max_length=512, blank=True)
    code_challenge = models.CharField(max_length=43)  # S256, always
    dpop_jkt = models.CharField(max_length=43, blank=True)  # the only key that may redeem the code
    pushed_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()  # until then a browser may come with the request_uri
    answered_at = models.DateTimeField(null=True, editable=False)  # the browser was sent back

    class Meta:
        db_table = "consent_pushedrequest"
        indexes = (models.Index(fields=("pushed_at",), name="pushed_at"),)

    def __str__(self) -> str:
        return f"pushed {self.request_id}"


class AuthorizationCode(models.Model):
    """A code for one redemption within a minute, stored only as its SHA-256. One a pushed request."""

    digest = models.BinaryField(max_length=32, unique=True)
    pushed = models.OneToOneField(PushedRequest, models.CASCADE, related_name="code")
    family = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    issued_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        db_table = "consent_authorizationcode"

    def __str__(self) -> str:
        return f"code for {self.pushed_id}"


class RefreshToken(models.Model):
    """Gets new access tokens for one grant, as long as that lives. Not rotated (FAPI 2.0, 5.3.2.1)."""

    digest = models.BinaryField(primary_key=True, max_length=32)
    client = models.ForeignKey(Client, models.CASCADE, related_name="+")
    grant = models.ForeignKey(Grant, models.CASCADE, related_name="refresh_tokens")
    family = models.UUIDField(unique=True, editable=False)
    issued_at = models.DateTimeField(default=timezone.now, editable=False)
    killed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        db_table = "consent_refreshtoken"

    def __str__(self) -> str:
        return f"refresh token under {self.grant_id}"
