"""What will happen and when: a function of the seed alone, so that a storm can be had again."""

import random
from dataclasses import dataclass
from datetime import timedelta

from tests.consent.revocation.test_kill import POINTS

# How often each comes, against the others.
FAULTS = {
    "kill-worker": 4,
    "kill-worker-at": 6,
    "kill-sequencer": 2,
    "kill-web": 2,
    "kill-beat": 1,
    "cut-broker": 2,
    "flush-broker": 2,
    "end-connections": 3,
    "duplicate-tasks": 2,
    "poison": 2,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: when, what, and to which of several, or at which point."""

    at: float  # seconds from the beginning
    kind: str
    victim: int = 0
    point: str = ""
    lasting: float = 0.0


@dataclass(frozen=True, slots=True)
class Storm:
    """A whole storm."""

    seed: int
    lasting: float
    faults: tuple[Fault, ...]

    @property
    def kinds(self) -> dict[str, int]:
        """How many of each."""
        names = [fault.kind for fault in self.faults]
        return {kind: names.count(kind) for kind in FAULTS if kind in names}


def make(seed: int, *, quick: bool) -> Storm:
    """Return the storm of a seed: every kind at least once, in full with every point."""
    chance = random.Random(seed)
    lasting = timedelta(seconds=110) if quick else timedelta(minutes=20)
    points = chance.sample(POINTS, 5 if quick else len(POINTS))
    kinds = [*FAULTS, *["kill-worker-at"] * (len(points) - 1)]
    kinds += chance.choices(list(FAULTS), list(FAULTS.values()), k=8 if quick else 120)
    chance.shuffle(kinds)
    step = lasting.total_seconds() / (len(kinds) + 1)
    faults = [
        _fault(chance, kind, step * (number + chance.random()), points, quick=quick)
        for number, kind in enumerate(kinds)
    ]
    if not quick:
        faults.append(Fault(lasting.total_seconds(), "cut-broker", lasting=300.0))
    return Storm(seed, lasting.total_seconds(), tuple(faults))


def _fault(chance: random.Random, kind: str, at: float, points: list[str], *, quick: bool) -> Fault:
    point = points.pop() if kind == "kill-worker-at" and points else chance.choice(POINTS)
    lasting = chance.uniform(2, 8 if quick else 20) if kind == "cut-broker" else 0.0
    return Fault(round(at, 2), kind, chance.randrange(2), point, round(lasting, 2))
