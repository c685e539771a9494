"""The rows of the key tree, and what each wrap is bound to. Only `keys.tree` calls this."""

import hashlib
import secrets
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypedDict
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from keys import sealing
from keys.exceptions import KeyErased, KeysError, NeverHadAKey, NotInTransaction
from keys.keyring import keyring
from keys.models import CategoryKey, CategoryWrap, DestroyedKey, Key, Kind

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations


class _Holder(TypedDict):
    holder_generation: str
    holder_wrapped: bytes


class OpenCategoryKey(NamedTuple):
    """A category key in one version, opened."""

    key_id: UUID
    version: int
    key: bytes


Opened = dict[tuple[str, int], OpenCategoryKey]


def key_context(kind: str, key_id: UUID, ref: str) -> tuple[bytes, ...]:
    """Return what the wrap of a pod, grant, audit or hold key is bound to."""
    return (b"key", kind.encode(), key_id.bytes, ref.encode())


def wrap_context(under: UUID, category_key: UUID, version: int) -> tuple[bytes, ...]:
    """Return what the wrap of a category key is bound to."""
    return (b"category-key", under.bytes, category_key.bytes, version.to_bytes(4, "big"))


def ref_hash(kind: str, ref: str) -> bytes:
    """Return what a tombstone remembers of the thing: enough to ask again, not to name it."""
    return hashlib.sha256(f"{kind}\n{ref}".encode()).digest()


def need_transaction() -> None:
    """Raise `NotInTransaction` where a change would stand alone."""
    if not transaction.get_connection().in_atomic_block:
        raise NotInTransaction


# Keys under a generation -------------------------------------------------------------
def make(kind: Kind, ref: str) -> UUID:
    """Make a key and return its id. Raises `KeyErased` where the id was used before."""
    (key_id,) = make_all(kind, {ref: new_secret()}).values()
    return key_id


def make_all(kind: Kind, secret_of: Mapping[str, bytes]) -> dict[str, UUID]:
    """Make one key for each reference, out of these secrets; return their ids by reference.

    Raises `KeyErased` where an id was used before.
    """
    need_transaction()
    made = {ref: _wrapped_key(kind, ref, secret) for ref, secret in secret_of.items()}
    used = DestroyedKey.objects.filter(id__in=[row.id for row in made.values()]).first()
    if used is not None:
        raise KeyErased(f"key id {used.id} was used before")
    Key.objects.bulk_create(made.values())
    return {ref: row.id for ref, row in made.items()}


def _wrapped_key(kind: Kind, ref: str, secret: bytes) -> Key:
    key_id = uuid4()
    generation, wrapped = keyring().wrap(secret, key_context(kind, key_id, ref))
    return Key(id=key_id, kind=kind, ref=ref, generation=generation, wrapped=wrapped)


def get(key_id: UUID | None) -> Key:
    """Return a key's row. Raises `NeverHadAKey`, `KeyErased`."""
    found = _of_ids({key_id}) if key_id else []
    if not found:
        raise missing(key_id)
    return found[0]


def hold(key_ids: Iterable[UUID]) -> list[Key]:
    """Lock the rows of `key_ids` in the order of their ids; return those not destroyed yet.

    A grant ends without holding its pod, so its key can go while somebody wraps under it.
    Whoever destroys a key locks its row too: a wrap made here is seen and deleted there, and
    where the key went first, nothing is wrapped. Raises `NeverHadAKey`.
    """
    wanted = set(key_ids)
    need_transaction()
    found = _of_ids(wanted, lock="FOR UPDATE")
    lacking = wanted - {row.id for row in found}
    if lacking and DestroyedKey.objects.filter(id__in=lacking).count() < len(lacking):
        raise missing(None)
    return found


def _of_ids(key_ids: set[UUID], *, lock: str = "") -> list[Key]:
    """Return rows in the order of their ids.

    By hand where it can be: what ends a grant asks for keys while readers wait behind its locks,
    and Django would compose the statement anew each time.
    """
    if connection.vendor != "postgresql":
        return list(Key.objects.filter(id__in=key_ids).order_by("id"))
    names = [field.attname for field in Key._meta.concrete_fields]
    statement = f"SELECT {', '.join(names)} FROM keys_key WHERE id = ANY(%s) ORDER BY id {lock}"  # noqa: S608 our own words
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(key_ids)])
        return [Key.from_db(connection.alias, names, row) for row in cursor.fetchall()]


def of(kind: Kind, ref: str) -> Key:
    """Return the row of the live key of a thing. Raises `NeverHadAKey`, `KeyErased`."""
    row = Key.objects.filter(kind=kind, ref=ref).first()
    if row is not None:
        return row
    if DestroyedKey.objects.filter(ref_hash=ref_hash(kind, ref)).exists():
        raise KeyErased(f"the {kind} key was destroyed")
    raise NeverHadAKey(f"there has never been a {kind} key here")


def missing(key_id: UUID | None) -> KeysError:
    """Return the error that says why there is no row for `key_id`."""
    if key_id is not None and DestroyedKey.objects.filter(id=key_id).exists():
        return KeyErased(f"key {key_id} was destroyed")
    return NeverHadAKey("there has never been such a key")


def opened(row: Key) -> bytes:
    """Open a key from its row."""
    context = key_context(row.kind, row.id, row.ref)
    return keyring().unwrap(row.generation, row.wrapped, context)


