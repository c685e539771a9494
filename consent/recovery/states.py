"""What the log says of grants and partners, leaf by leaf. Pure: no Django, no database.

Replayed from the first leaf it is the state of the rows (consent.md P7), replayed from a
backup on it is what the backup lacks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

# What a recovery itself writes down; such a change alters no terms.
LOST = "lost-in-restore"
_ENDS = frozenset(
    f"grant.{kind}"
    for kind in ("withdrawn", "revoked", "expired", "consumed", "superseded", "invalidated")
)


class Terms(NamedTuple):
    """What a leaf that opens an epoch says can be read in it."""

    purpose: str
    categories: tuple[str, ...]
    actions: tuple[str, ...]
    since: str
    until: str


@dataclass(slots=True)
class GrantState:
    """One grant as its leaves tell it. Moments are as they stand in the leaves."""

    epoch: int = 0  # counts as the row does: every change raises it, read from or not
    opened: int | None = None  # the epoch that is open
    request: str | None = None
    purpose: str | None = None
    terms: Terms | None = None
    given_at: str | None = None
    paused_at: str | None = None
    suspended_at: str | None = None
    ended_at: str | None = None
    end_kind: str = ""
    # Items that were ended, and those of them since the terms were last said.
    items_ended: int = 0
    unsaid: int = 0
    last_item_end: tuple[str, str] = ("", "")  # moment, kind
    # When something changed that no leaf describes: fields, frequency, standing rules.
    blurred_at: str | None = None

    @property
    def word(self) -> str:
        """What lists would call it, but for the clock."""
        if self.ended_at:
            return self.end_kind
        return "suspended" if self.suspended_at else "paused" if self.paused_at else "live"

    def follow(self, said: Mapping[str, Any]) -> None:
        """Take one `grant.*` leaf into account."""
        self.epoch = epoch_after(self.epoch, said)
        if "closes" in said:
            self.opened = None
        if "opens" in said:
            self.opened, self.terms, self.unsaid = said["opens"], terms_of(said), 0
        self.purpose = said.get("purpose", self.purpose)
        self._note(said["type"], said)

    def _note(self, kind: str, said: Mapping[str, Any]) -> None:
        if kind in _ENDS:
            self.ended_at, self.end_kind = said["time"], kind.removeprefix("grant.")
            self.opened = None
        elif kind == "grant.given":
            self.given_at, self.request = said["time"], said.get("request")
        elif kind in _MOMENTS:
            name, begins = _MOMENTS[kind]
            setattr(self, name, said["time"] if begins else None)
        elif kind == "grant.item_ended":
            self.items_ended += said.get("count", 1)
            self.unsaid += 0 if "opens" in said else 1
            self.last_item_end = (said["time"], said.get("kind", ""))
        elif said.get("reason") != LOST:
            self.blurred_at = said["time"]


_MOMENTS = {
    "grant.paused": ("paused_at", True),
    "grant.resumed": ("paused_at", False),
    "grant.suspended": ("suspended_at", True),
    "grant.reinstated": ("suspended_at", False),
}


@dataclass(slots=True)
class PartnerState:
    """One partner as its leaves tell it."""

    epoch: int = 0
    opened: int | None = None
    registered_at: str | None = None
    suspended_at: str | None = None
    deregistered_at: str | None = None

    def follow(self, said: Mapping[str, Any]) -> None:
        """Take one `partner.*` leaf into account."""
        if "closes" in said or "opens" in said:
            self.epoch = epoch_after(self.epoch, said)
            self.opened = said.get("opens")
        match said["type"]:
            case "partner.registered":
                self.registered_at = said["time"]
            case "partner.suspended":
                self.suspended_at = said["time"]
            case "partner.reinstated":
                self.suspended_at = None
            case "partner.deregistered":
                self.deregistered_at = said["time"]


@dataclass(slots=True)
class States:
    """Every grant and partner that some leaves tell of, by log reference."""

    grants: dict[str, GrantState] = field(default_factory=dict)
    partners: dict[str, PartnerState] = field(default_factory=dict)

    def follow(self, said: Mapping[str, Any]) -> None:
        """Take one leaf into account, whatever it is about."""
        family = said["type"].partition(".")[0]
        if family == "grant":
            self.grants.setdefault(said["grant"], GrantState()).follow(said)
        elif family == "partner":
            self.partners.setdefault(said["partner"], PartnerState()).follow(said)


def epoch_after(before: int, said: Mapping[str, Any]) -> int:
    """Return the number a row carries after this change.

    What it opens; one more than what it closes; one more than before where nothing was open.
    Never less than before: an epoch is not used twice.
    """
    after: int = said["opens"] if "opens" in said else said.get("closes", before) + 1
    return max(after, before)


def terms_of(said: Mapping[str, Any]) -> Terms:
    """Return the terms of a leaf that opens an epoch."""
    return Terms(
        said.get("purpose", ""),
        _words(said.get("categories", ())),
        _words(said.get("actions", ())),
        said.get("from", ""),
        said.get("until", ""),
    )


def _words(found: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(set(found)))
