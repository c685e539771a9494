"""The log's tables. No foreign key leaves or enters them; references are text.

Every table name is fixed, because the read guard's one statement names them.
"""

from django.db import models

from audit.querysets import AppendOnly


class Entry(models.Model):
    """One thing that happened: the leaf, verbatim. Never changed, never removed.

    `seq` is drawn by the INSERT, after the row lock of what it tells; entries that depend on
    each other are therefore in its order. It has gaps. The dense index is in `Leaf`.
    """

    seq = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField(unique=True)
    type = models.CharField(max_length=32)
    leaf = models.BinaryField()
    leaf_hash = models.BinaryField(max_length=32)

    objects = AppendOnly.as_manager()

    class Meta:
        db_table = "audit_entry"
        base_manager_name = "objects"

    def __str__(self) -> str:
        return f"{self.seq} {self.type}"


class Detail(models.Model):
    """Who an entry is about, and what was said, sealed under that person's audit key.

    The only table of the log that knows a person, and the only one whose rows may go.
    """

    seq = models.BigIntegerField(primary_key=True)
    person = models.CharField(max_length=32)
    grant_ref = models.CharField(max_length=32, null=True)  # noqa: DJ001  absent, not empty
    type = models.CharField(max_length=32)
    at = models.DateTimeField()
    sealed = models.BinaryField()

    class Meta:
        db_table = "audit_detail"
        indexes = (
            models.Index("person", models.F("seq").desc(), name="audit_detail_person"),
            models.Index(
                "grant_ref",
                "type",
                name="audit_detail_grant",
                condition=models.Q(grant_ref__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"detail of {self.seq}"


class Held(models.Model):
    """A detail that a law keeps after its person was erased, apart from all others (PIPA Art. 21③).

    Sealed under a hold key; names nobody. Which person a hold key is of, only its own row says.
    """

    seq = models.BigIntegerField(primary_key=True)
    hold = models.UUIDField(db_index=True)  # keys.Key
    type = models.CharField(max_length=32)
    at = models.DateTimeField()
    due_at = models.DateTimeField(db_index=True)  # when it goes for good
    sealed = models.BinaryField()

    class Meta:
        db_table = "audit_held"

    def __str__(self) -> str:
        return f"held detail of {self.seq}"


class Pending(models.Model):
    """An entry that has no place in the tree yet."""

    seq = models.BigIntegerField(primary_key=True)

    class Meta:
        db_table = "audit_pending"

    def __str__(self) -> str:
        return f"{self.seq} is pending"


class Leaf(models.Model):
    """The place of an entry in the tree: dense, from 0."""

    index = models.BigIntegerField(primary_key=True)
    seq = models.BigIntegerField(unique=True)
    leaf_hash = models.BinaryField(max_length=32)

    objects = AppendOnly.as_manager()

    class Meta:
        db_table = "audit_leaf"
        base_manager_name = "objects"

    def __str__(self) -> str:
        return f"leaf {self.index} is entry {self.seq}"


class Tile(models.Model):
    """Up to 256 hashes of one level of the tree (C2SP tlog-tiles). A full one never changes."""

    pk = models.CompositePrimaryKey("level", "n")
    level = models.SmallIntegerField()
    n = models.BigIntegerField()
    width = models.SmallIntegerField()
    hashes = models.BinaryField(max_length=8192)

    class Meta:
        db_table = "audit_tile"

    def __str__(self) -> str:
        return f"tile {self.level}/{self.n} with {self.width}"


class LogState(models.Model):
    """How large the tree is, its root, and the compact range that lets it grow. One row.

    Locked by the sequencer; its size never becomes smaller.
    """

    origin = models.CharField(max_length=255, primary_key=True)
    size = models.BigIntegerField(default=0)
    root = models.BinaryField(max_length=32)
    compact = models.BinaryField()
    heartbeat_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "audit_logstate"

    def __str__(self) -> str:
        return f"{self.origin} at {self.size}"


class Checkpoint(models.Model):
    """A checkpoint that was signed and published."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField(max_length=32)
    note = models.TextField()
    published_at = models.DateTimeField()

    objects = AppendOnly.as_manager()

    class Meta:
        db_table = "audit_checkpoint"
        base_manager_name = "objects"

    def __str__(self) -> str:
        return f"checkpoint {self.size}"


class Tally(models.Model):
    """Identical refusals within one window, counted instead of written out one by one."""

    key = models.BinaryField(max_length=32, primary_key=True)
    of = models.UUIDField()
    draft = models.TextField()
    closes_at = models.DateTimeField(db_index=True)
    repeats = models.BigIntegerField(default=0)

    class Meta:
        db_table = "audit_tally"

    def __str__(self) -> str:
        return f"{self.repeats} more like {self.of}"


class Quarantine(models.Model):
    """An entry whose leaf no longer hashes to what was written down: kept out of the tree.

    The operator sees it until somebody has looked (`seen_at`).
    """

    seq = models.BigIntegerField(primary_key=True)
    event_id = models.UUIDField()
    stored_hash = models.BinaryField(max_length=32)
    computed_hash = models.BinaryField(max_length=32)
    found_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "audit_quarantine"

    def __str__(self) -> str:
        return f"{self.seq} is in quarantine"
