"""How far the end of a grant has come: cut at once, then told, acknowledged, destroyed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consent import profiles
from consent.models import Attestation, Grant, Obligation
from consent.revocation import outcomes
from portal.customer import words

Outcome = Attestation.Outcome

_OUTCOMES: dict[str, str | Promise] = {
    Outcome.DELETED: gettext_lazy("destroyed"),
    Outcome.ANONYMISED: gettext_lazy("made anonymous"),
    Outcome.IN_BACKUP: gettext_lazy("in a backup, unused, until %(until)s"),
    Outcome.KEPT_BY_LAW: gettext_lazy("kept apart until %(until)s (%(law)s): %(items)s"),
    Outcome.NEVER_STORED: gettext_lazy("never stored"),
}
_KEPT = frozenset({Outcome.IN_BACKUP, Outcome.KEPT_BY_LAW})


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
    asked: str  # what it may do with the copies, where its owner had the choice
    steps: list[Step]
    outcomes: list[tuple[str, str]]
    due_at: datetime
    done: bool  # it answered for everything
    kept: bool  # and said that a part is still there
    late: bool
    given_up: bool

    @property
    def is_open(self) -> bool:
        """Say whether its answer is still waited for."""
        return not (self.done or self.given_up)


@dataclass(frozen=True, slots=True)
class Progress:
    """The end of one grant."""

    cut_at: datetime
    holders: list[Holder]
    left: bool  # its owner lets the brand keep what it has

    @property
    def done(self) -> int:
        """Return how many holders have confirmed."""
        return sum(holder.done for holder in self.holders)

    @property
    def state(self) -> str:
        """Return the worst that holds.

        "untouched", "left", "late", "open", "given up", "kept" or "confirmed".
        """
        if not self.holders:
            return "left" if self.left else "untouched"
        if any(holder.late for holder in self.holders):
            return "late"
        if any(holder.is_open for holder in self.holders):
            return "open"
        if any(holder.given_up for holder in self.holders):
            return "given up"
        return "kept" if any(holder.kept for holder in self.holders) else "confirmed"

    @property
    def clock(self) -> str:
        """Say until when the next confirmation has to be here; nothing once none is waited for."""
        waited_for = [holder.due_at for holder in self.holders if holder.is_open]
        if not waited_for:
            return ""
        day = {"day": words.day(min(waited_for))}
        if self.state == "late":
            return _("had to confirm by %(day)s") % day
        return _("has to confirm by %(day)s") % day


def of(grant: Grant) -> Progress:
    """Return how far it has come; no holder where nothing was ever read."""
    owed = grant.obligations.prefetch_related("attestations").order_by("opened_at", "holder")
    brand = words.either(grant.request.client, "name")
    bound_by = grant.partner.bound_by
    holders = [_holder(each, brand, _asked(each, bound_by)) for each in owed]
    left = grant.kept_by_consent_at is not None
    return Progress(grant.ended_at or grant.stops_at, holders, left)


def _asked(owed: Obligation, bound_by: Sequence[str]) -> str:
    if owed.deletion_only:
        return _("You asked for all of it to be deleted. To make it anonymous is not enough.")
    if profiles.deletion_choice(bound_by):
        return _("The brand deletes it, or makes it so that nobody can tell whose it is.")
    return ""


def _holder(owed: Obligation, brand: str, asked: str) -> Holder:
    done, given_up = owed.attested_at is not None, owed.abandoned_at is not None
    late = not (done or given_up) and owed.due_at <= timezone.now()
    said = _said(owed)
    kept = any(each["outcome"] in _KEPT for each in said)
    return Holder(
        name=owed.holder or brand,
        asked=asked,
        steps=list(_steps(owed, late=late, kept=kept)),
        outcomes=[(words.category(each["category"]), _outcome(each)) for each in said],
        due_at=owed.due_at,
        done=done,
        kept=kept,
        late=late,
        given_up=given_up,
    )


def _steps(owed: Obligation, *, late: bool, kept: bool) -> Iterator[Step]:
    waits = owed.told_at is not None and owed.abandoned_at is None
    yield _step(owed.told_at, _("Told to destroy"), now=True)
    yield _step(owed.acknowledged_at, _("Answered that it will"), now=waits)
    if owed.abandoned_at is not None:
        at = words.moment(owed.abandoned_at)
        yield Step("late", _("Given up by the operator, on record"), at)
    elif late:
        yield Step("late", _("Destruction is overdue"), _by(owed.due_at))
    elif owed.attested_at is not None and kept:
        title = _("Answered with a signature: a part is kept")
        yield Step("done", title, words.moment(owed.attested_at))
    else:
        title = _("Destruction confirmed, signed")
        yield _step(owed.attested_at, title, waiting=_by(owed.due_at))


def _step(at: datetime | None, title: str, *, now: bool = False, waiting: str = "") -> Step:
    if at is not None:
        return Step("done", title, words.moment(at))
    return Step("now" if now else "waiting", title, waiting)


def _by(due_at: datetime) -> str:
    return _("by %(day)s") % {"day": words.day(due_at)}


def _said(owed: Obligation) -> list[Mapping[str, Any]]:
    """Return what stands: of each category what the newest answer that names it says."""
    said: dict[str, list[Mapping[str, Any]]] = {}
    for attestation in sorted(owed.attestations.all(), key=lambda each: each.received_at):
        for row in attestation.outcomes:
            said[row["category"]] = []
        for row in attestation.outcomes:
            said[row["category"]].append(row)
    return [row for rows in said.values() for row in rows]


def _outcome(row: Mapping[str, Any]) -> str:
    law = str(row.get("law", ""))
    return str(_OUTCOMES.get(row["outcome"], row["outcome"])) % {
        "until": _until(str(row.get("until", ""))),
        "law": profiles.laws(profiles.names()).get(law, {"law": law})["law"],
        "items": ", ".join(row.get("items", ())),
    }


def _until(said: str) -> str:
    """Return a day or moment that a brand wrote, as people write days."""
    if len(said) == len("2026-11-21"):
        return words.day(date.fromisoformat(said))
    when = outcomes.moment(said)
    return words.day(when) if when else said
