"""Sends letters that are due: claimed by a lease, sent without a transaction, then written down.

A worker that dies between the mail server's yes and our commit sends a letter twice, never not
at all. Nothing about anybody stands in a log line.
"""

import logging
import uuid
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, F, Max, Min, Sum
from django.utils import timezone

from consent.letters import senders, texts, times
from consent.letters.senders import Sender
from consent.models import Letter, LetterWish

logger = logging.getLogger(__name__)

BATCH = 50  # messages claimed at once


def send_due(sender: Sender | None = None) -> int:
    """Send what is due, at most `BATCH` messages; return how many letters were settled."""
    sender = sender or senders.current()
    return sum(_send(token, sender) for token in _claimed())


def forget(now: datetime | None = None) -> int:
    """Forget letters that were settled long ago; return how many."""
    before = (now or timezone.now()) - times.KEPT
    old = Letter.objects.filter(due_at__lt=before).exclude(sent_at=None, dropped_at=None)
    return old.delete()[0]


def _claimed() -> Iterator[uuid.UUID]:
    """Claim the letters of one kind to one owner after the other; yield the token of each lot."""
    due = Letter.objects.due().values_list("owner", "kind").annotate(first=Min("due_at"))
    for owner, kind, _first in list(due.order_by("first")[:BATCH]):
        now, token = timezone.now(), uuid.uuid4()
        # Compare-and-set: what another worker leased meanwhile is left alone.
        mine = Letter.objects.due(now).filter(owner=owner, kind=kind)
        if mine.update(
            lease_token=token, leased_until=now + times.LEASE, attempts=F("attempts") + 1
        ):
            yield token


def _send(token: uuid.UUID, sender: Sender) -> int:
    lot = Letter.objects.filter(lease_token=token)
    people = lot.select_related("owner", "partner", "grant__partner", "grant__request__client")
    # A month of gathered news may be thousands; only those that are told one by one are loaded.
    held = list(people.order_by("happened_at", "pk")[: texts.MOST_LINES])
    if not held:
        return 0  # forgotten meanwhile, or another worker's by now
    if not _is_wanted(held[0]):
        return _settle(token, dropped_at=timezone.now())
    whole = lot.aggregate(letters=Count("pk"), told=Sum("count"), attempts=Max("attempts"))
    told = sum(letter.count for letter in held)
    more = {"more": whole["letters"] - len(held), "more_told": whole["told"] - told}
    try:
        sender.send(texts.compose(held, **more))
    except OSError as error:
        # smtplib's errors are OSErrors. The address stays out of the log.
        logger.warning("a letter was not taken", extra={"error": type(error).__name__})
        return _put_off(token, whole["attempts"])
    return _settle(token, sent_at=timezone.now())


def _is_wanted(letter: Letter) -> bool:
    if letter.owner is None or not letter.owner.is_active:
        return False
    if letter.kind != Letter.Kind.WITHDRAWN:
        return True
    unwanted = LetterWish.objects.filter(owner=letter.owner, own_ends_unwanted_since__isnull=False)
    return not unwanted.exists()


def _put_off(token: uuid.UUID, attempts: int) -> int:
    if attempts > len(times.RETRY_AFTER):
        return _settle(token, dropped_at=timezone.now())
    wait = times.RETRY_AFTER[attempts - 1]
    Letter.objects.filter(lease_token=token).update(
        lease_token=None, leased_until=None, due_at=timezone.now() + wait
    )
    return 0


def _settle(token: uuid.UUID, **moment: datetime) -> int:
    mine = Letter.objects.filter(lease_token=token)
    return mine.update(lease_token=None, leased_until=None, **moment)
