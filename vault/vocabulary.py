"""The words of the W3C Data Privacy Vocabulary that the vault uses, with labels in both languages.

The lists in `vault/dpv/` are DPV 2.3; each says where it comes from and under which licence.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from vault.exceptions import UnknownPurpose

DPV_DIR = Path(__file__).parent / "dpv"


@dataclass(frozen=True, slots=True)
class Label:
    """The same words in both languages."""

    ko: str
    en: str

    def in_language(self, language: str) -> str:
        """Return the Korean words for "ko" and its variants, the English ones otherwise."""
        return self.ko if language.startswith("ko") else self.en


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What data may be wanted for."""

    id: str
    label: Label
    definition: str
    parents: tuple[str, ...]
    # Never in one request with another purpose: a consent of its own, or none.
    never_bundled: bool
    # Marketing has its own tick in profile KR (consent.md 11.2).
    marketing: bool


@cache
def purposes() -> Mapping[str, Purpose]:
    """Return the purposes of the profile by their DPV id, in the profile's order."""
    rows = json.loads((DPV_DIR / "purposes.json").read_text(encoding="utf-8"))["items"]
    return MappingProxyType({row["id"]: _purpose(row) for row in rows})


def purpose(purpose_id: str) -> Purpose:
    """Return one purpose, "dpv:CustomerCare" or so.

    Raises `UnknownPurpose`.
    """
    try:
        return purposes()[purpose_id]
    except KeyError:
        raise UnknownPurpose from None


@cache
def personal_data_terms() -> frozenset[str]:
    """Return the ids of every kind of personal data that DPV names, "pd:Age" and so on."""
    rows = json.loads((DPV_DIR / "pd_categories.json").read_text(encoding="utf-8"))["items"]
    return frozenset(row["id"] for row in rows)


def _purpose(row: Mapping[str, object]) -> Purpose:
    label = row["label"]
    parents = row["parent"]
    assert isinstance(label, dict)
    assert isinstance(parents, list)
    return Purpose(
        id=str(row["id"]),
        label=Label(**label),
        definition=str(row["definition"]),
        parents=tuple(parents),
        never_bundled=bool(row.get("never_bundled", False)),
        marketing=bool(row.get("marketing", False)),
    )
