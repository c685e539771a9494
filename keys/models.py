"""Wrapped keys, and tombstones for those that were destroyed. Nothing here is a key in clear.

References are plain values, never foreign keys: no cascade from another package can
take a key with it, and no key keeps a row of another package alive.
"""

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone


class Kind(models.TextChoices):
    """What a key hanging directly under a wrapping generation is for."""

    POD = "pod"
    GRANT = "grant"
    AUDIT = "audit"
    HOLD = "hold"


class Key(models.Model):
    """A pod, grant, audit or hold key, wrapped under one wrapping generation."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=5, choices=Kind.choices)
    # What the key belongs to, as "pod:<uuid>", "grant:<uuid>" or "person:<reference>".
    ref = models.CharField(max_length=64)
    generation = models.CharField(max_length=32, db_index=True)
    wrapped = models.BinaryField()
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "ref"], name="one_live_key_for_each_thing"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} key {self.id}"


class CategoryKey(models.Model):
    """That a pod has a key for a category, in this version. The key itself is in the wraps."""

    # The same for all versions of one pod and category.
    key = models.UUIDField()
    pod = models.UUIDField()
    category = models.CharField(max_length=64)
    version = models.PositiveIntegerField()
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key", "version"], name="category_key_versions"),
            models.UniqueConstraint(
                fields=["pod", "category", "version"], name="one_category_key_for_each_version"
            ),
        ]

    def __str__(self) -> str:
        return f"category key {self.key} version {self.version}"


class CategoryWrap(models.Model):
    """One version of a category key, wrapped under a pod key or a grant key."""

    category_key = models.UUIDField()
    version = models.PositiveIntegerField()
    # The id of the pod's or grant's `Key`.
    under = models.UUIDField()
    category = models.CharField(max_length=64)
    wrapped = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["under", "category", "version"], name="one_wrap_under_each_key"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["category_key", "version"], name="wraps_of_a_category_key"),
        ]

    def __str__(self) -> str:
        return f"wrap of {self.category_key} version {self.version}"


class DestroyedKey(models.Model):
    """A tombstone: tells "erased" from "never had a key", and keeps an id from being used twice."""

    id = models.UUIDField(primary_key=True, editable=False)
    kind = models.CharField(max_length=8)
    # SHA-256 of what the key belonged to: answers "was there one?" without naming anybody.
    ref_hash = models.BinaryField(max_length=32, db_index=True)
    destroyed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"destroyed {self.kind} key {self.id}"
