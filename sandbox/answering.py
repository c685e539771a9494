"""A second in the life of the sandbox: whoever has something to answer, or to undo, does it."""

from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from consent import suspensions
from consent.actors import Actor
from consent.exceptions import ConsentError
from consent.models import AccessRequest, Grant, Partner
from sandbox import people
from sandbox.people import Person


def live(now: datetime | None = None) -> int:
    """Let every invented customer do what is due; return how much was done."""
    now = now or timezone.now()
    answered = sum(_answer(person, now) for person in people.ANSWERING)
    return answered + _go_on(now) + _reinstate(now)


def _answer(person: Person, now: datetime) -> int:
    if person.answer is None:
        return 0
    return sum(_said(person.answer, request) for request in _waiting(person, now))


def _said(answer: people.Answer, request: AccessRequest) -> int:
    # Somebody at the pages may have been first; then hers is the answer.
    try:
        answer(request)
    except ConsentError:
        return 0
    return 1


def _waiting(person: Person, now: datetime) -> QuerySet[AccessRequest]:
    hers = AccessRequest.objects.waiting().filter(
        pod__owner__email=person.mail, asked_at__lte=now - person.after
    )
    # In a session she stands before a page herself.
    return (
        hers.filter(in_session=False)
        .select_related("partner", "template", "pod__owner")
        .prefetch_related("items")
        .order_by("asked_at")
    )


def _go_on(now: datetime) -> int:
    done = 0
    for name, (act, after) in people.AFTERWARDS.items():
        hers = Grant.objects.unended().filter(
            pod__owner__email=f"{name}@{people.DOMAIN}", paused_at=None, given_at__lte=now - after
        )
        for grant in hers.select_related("pod__owner"):
            act(grant)
            done += 1
    return done


def _reinstate(now: datetime) -> int:
    over = Partner.objects.filter(
        suspension_ground=people.GROUND, suspended_at__lte=now - people.SUSPENDED_FOR
    )
    for partner in over:
        suspensions.reinstate(partner, "cleared", Actor.operator())
    return len(over)
