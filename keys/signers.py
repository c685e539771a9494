"""The keys that sign our events, one after the other: announced before its use, served after it.

As with wrapping generations, files are only added and removed; which key is in use follows from
the moments they were made at, so every process says the same without being told.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

NEW_EVERY = timedelta(days=90)
# Brands keep a key set for minutes; a day later every one of them knows the next key.
ANNOUNCED = timedelta(days=1)
# An event may be verified late: brands keep them as evidence for as long as they may dispute them.
KEPT_AFTER_NEXT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Signer:
    """One signing key. `id` is "" for the first, which the keyring was made with."""

    id: str
    made_at: datetime
    jwk: dict[str, str]  # with its private half


def in_use(signers: Sequence[Signer], now: datetime) -> Signer:
    """Return the newest that was announced for long enough; of oldest-first `signers`, the first."""
    ready = [each for each in signers if each.made_at + ANNOUNCED <= now]
    return ready[-1] if ready else signers[0]


def served(signers: Sequence[Signer], now: datetime) -> list[Signer]:
    """Return those that brands are told of: the one in use, the next one, those before."""
    used, gone = in_use(signers, now), outlived(signers, now)
    return [used, *(each for each in reversed(signers) if each != used and each not in gone)]


def outlived(signers: Sequence[Signer], now: datetime) -> list[Signer]:
    """Return those whose successor has been in use for `KEPT_AFTER_NEXT`: served no more."""
    pairs = itertools.pairwise(signers)
    return [old for old, later in pairs if later.made_at + ANNOUNCED + KEPT_AFTER_NEXT <= now]


def is_due(signers: Sequence[Signer], now: datetime) -> bool:
    """Return whether a next key is to be made."""
    return signers[-1].made_at + NEW_EVERY <= now
