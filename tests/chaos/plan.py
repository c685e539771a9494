"""What will happen and when: a function of the seed alone, so that a storm can be had again."""

import random
from collections import Counter
from dataclasses import dataclass

from tests.consent.revocation.test_kill import POINTS

BROKERS = ("rabbitmq", "redis")
# Where a web process that hands events out dies while a brand waits for its answer.
WEB_POINTS = ("polling.choosing", "polling.leased", "polling.answered")
# How often each comes, against the others.
FAULTS = {
    "kill-worker": 3,
    "kill-worker-at": 4,
    "hang-worker": 1,
    "skew-worker": 2,
    "kill-sequencer": 2,
    "kill-web": 2,
    "kill-web-at": 2,
    "crash-web": 1,
    "hang-web": 1,
    "kill-beat": 1,
    "stop-broker": 1,
    "kill-broker": 2,
    "flush-broker": 2,
    "duplicate-tasks": 2,
    "poison": 2,
    "restart-database": 2,
    "kill-database": 1,
    "end-connections": 3,
}
NEED_BROKER = {"stop-broker", "kill-broker", "flush-broker", "duplicate-tasks", "poison"}
# Longer than the lease of 20 s: others take over what a hanging worker holds, and then it wakes up.
HANGS = 22.0
SKEW = 120.0  # seconds that a worker's clock is before or behind the others'


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long each part of an act is, in seconds, and how many faults beyond one of each."""

    weather: float
    away: float  # the broker, at the end
    more: int
    pause: float  # the longest between two decisions of one owner; sets how much is owed


QUICK, FULL = Lengths(50.0, 8.0, 1, 0.4), Lengths(60.0, 300.0, 8, 1.6)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: when, what, and to which of several, or at which point."""

    at: float  # seconds from the beginning of its act
    kind: str
    victim: int = 0
    point: str = ""
    lasting: float = 0.0

    def __str__(self) -> str:
        word = "by" if self.kind == "skew-worker" else "for"
        more = (self.point, f"{word} {self.lasting:.0f} s" if self.lasting else "")
        return " ".join(one for one in (self.kind, *more) if one)


@dataclass(frozen=True, slots=True)
class Act:
    """A part of the storm with one broker; afterwards all is mended and must come to rest."""

    broker: str
    lasting: float
    faults: tuple[Fault, ...]
    pause: float


@dataclass(frozen=True, slots=True)
class Storm:
    """A whole storm."""

    seed: int
    acts: tuple[Act, ...]

    @property
    def lasting(self) -> float:
        """Seconds, without what comes between and after the acts."""
        return sum(act.lasting for act in self.acts)

    @property
    def kinds(self) -> dict[str, int]:
        """How many of each."""
        return dict(Counter(fault.kind for act in self.acts for fault in act.faults))


def make(seed: int, *, quick: bool) -> Storm:
    """Return the storm of a seed: every kind in every act, and every point of a worker once."""
    chance = random.Random(seed)
    points = chance.sample(POINTS, len(POINTS))
    half = len(points) // len(BROKERS)
    shares = (points[:half], points[half:])
    lengths = QUICK if quick else FULL
    acts = (
        _act(chance, broker, share, lengths) for broker, share in zip(BROKERS, shares, strict=True)
    )
    return Storm(seed, tuple(acts))


def _act(chance: random.Random, broker: str, points: list[str], lengths: Lengths) -> Act:
    """Return faults over the weather; then the broker goes away and the others go on."""
    kinds = [kind for kind in FAULTS if kind != "stop-broker"]
    kinds += ["kill-worker-at"] * (len(points) - 1)
    kinds += chance.choices(list(FAULTS), list(FAULTS.values()), k=lengths.more)
    chance.shuffle(kinds)
    # First, so that it wakes up into the storm and not into the calm.
    kinds.sort(key=lambda kind: kind != "hang-worker")
    faults = _spread(chance, kinds, 0.0, lengths.weather, points)
    faults.append(Fault(round(lengths.weather, 2), "stop-broker", lasting=lengths.away))
    others = {kind: often for kind, often in FAULTS.items() if kind not in NEED_BROKER}
    meanwhile = chance.choices(list(others), list(others.values()), k=int(lengths.away // 15))
    faults += _spread(chance, meanwhile, lengths.weather + 1, lengths.away - 1, [])
    return Act(broker, lengths.weather + lengths.away, tuple(faults), lengths.pause)


def _spread(
    chance: random.Random, kinds: list[str], begin: float, lasting: float, points: list[str]
) -> list[Fault]:
    step = lasting / max(len(kinds), 1)
    left = list(points)
    return [
        _fault(chance, kind, begin + step * (number + chance.random()), left)
        for number, kind in enumerate(kinds)
    ]


def _fault(chance: random.Random, kind: str, at: float, points: list[str]) -> Fault:
    point, lasting = "", 0.0
    if kind == "kill-worker-at":
        point = points.pop() if points else chance.choice(POINTS)
    elif kind == "kill-web-at":
        point, lasting = chance.choice(WEB_POINTS), 4.0
    elif kind == "hang-worker":
        lasting = HANGS
    elif kind == "hang-web":
        lasting = chance.uniform(2, 5)
    elif kind == "skew-worker":
        lasting = chance.choice((-SKEW, SKEW))
    elif kind == "stop-broker":
        lasting = chance.uniform(2, 6)
    return Fault(round(at, 2), kind, chance.randrange(2), point, round(lasting, 2))
