"""The key tree: generation → pod, grant, audit key → category key. The one door to its rows.

Whoever makes or wraps keys of a pod holds that pod's row FOR UPDATE first; keys know no pods,
so that is the caller's duty. Every function that writes needs an open transaction, so that
keys change together with the grant, the record and the log entry they belong to, or not at all.

Keys are opened from the rows each time and never cached: a row that is gone is unreadable
at once, in every process.
"""

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID, uuid4

from django.db.models import QuerySet

from keys import rows, sealing
from keys.exceptions import KeyErased, KeysError
from keys.keyring import keyring
from keys.models import CategoryKey, CategoryWrap, Key, Kind
from keys.rows import OpenCategoryKey


# What a key belongs to ---------------------------------------------------------------
def pod_ref(pod: UUID) -> str:
    """Return what a pod key says it belongs to."""
    return f"pod:{pod}"


def grant_ref(grant: UUID) -> str:
    """Return what a grant key says it belongs to."""
    return f"grant:{grant}"


def person_ref(person: str) -> str:
    """Return what an audit or hold key says it belongs to."""
    return f"person:{person}"


# Making ------------------------------------------------------------------------------
def make_pod_key(pod: UUID) -> UUID:
    """Make the key of a pod and return its id."""
    return rows.make(Kind.POD, pod_ref(pod))


def make_grant_key(grant: UUID) -> UUID:
    """Make the key of a grant, which opens nothing until `cover` is called, and return its id."""
    return rows.make(Kind.GRANT, grant_ref(grant))


def make_audit_key(person: str) -> UUID:
    """Make the key that seals a person's log details and return its id."""
    return rows.make(Kind.AUDIT, person_ref(person))


def make_hold_key(person: str, kept_as: str) -> UUID:
    """Make the key for details of one class that the law keeps longer; return its id."""
    return rows.make(Kind.HOLD, f"{person_ref(person)}:{kept_as}")


# Opening -----------------------------------------------------------------------------
def open_key(
    kind: str, key_id: UUID, generation: str, wrapped: bytes | memoryview, *, ref: str
) -> bytes:
    """Open a pod, grant, audit or hold key from a row already fetched.

    `ref` comes from the thing itself (`grant_ref(grant.id)`), not from the key's row: a key
    that was exchanged for another's does not open. Fetch the row and the wraps under it in one
    statement: between two, the key could get a new secret. Raises `Tampered`,
    `GenerationGone`, `ProviderAway`.
    """
    return keyring().unwrap(generation, wrapped, rows.key_context(kind, key_id, ref))


def open_category_key(
    under_key: bytes, under: UUID, category_key: UUID, version: int, wrapped: bytes | memoryview
) -> bytes:
    """Open a category key from its wrap under an opened pod or grant key. Raises `Tampered`."""
    return sealing.unwrap(under_key, wrapped, rows.wrap_context(under, category_key, version))


def open_audit_key(key_id: UUID | None) -> bytes:
    """Fetch and open an audit or hold key. Raises `NeverHadAKey`, `KeyErased`, `ProviderAway`."""
    return rows.opened(rows.get(key_id))


def missing(key_id: UUID | None) -> KeysError:
    """Return the error that says why there is no key `key_id`: never had one, or erased."""
    return rows.missing(key_id)


def category_keys(
    pod: UUID, categories: Collection[str], *, pod_key_id: UUID | None
) -> dict[tuple[str, int], OpenCategoryKey]:
    """Open every version of `categories` through the pod key, by category and version.

    A category that never had a key is not in the answer. Raises `NeverHadAKey`, `KeyErased`
    for the pod key, `Tampered`, `ProviderAway`.
    """
    if pod_key_id is None:
        raise missing(None)
    wraps = list(rows.with_holder(pod_key_id).filter(category__in=categories))
    if not wraps:
        rows.get(pod_key_id)
        return {}
    first = wraps[0]
    pod_key = open_key(
        Kind.POD, pod_key_id, first.holder_generation, first.holder_wrapped, ref=pod_ref(pod)
    )
    return rows.unwrapped(wraps, pod_key)


def category_key(pod: UUID, category: str, *, pod_key_id: UUID | None) -> OpenCategoryKey:
    """Return the newest category key through the pod key; make the first one if there is none.

    Making one needs a transaction in which the caller holds the pod. Raises as
    `category_keys` does.
    """
    versions = category_keys(pod, [category], pod_key_id=pod_key_id)
    if versions:
        return max(versions.values(), key=lambda found: found.version)
    return _first_version(pod, category, rows.get(pod_key_id))


# Changing ----------------------------------------------------------------------------
def cover(pod: UUID, grant_key_id: UUID, categories: Collection[str]) -> None:
    """Let a grant key open exactly these categories too, in every version. Twice is once.

    The caller holds the pod. A category without a key gets one, so that what is stored later
    is covered.
    """
    rows.need_transaction()
    holder, grant = rows.of(Kind.POD, pod_ref(pod)), rows.get(grant_key_id)
    opened = _opened_categories(pod, holder, categories)
    covered = set(_wraps(grant, categories).values_list("category", "version"))
    lacking = {which: found for which, found in opened.items() if which not in covered}
    rows.wrap_all(grant.id, rows.opened(grant), lacking)


