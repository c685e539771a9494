"""Takes back what `keeping` left with a brand: the copies have to go after all, as at an end."""

from django.db import transaction
from django.utils import timezone

from audit import log
from audit.types import EntryType
from consent import entries, locking
from consent.actors import OWNERS, Actor
from consent.grants import telling
from consent.grants.ending import need_party
from consent.models import Grant
from consent.revocation import obligations
from vault.models import Pod


@transaction.atomic
def recall(grant: Grant, actor: Actor) -> Grant:
    """Take back the consent that a brand may keep its copies: from now on it owes destruction.

    Twice is once. Raises `UnknownThing` for a stranger, `ValueError` for anybody but the owner
    or a guardian.
    """
    if actor.role not in OWNERS:
        raise ValueError(f"taking this consent back is not what a {actor.role} does")
    held = locking.grant(grant.pk)
    need_party(held, actor)
    if held.kept_by_consent_at is None:
        return held
    now = timezone.now()
    held.kept_by_consent_at = None
    held.save(update_fields=["kept_by_consent_at"])
    # Nobody asks about anonymising here: whoever takes this back wants the copies gone.
    owed = obligations.open_all([held], now, deletion=True)
    entry = entries.of_grant(EntryType.RETENTION_WITHDRAWN, held, actor)
    log.append_many([entry, *obligations.drafts(owed)])
    telling.of_recall(held, now, owed.get(held.pk, ()))
    return held


def recall_all(pod: Pod, actor: Actor) -> list[Grant]:
    """Take back whatever was left with brands, each as `recall` does; return those grants."""
    left = Grant.objects.of(pod).filter(ended_at__isnull=False, kept_by_consent_at__isnull=False)
    return [recall(grant, actor) for grant in left.order_by("pk")]
