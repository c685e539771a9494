"""What was acknowledged to whoever asked, and what nobody can know: the storm's own book."""

import threading
from collections import Counter
from dataclasses import dataclass, field

# What a door writes into the log when it says yes.
ENTRIES = {
    "read": "record.read",
    "batch": "record.read",
    "changes": "record.read",
    "contribute": "record.contributed",
}


@dataclass(frozen=True, slots=True)
class Yes:
    """One answer that let something out, or in."""

    door: str
    event: str  # the entry that it names
    grant: str  # "" where the door does not tell
    asked: float  # monotonic


@dataclass
class Account:
    """Kept by every thread; read when all is calm."""

    yes: list[Yes] = field(default_factory=list)
    no: Counter[str] = field(default_factory=Counter)  # door → answers
    lost: Counter[str] = field(default_factory=Counter)  # door → answers that nobody got
    ends: dict[str, float] = field(default_factory=dict)  # grant → the moment its end was answered
    unknown_ends: set[str] = field(default_factory=set)  # asked for, answered or not
    fetched: dict[str, str] = field(default_factory=dict)  # event → the brand that fetched it
    polls: int = 0  # answered
    surprises: list[str] = field(default_factory=list)
    acts: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def say_yes(self, door: str, event: str, grant: str, asked: float) -> None:
        """Write down an answer that was given."""
        with self.lock:
            self.yes.append(Yes(door, event, grant, asked))

    def say_no(self, door: str) -> None:
        """Write down a refusal that was given."""
        with self.lock:
            self.no[door] += 1

    def lose(self, door: str, answers: int = 1) -> None:
        """Write down that answers may have been given which nobody got."""
        with self.lock:
            self.lost[door] += answers

    def surprise(self, what: str) -> None:
        """Write down what should not be, whatever the weather."""
        with self.lock:
            self.surprises.append(what)

    def ended(self, grants: list[str], answered: float) -> None:
        """Write down that the end of some grants was answered."""
        with self.lock:
            for grant in grants:
                self.ends.setdefault(grant, answered)

    @property
    def by_door(self) -> dict[str, str]:
        """How many answers each door gave: yes / no / lost."""
        yes = Counter(one.door for one in self.yes)
        yes["poll"] = self.polls
        doors = (*ENTRIES, "poll")
        return {door: f"{yes[door]}/{self.no[door]}/{self.lost[door]}" for door in doors}
