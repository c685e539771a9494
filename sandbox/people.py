"""Who lives in the sandbox: customers who answer by themselves, and customers in one state each.

None of them is real. What they do they do as anybody would, through the same functions as the
pages; the vault knows nothing of them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from consent import grants, notices, requests, suspensions
from consent.actors import Actor
from consent.models import AccessRequest, Grant, Partner, RequestItem
from consent.requests import Choices, ItemChoice
from vault import categories

DOMAIN = "sandbox.example"
GROUND = "unlawful-use-suspected"  # of the suspension that a complaint leads to
Answer = Callable[[AccessRequest], object]


@dataclass(frozen=True, slots=True)
class Person:
    """A customer: what she does with a request, how long after it came."""

    name: str
    does: str  # as the printed table says it
    answer: Answer | None = None  # None: she never answers
    after: timedelta = timedelta()

    @property
    def mail(self) -> str:
        """Return the address by which a brand names her."""
        return f"{self.name}@{DOMAIN}"


def approve(request: AccessRequest) -> Grant:
    """Agree to all of it."""
    return agree(request, Choices.everything(request))


def approve_in_part(request: AccessRequest) -> Grant:
    """Leave out what is optional, and the last field of what is needed."""
    wanted = [item for item in request.items.all() if item.required] or [request.items.all()[0]]
    return agree(request, Choices(items=tuple(_less(item) for item in wanted)))


def refuse(request: AccessRequest) -> AccessRequest:
    """Say no."""
    return requests.refuse(request, actor=_owner(request))


def complain(request: AccessRequest) -> Partner:
    """Agree, think better of it, and tell the operator, who suspends the brand."""
    approve(request)
    suspensions.suspend(request.partner, GROUND, Actor.operator())
    return request.partner


def agree(request: AccessRequest, choices: Choices) -> Grant:
    """Agree to these choices: with every tick, on the very notice that the page would show."""
    language = "ko"
    ticked = replace(choices, ticks=notices.required_ticks(request, choices))
    return requests.approve(
        request,
        ticked,
        notice_digest=notices.digest(notices.render(request, ticked, language)),
        actor=_owner(request),
        language=language,
    )


def pause(grant: Grant) -> Grant:
    """Stop a brand for now."""
    return grants.pause(grant, Actor.owner(grant.pod.owner))


def withdraw(grant: Grant) -> Grant:
    """Take a consent back."""
    return grants.end(grant, Grant.EndKind.WITHDRAWN, "owner", Actor.owner(grant.pod.owner))


def _less(item: RequestItem) -> ItemChoice:
    fields = tuple(item.fields or categories.get(item.category).top_fields)
    return ItemChoice(item.category, item.action, fields[:-1] or fields)


def _owner(request: AccessRequest) -> Actor:
    assert request.pod is not None
    return Actor.owner(request.pod.owner)


MINUTE = timedelta(minutes=1)
# Any brand may ask these, by mail.
ANSWERING = (
    Person("approves", "approves everything, at once", approve),
    Person("approves-in-part", "leaves out what is optional, and the last field of the rest", approve_in_part),
    Person("approves-later", "approves everything after a minute", approve, MINUTE),
    Person("approves-then-pauses", "approves, and pauses it 10 seconds later", approve),
    Person("approves-then-ends", "approves, and withdraws it 30 seconds later", approve),
    Person("refuses", "says no; a brand is told so only by the end of the request's life", refuse),
    Person("ignores", "never answers"),
    Person(
        "complains",
        "approves, then complains: the operator suspends the brand for 30 seconds",
        complain,
    ),
)  # fmt: skip
# What becomes of a live grant of theirs, and when.
AFTERWARDS = {
    "approves-then-pauses": (pause, timedelta(seconds=10)),
    "approves-then-ends": (withdraw, timedelta(seconds=30)),
}
SUSPENDED_FOR = timedelta(seconds=30)
