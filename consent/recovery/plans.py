"""What a restored database lacks, read from the anchor before anything is changed."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from audit import recovering
from audit.recovering import Gap
from audit.types import EntryType
from consent.recovery.states import GrantState, States
from consent.revocation.owing import DELETION

Advance = Callable[[int], object]


@dataclass(slots=True)
class Plan:
    """What the lacked entries tell. Grows with the grants they name, not with their number."""

    gap: Gap
    states: States = field(default_factory=States)
    counts: Counter[str] = field(default_factory=Counter)  # lacked entries, by type
    reads: Counter[str] = field(default_factory=Counter)  # counted reads, by grant
    read_categories: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    readers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    purposes: set[tuple[str, str]] = field(default_factory=set)  # (partner, purpose) published
    erasures: set[datetime] = field(default_factory=set)  # moments at which categories went
    hidings: set[tuple[str, str]] = field(default_factory=set)  # (pod, category) to hide
    deletions: set[str] = field(default_factory=set)  # grants whose owner chose deletion only
    began_at: str = ""  # the first and the last lacked entry
    ended_at: str = ""

    def follow(self, said: dict[str, Any]) -> None:
        """Take one lacked entry into account."""
        kind = said["type"]
        self.counts[kind] += 1
        self.began_at, self.ended_at = self.began_at or said["time"], said["time"]
        self.states.follow(said)
        if kind == EntryType.RECORD_READ and "grant" in said:
            self._read(said)
        elif kind == EntryType.OBLIGATION_MADE and said.get("kind") == DELETION:
            self.deletions.add(said["grant"])
        elif kind == EntryType.CATEGORY_ERASED:
            self.erasures.add(datetime.fromisoformat(said["time"]))
        elif kind == EntryType.PURPOSE_PUBLISHED and "partner" in said:
            self.purposes.add((said["partner"], said.get("purpose", "")))
        elif kind in (EntryType.RECORD_DELETED, EntryType.RECORD_HIDDEN) and "pod" in said:
            self.hidings.update((said["pod"], each) for each in said.get("categories", ()))

    def given(self) -> dict[str, GrantState]:
        """Return the grants that were given in what is lacked, by reference."""
        return {ref: one for ref, one in self.states.grants.items() if one.given_at}

    def _read(self, said: dict[str, Any]) -> None:
        grant = said["grant"]
        # A repeat gives an earlier answer again and is not counted (6.4).
        self.reads[grant] += 0 if "repeat_of" in said else 1
        self.read_categories[grant].update(said.get("categories", ()))
        if partner := said["actor"].get("partner"):
            self.readers[grant].add(partner)


def plan(advance: Advance = lambda _: None) -> Plan:
    """Return what the database lacks of what was signed. Changes nothing.

    Every bundle is checked against the signed root first. `advance` is told how many entries
    were looked at. Raises LogForked, AnchorMissing.
    """
    made = Plan(recovering.gap())
    at = made.gap.first
    for each in recovering.lost(made.gap):
        made.follow(each.fields)
        advance(each.place + 1 - at)
        at = each.place + 1
    return made
