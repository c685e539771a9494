"""The steps of forgetting, each in one transaction."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from audit import holds, log
from audit.models import Detail
from audit.types import EntryType
from consent.actors import Actor
from consent.exceptions import UnknownThing
from consent.models import Erasure, Letter
from keys import tree
from keys.exceptions import KeysError
from vault.models import Pod

logger = logging.getLogger(__name__)

COOLING_OFF = timedelta(hours=24)
SETTLING = timedelta(minutes=1)  # longer than any transaction that has read the pod's row
BATCH = 500


def begin(pod: Pod, now: datetime, *, at_once: bool = False) -> None:
    """Begin to forget the owner of a pod that is being erased. The caller is in its transaction."""
    Erasure.objects.create(
        pod=pod,
        audit_key_id=pod.audit_key_id,
        asked_at=now,
        due_at=now if at_once else now + COOLING_OFF,
    )


def waive(pod: Pod, actor: Actor) -> bool:
    """Do without the 24 hours; return whether there was anything to hasten.

    Raises `UnknownThing` for a stranger.
    """
    if not actor.acts_for(pod.owner):
        raise UnknownThing
    now = timezone.now()
    waiting = Erasure.objects.filter(pod=pod, done_at=None, due_at__gt=now)
    return bool(waiting.update(due_at=now))


def forget_due(limit: int = 20) -> int:
    """Take the next step of erasures that are due; return how many steps were taken."""
    due = Erasure.objects.due().order_by("due_at").values_list("pk", flat=True)
    return sum(_step(pod_id) for pod_id in list(due[:limit]))


def _step(pod_id: UUID) -> int:
    try:
        return _take_step(pod_id)
    except KeysError:
        # One that cannot be opened just now does not stop the others.
        logger.exception("a person cannot be forgotten yet")
        return 0


@transaction.atomic
def _take_step(pod_id: UUID) -> int:
    erasure = (
        Erasure.objects.select_for_update(of=("self",)).select_related("pod__owner").get(pk=pod_id)
    )
    now = timezone.now()
    if erasure.done_at is not None:
        return 0
    if erasure.unnamed_at is None:
        Pod.objects.filter(pk=pod_id).update(audit_key_id=None)
        return _note(erasure, unnamed_at=now)
    if now < erasure.unnamed_at + SETTLING:
        return 0
    person = erasure.pod.owner.ref
    if erasure.held_at is None:
        made = holds.make(person, now) if erasure.audit_key_id else {}
        kept = {name: str(key_id) for name, key_id in made.items()}
        return _note(erasure, held_at=now, holds=kept)
    under = {name: UUID(key_id) for name, key_id in erasure.holds.items()}
    return holds.move(person, under, BATCH) or _finish(erasure, person, under, now)


def _finish(erasure: Erasure, person: str, under: dict[str, UUID], now: datetime) -> int:
    """Destroy the audit key, and what else would still name the person here."""
    holds.release_empty(under)
    if erasure.audit_key_id is not None:
        tree.destroy(erasure.audit_key_id)
        log.append(
            log.Draft(type=EntryType.KEY_DESTROYED, role="system", key=erasure.audit_key_id.hex)
        )
    Detail.objects.filter(person=person).delete()
    Letter.objects.filter(owner=erasure.pod.owner).exclude(sent_at=None, dropped_at=None).delete()
    return _note(erasure, done_at=now)


def _note(erasure: Erasure, **changes: object) -> int:
    return Erasure.objects.filter(pk=erasure.pk).update(**changes)