def bury(row: Key) -> None:
    """Remove a key and every wrap under it, and leave a tombstone."""
    bury_all([row])


def bury_all(found: Collection[Key]) -> None:
    """Remove keys and every wrap under them, and leave tombstones, however many there are.

    The caller has locked the rows in an earlier statement: only so this one sees a wrap that was
    made while the lock was waited for.
    """
    ids = [row.id for row in found]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_BURY, [ids, ids, timezone.now()])
        return
    CategoryWrap.objects.filter(under__in=ids).delete()
    Key.objects.filter(id__in=ids).delete()
    DestroyedKey.objects.bulk_create(
        DestroyedKey(id=row.id, kind=row.kind, ref_hash=ref_hash(row.kind, row.ref))
        for row in found
    )


# One round trip instead of three, while a grant that ends is locked. The hash is `ref_hash`.
_BURY = """
WITH wraps AS (
    DELETE FROM keys_categorywrap WHERE under = ANY(%s::uuid[])
), gone AS (
    DELETE FROM keys_key WHERE id = ANY(%s::uuid[]) RETURNING id, kind, ref
)
INSERT INTO keys_destroyedkey (id, kind, ref_hash, destroyed_at)
SELECT id, kind, sha256(convert_to(kind || chr(10) || ref, 'UTF8')), %s::timestamptz FROM gone
"""


def renew(key_id: UUID) -> None:
    """Give a key a new secret, keeping its id and everything it opens."""
    row = Key.objects.select_for_update().filter(id=key_id).first()
    if row is None:
        return  # its grant ended a moment ago
    kept = everything_under(row)
    secret = new_secret()
    generation, wrapped = keyring().wrap(secret, key_context(row.kind, row.id, row.ref))
    Key.objects.filter(id=row.id).update(generation=generation, wrapped=wrapped)
    CategoryWrap.objects.filter(under=row.id).delete()
    wrap_all(row.id, secret, kept)


# Category keys under a pod or grant key ----------------------------------------------
def with_holder(under: UUID) -> "QuerySet[WithAnnotations[CategoryWrap, _Holder]]":
    """Return the wraps under a key, each with that key's own wrap.

    One statement sees one state: between two, a key could get a new secret, and the wraps
    would not open with the old one.
    """
    holder = Key.objects.filter(id=OuterRef("under"))
    return CategoryWrap.objects.filter(under=under).annotate(
        holder_generation=Subquery(holder.values("generation")),
        holder_wrapped=Subquery(holder.values("wrapped")),
    )


def unwrapped(wraps: Iterable[CategoryWrap], under_key: bytes) -> Opened:
    """Open wraps with the key they lie under, by category and version."""
    return {
        (wrap.category, wrap.version): OpenCategoryKey(
            wrap.category_key,
            wrap.version,
            sealing.unwrap(
                under_key,
                wrap.wrapped,
                wrap_context(wrap.under, wrap.category_key, wrap.version),
            ),
        )
        for wrap in wraps
    }


def everything_under(row: Key) -> Opened:
    """Open everything that a key opens."""
    return unwrapped(CategoryWrap.objects.filter(under=row.id), opened(row))


def wrap_all(under: UUID, under_key: bytes, found: Opened) -> None:
    """Wrap opened category keys under a key that does not hold them yet."""
    wrap_each([(under, under_key, found)])


def wrap_each(holders: Iterable[tuple[UUID, bytes, Opened]]) -> None:
    """Wrap opened category keys under each of some keys, with one statement."""
    CategoryWrap.objects.bulk_create(
        _wrap(under, under_key, category, key)
        for under, under_key, found in holders
        for (category, _), key in found.items()
    )


def make_category_key(pod: UUID, category: str, key_id: UUID, version: int) -> OpenCategoryKey:
    """Make one version of a category key, which the caller wraps."""
    need_transaction()
    CategoryKey.objects.create(key=key_id, pod=pod, category=category, version=version)
    return OpenCategoryKey(key_id, version, new_secret())


def bury_category_key(pod: UUID, category: str) -> list[UUID]:
    """Remove every version of a category key; return the ids of the keys that held it."""
    versions = CategoryKey.objects.filter(pod=pod, category=category)
    key_ids = set(versions.values_list("key", flat=True))
    holders = remove_wraps(CategoryWrap.objects.filter(category_key__in=key_ids))
    versions.delete()
    named = ref_hash("category", f"pod:{pod}:{category}")
    for key_id in key_ids:
        DestroyedKey.objects.create(id=key_id, kind="category", ref_hash=named)
    return holders


def remove_wraps(wraps: QuerySet[CategoryWrap]) -> list[UUID]:
    """Remove wraps; return the ids of the keys they lay under, in the order to lock them."""
    holders = sorted(set(wraps.values_list("under", flat=True)))
    wraps.delete()
    return holders


def _wrap(under: UUID, under_key: bytes, category: str, found: OpenCategoryKey) -> CategoryWrap:
    context = wrap_context(under, found.key_id, found.version)
    return CategoryWrap(
        category_key=found.key_id,
        version=found.version,
        under=under,
        category=category,
        wrapped=sealing.wrap(under_key, found.key, context, key_id=under.bytes),
    )


def new_secret() -> bytes:
    """Return a new key."""
    return secrets.token_bytes(sealing.KEY_SIZE)
