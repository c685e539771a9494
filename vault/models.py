"""Pods and what lies in them. A value stands here sealed, never in clear."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import User, random_reference
from vault.positions import Position


class PodQuerySet(models.QuerySet["Pod"]):
    """Pods, by who may see them."""

    def of(self, owner: User) -> "PodQuerySet":
        """Return the pods whose owner is `owner`; everybody else's do not exist for them."""
        return self.filter(owner=owner)

    def there(self) -> "PodQuerySet":
        """Return the pods that were not erased."""
        return self.filter(erased_at=None)


class Pod(models.Model):
    """One person's data, under one key of its own."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # The pod's name in the log: random, so a leaf leads to nobody.
    ref = models.CharField(max_length=32, unique=True, default=random_reference, editable=False)
    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="pod"
    )
    # Keys are named, not referenced: no cascade may reach them. None once they are destroyed.
    key_id = models.UUIDField(null=True)
    audit_key_id = models.UUIDField(null=True)
    made_at = models.DateTimeField(default=timezone.now, editable=False)
    paused_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)

    objects = PodQuerySet.as_manager()

    class Meta:
        db_table = "vault_pod"

    def __str__(self) -> str:
        return f"pod {self.ref[:8]}"


class Source(models.TextChoices):
    """Who a record comes from (consent.md 12.2)."""

    OWNER = "owner"
    PARTNER = "partner"
    INFERRED = "inferred"


class RecordQuerySet(models.QuerySet["Record"]):
    """Records, by what they are about."""

    def of(self, owner: User) -> "RecordQuerySet":
        """Return the records in the pod of `owner`."""
        return self.filter(pod__owner=owner)

    def shown(self) -> "RecordQuerySet":
        """Return the records that their owner did not hide from everybody else."""
        return self.filter(hidden_at=None)


class Record(models.Model):
    """One thing in a pod, in its newest version."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # The index by category begins with the pod.
    pod = models.ForeignKey(Pod, on_delete=models.CASCADE, related_name="records", db_index=False)
    category = models.CharField(max_length=64)
    version = models.PositiveIntegerField(default=1)
    key_version = models.PositiveIntegerField()
    source = models.CharField(max_length=8, choices=Source.choices)
    # The partner's id as text: what a partner left stays named after the partner is gone.
    source_partner = models.CharField(max_length=64, null=True)  # noqa: DJ001
    source_name = models.CharField(max_length=200, blank=True)
    obtained_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)
    # Where its newest change stands among all changes; hiding and showing are changes, too.
    change = models.BigIntegerField(db_default=Position(), editable=False)
    # When the thing itself happened; what a granted data range is measured against.
    occurred_at = models.DateTimeField(null=True)
    # A partner's record is never edited; its owner may hide it or say otherwise (12.1).
    hidden_at = models.DateTimeField(null=True)
    disputes = models.UUIDField(null=True)
    sealed = models.BinaryField()

    objects = RecordQuerySet.as_manager()

    class Meta:
        db_table = "vault_record"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["pod", "category", "obtained_at"], name="record_by_category"),
            models.Index(fields=["pod", "category", "change", "id"], name="record_by_change"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(source="partner", source_partner__isnull=False)
                | ~models.Q(source="partner"),
                name="record_of_a_partner_names_it",
            )
        ]

    def __str__(self) -> str:
        return f"record {self.id.hex[:8]}"


class DeletedRecord(models.Model):
    """That there was a record, for those who were shown it. Nothing of what it said is here."""

    id = models.UUIDField(primary_key=True, editable=False)
    pod = models.ForeignKey(Pod, on_delete=models.CASCADE, related_name="+", db_index=False)
    category = models.CharField(max_length=64)
    obtained_at = models.DateTimeField()
    change = models.BigIntegerField(db_default=Position(), editable=False)

    class Meta:
        db_table = "vault_deletedrecord"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["pod", "category", "change", "id"], name="deleted_by_change")
        ]

    def __str__(self) -> str:
        return f"record {self.id.hex[:8]}, deleted"


class RecordVersion(models.Model):
    """What a record was before it changed, sealed as it was then."""

    record = models.ForeignKey(Record, on_delete=models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    key_version = models.PositiveIntegerField()
    changed_at = models.DateTimeField()
    sealed = models.BinaryField()

    class Meta:
        db_table = "vault_recordversion"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["record", "version"], name="one_row_per_version")
        ]

    def __str__(self) -> str:
        return f"version {self.version} of {self.record_id.hex[:8]}"
