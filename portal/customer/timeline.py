"""The log about one person, as sentences: who did what and when, never a value."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audit import entries
from audit.entries import Seen
from audit.types import EntryType
from consent.models import AccessRequest, Client, Grant, Partner
from portal.customer import particles, words
from portal.customer.sentences import EVERYDAY, REASONS, RULES, SENTENCES, TOLD
from vault.models import Pod


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the timeline."""

    seq: int
    at: datetime
    icon: str
    tone: str
    text: str
    notes: list[str]
    grant: Grant | None


def of(
    pod: Pod,
    *,
    types: Collection[str] | None = None,
    grant: Grant | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Event]:
    """Return the newest entries about the pod's owner, older than the place `before`."""
    found = entries.of_person(
        pod.owner.ref,
        before=before,
        limit=limit,
        types=types or EVERYDAY,
        grants=[grant.ref] if grant else None,
    )
    brands = _Brands(pod, found)
    return [_event(each, brands) for each in found]


def by_day(events: Iterable[Event]) -> Iterator[tuple[date, list[Event]]]:
    """Yield the events a day at a time, in the time zone of the pages."""
    for day, group in groupby(events, key=lambda each: timezone.localdate(each.at)):
        yield day, list(group)


class _Brands:
    """The names behind the references of one page of entries, with one query for each kind."""

    def __init__(self, pod: Pod, found: Collection[Seen]) -> None:
        leaves = [each.leaf for each in found]
        grants = Grant.objects.of(pod).select_related("request__client")
        asked = AccessRequest.objects.of(pod).select_related("client")
        self.grants = {each.ref: each for each in grants.filter(ref__in=_of(leaves, "grant"))}
        self.asked = {each.ref: each for each in asked.filter(ref__in=_of(leaves, "request"))}
        actors = [leaf.get("actor", {}) for leaf in leaves]
        clients = Client.objects.filter(ref__in=_of(actors, "client"))
        partners = Partner.objects.filter(ref__in=_of(actors, "partner"))
        self.clients = {each.ref: each for each in clients}
        kept_out = _of([each.detail or {} for each in found], "partner")
        self.by_id = {str(each.pk): each for each in Partner.objects.filter(pk__in=kept_out)}
        self.partners = {each.ref: each for each in partners}

    def name(self, seen: Seen) -> str:
        """Return the brand of an entry, as specific as the entry is."""
        leaf, actor = seen.leaf, seen.leaf.get("actor", {})
        asked, grant = (
            self.asked.get(leaf.get("request", "")),
            self.grants.get(leaf.get("grant", "")),
        )
        program = self.clients.get(actor.get("client"))
        if seen.type == EntryType.REQUEST_MADE and asked:
            program = asked.client  # in a journey the lead asks for another brand
        program = program or (grant.request.client if grant else asked.client if asked else None)
        if program is not None:
            return words.either(program, "name")
        partner = self.by_id.get((seen.detail or {}).get("partner", ""))
        partner = partner or self.partners.get(actor.get("partner"))
        return words.either(partner, "legal_name") if partner else _("a brand")


def _of(rows: Iterable[dict[str, Any]], name: str) -> set[str]:
    return {row[name] for row in rows if name in row}


def _event(seen: Seen, brands: _Brands) -> Event:
    sentence = SENTENCES[seen.type]
    text = _ruled(seen) or str(_told(seen) or sentence.text) % {
        "brand": brands.name(seen), "what": _what(seen.leaf),
    }  # fmt: skip
    return Event(
        seq=seen.seq,
        at=seen.at,
        icon=sentence.icon,
        tone=sentence.tone,
        text=particles.fit(_ended_once(text)),
        notes=list(_notes(seen)),
        grant=brands.grants.get(seen.leaf.get("grant", "")),
    )


def _ended_once(text: str) -> str:
    """Return the sentence with one full stop, also after a name that ends in one ("Co., Ltd.")."""
    return f"{text[:-2]}." if text.endswith("..") else text


def _ruled(seen: Seen) -> str:
    """Return the sentence about a rule that is about no brand; nothing for all else."""
    said = seen.detail or {}
    if seen.type not in RULES or "partner" in said:
        return ""
    purpose, category = said.get("purpose"), said.get("category")
    what = words.purpose(purpose) if purpose else words.category(category) if category else ""
    return str(RULES[seen.type]) % {"what": what or _("your data")}


def _told(seen: Seen) -> str:
    """Return the sentence about what a brand was told of; nothing where the entry does not say."""
    event = str((seen.detail or {}).get("event"))
    return str(TOLD.get(event, "")) if seen.type == EntryType.DELIVERY_SENT else ""


def _what(leaf: dict[str, Any]) -> str:
    named = [words.category(each) for each in leaf.get("categories", ()) if each != "unknown"]
    return ", ".join(named) or _("your data")


def _notes(seen: Seen) -> Iterator[str]:
    reason = seen.leaf.get("reason")
    if reason in REASONS:
        yield str(REASONS[reason])
    if repeats := seen.leaf.get("repeats"):
        more = ngettext("The same once more", "The same %(count)s times more", repeats)
        yield more % {"count": repeats}
