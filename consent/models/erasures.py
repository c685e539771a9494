"""Erasures that have begun: what of a person's log still has to go, and when."""

from datetime import datetime
from typing import Self

from django.db import models
from django.utils import timezone

from vault.models import Pod


class ErasureQuerySet(models.QuerySet["Erasure"]):
    """Sets of erasures."""

    def due(self, now: datetime | None = None) -> Self:
        """Return those whose second step is to be taken."""
        return self.filter(done_at=None, due_at__lte=now or timezone.now())


class Erasure(models.Model):
    """The second step of a pod's erasure: details that a law keeps move under holds, the rest goes.

    Its moments are the steps: `unnamed_at`, from when on no new entry names the person, then
    `held_at`, when the hold keys were made, and `done_at`, when the audit key was destroyed.
    """

    pod = models.OneToOneField(Pod, models.CASCADE, primary_key=True, related_name="erasure")
    audit_key_id = models.UUIDField(null=True)
    asked_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField()  # after 24 hours, or at once where the owner waived them
    holds = models.JSONField(default=dict)  # retention class → hold key
    unnamed_at = models.DateTimeField(null=True)
    held_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    objects = ErasureQuerySet.as_manager()

    class Meta:
        db_table = "consent_erasure"

    def __str__(self) -> str:
        return f"erasure of {self.pod_id}"