def new_version(pod: UUID, category: str, live_grant_keys: Iterable[UUID]) -> int:
    """Make the next version of a category key and return its number.

    Wrapped for the pod and for every grant key given: the caller holds the pod and names all
    live grants that cover the category. What is sealed from now on takes the new version;
    older versions stay until `retire_versions`.
    """
    rows.need_transaction()
    holder = rows.of(Kind.POD, pod_ref(pod))
    newest = category_key(pod, category, pod_key_id=holder.id)
    made = rows.make_category_key(pod, category, newest.key_id, newest.version + 1)
    for row in (holder, *rows.hold(live_grant_keys)):
        rows.wrap_all(row.id, rows.opened(row), {(category, made.version): made})
    return made.version


def retire_versions(pod: UUID, category: str) -> None:
    """Destroy all versions of a category key but the newest, also for what backups hold.

    For when every record of the category is sealed under the newest version; the caller holds
    the pod. An old version is still wrapped in backups under the pod key and the grant keys,
    which live on. So each of those gets a new secret in place, keeping its id and everything
    else it opens, and the old secret dies with its wrapping generation.
    """
    rows.need_transaction()
    versions = CategoryKey.objects.filter(pod=pod, category=category).order_by("-version")
    newest = versions.first()
    if newest is None:
        return
    old = CategoryWrap.objects.filter(category_key=newest.key, version__lt=newest.version)
    for holder in rows.remove_wraps(old):
        rows.renew(holder)
    versions.filter(version__lt=newest.version).delete()


def replace_grant_key(old_id: UUID, grant: UUID, pod: UUID, categories: Collection[str]) -> UUID:
    """Give a grant a new key that covers only `categories`, destroy the old; return the new id.

    At the end of an item: the ended category is out of reach at once, and out of a backup's
    reach when the generation goes. The caller holds the pod.
    """
    return replace_grant_keys(pod, {grant: (old_id, categories)})[grant]


def replace_grant_keys(
    pod: UUID, kept: Mapping[UUID, tuple[UUID, Collection[str]]]
) -> dict[UUID, UUID]:
    """Do `replace_grant_key` for several grants of one pod, with as many statements as for one.

    `kept` gives the old key's id and the categories that remain, by grant; the answer the new
    ids. The caller holds the pod.
    """
    destroy_many(old for old, _ in kept.values())
    holder = rows.of(Kind.POD, pod_ref(pod))
    secret_of = {grant_ref(grant): rows.new_secret() for grant in kept}
    made = rows.make_all(Kind.GRANT, secret_of)
    opened = _opened_categories(pod, holder, {name for _, names in kept.values() for name in names})
    rows.wrap_each(
        (
            made[grant_ref(grant)],
            secret_of[grant_ref(grant)],
            {which: found for which, found in opened.items() if which[0] in names},
        )
        for grant, (_, names) in kept.items()
    )
    return {grant: made[grant_ref(grant)] for grant in kept}


# Destroying --------------------------------------------------------------------------
def hold(key_ids: Iterable[UUID]) -> None:
    """Lock keys in the order of their ids, for whoever destroys several one after the other."""
    rows.need_transaction()
    rows.hold(key_ids)


def destroy(key_id: UUID) -> None:
    """Destroy a key and every wrap under it, and leave a tombstone. Twice is once.

    What only this key opened is erased when the transaction commits. Raises `NeverHadAKey`.
    """
    rows.need_transaction()
    row = Key.objects.select_for_update().filter(id=key_id).first()
    if row is not None:
        rows.bury(row)
        if row.kind == Kind.POD:
            CategoryKey.objects.filter(pod=UUID(row.ref.removeprefix("pod:"))).delete()
    elif not isinstance(why := missing(key_id), KeyErased):
        raise why


def destroy_many(key_ids: Iterable[UUID]) -> None:
    """Destroy grant keys, as `destroy` does each, with as many statements as for one.

    Locks them in the order of their ids. Raises `NeverHadAKey`.
    """
    rows.need_transaction()
    rows.bury_all(rows.hold(key_ids))


def erase_category(pod: UUID, category: str) -> UUID:
    """Erase what a category key opens; return the id of the new pod key.

    The pod key is replaced, the other categories are wrapped under the new one, the old one
    is destroyed. Grant keys that covered the category keep their id and get a new secret. The
    caller holds the pod, stores the returned id on it, and has ended the items that cover the
    category: a key made for it later is not wrapped for them.
    """
    rows.need_transaction()
    old = rows.of(Kind.POD, pod_ref(pod))
    for holder in rows.bury_category_key(pod, category):
        if holder != old.id:
            rows.renew(holder)
    kept = rows.everything_under(old)
    rows.bury(old)
    new = rows.get(make_pod_key(pod))
    rows.wrap_all(new.id, rows.opened(new), kept)
    return new.id


def _opened_categories(
    pod: UUID, holder: Key, categories: Collection[str]
) -> dict[tuple[str, int], OpenCategoryKey]:
    """Open every version of `categories` through the pod key; make keys where there are none."""
    keyed = set(_wraps(holder, categories).values_list("category", flat=True))
    for category in sorted(set(categories) - keyed):
        _first_version(pod, category, holder)
    return rows.unwrapped(_wraps(holder, categories), rows.opened(holder))


def _first_version(pod: UUID, category: str, holder: Key) -> OpenCategoryKey:
    pod_key = open_key(Kind.POD, holder.id, holder.generation, holder.wrapped, ref=pod_ref(pod))
    made = rows.make_category_key(pod, category, uuid4(), 1)
    rows.wrap_all(holder.id, pod_key, {(category, 1): made})
    return made


def _wraps(row: Key, categories: Collection[str]) -> QuerySet[CategoryWrap]:
    return CategoryWrap.objects.filter(under=row.id, category__in=categories)
