"""How far the end of a grant has come: cut at once, then told, acknowledged, destroyed."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consent.models import Attestation, Grant, Obligation
from portal.customer import words

_OUTCOMES: dict[str, str | Promise] = {
    Attestation.Outcome.DELETED: gettext_lazy("destroyed"),
    Attestation.Outcome.ANONYMISED: gettext_lazy("made anonymous"),
    Attestation.Outcome.IN_BACKUP: gettext_lazy("in a backup, unused, until %(until)s"),
    Attestation.Outcome.KEPT_BY_LAW: gettext_lazy("kept under law until %(until)s"),
    Attestation.Outcome.NEVER_STORED: gettext_lazy("never stored"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step: done, late, now or waiting."""

    state: str
    title: str
    at: str = ""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whoever may hold copies, and what became of them."""

    name: str
    steps: list[Step]
    outcomes: list[tuple[str, str]]
    done: bool
    due_at: datetime

    @property
    def late(self) -> bool:
        """Say whether its answer is overdue."""
        return any(step.state == "late" for step in self.steps)


@dataclass(frozen=True, slots=True)
class Progress:
    """The end of one grant."""

    cut_at: datetime
    holders: list[Holder]

    @property
    def done(self) -> int:
        """Return how many holders have confirmed."""
        return sum(holder.done for holder in self.holders)

    @property
    def clock(self) -> str:
        """Say until when the next confirmation has to be here; nothing once all are."""
        open_ = [holder.due_at for holder in self.holders if not holder.done]
        return _by(min(open_)) if open_ else ""

    @property
    def late(self) -> bool:
        """Say whether somebody's answer is overdue."""
        return any(holder.late for holder in self.holders)


def of(grant: Grant) -> Progress:
    """Return how far it has come; no holder where nothing was ever read."""
    owed = grant.obligations.prefetch_related("attestations").order_by("opened_at", "holder")
    brand = words.either(grant.request.client, "name")
    holders = [_holder(each, brand) for each in owed]
    return Progress(grant.ended_at or grant.stops_at, holders)


def _holder(owed: Obligation, brand: str) -> Holder:
    late = owed.attested_at is None and owed.due_at <= timezone.now()
    steps = [
        _step(owed.told_at, _("Told to destroy"), now=True),
        _step(owed.acknowledged_at, _("Answered that it will"), now=owed.told_at is not None),
        Step("late", _("Destruction is overdue"), _by(owed.due_at))
        if late
        else _step(owed.attested_at, _("Destruction confirmed, signed"), waiting=_by(owed.due_at)),
    ]
    if owed.abandoned_at is not None:
        steps[-1] = Step(
            "late", _("Given up by the operator, on record"), words.moment(owed.abandoned_at)
        )
    done = owed.attested_at is not None
    return Holder(owed.holder or brand, steps, _outcomes(owed), done, owed.due_at)


def _step(at: datetime | None, title: str, *, now: bool = False, waiting: str = "") -> Step:
    if at is not None:
        return Step("done", title, words.moment(at))
    return Step("now" if now else "waiting", title, waiting)


def _by(due_at: datetime) -> str:
    return _("by %(day)s") % {"day": words.day(due_at)}


def _outcomes(owed: Obligation) -> list[tuple[str, str]]:
    said = {
        row["category"]: str(_OUTCOMES.get(row["outcome"], row["outcome"]))
        % {"until": row.get("until", "")}
        for attestation in owed.attestations.all()
        for row in attestation.outcomes
    }
    return [(words.category(name), what) for name, what in said.items()]
