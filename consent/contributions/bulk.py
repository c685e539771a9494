"""Thousands of records in one stream: each is taken whole or answered with what is wrong with it.

The stream is worked off in chunks, one transaction each, so that memory stays small and no lock
waits for a slow sender. What was taken stays taken, whatever happens to the rest: the same
request again, under the same key, takes what is missing and answers for the rest as before.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from django.utils import timezone

from consent import told
from consent.access import facts, refusals
from consent.access.answers import record_key, record_name
from consent.access.decision import decide
from consent.access.facts import Asked, Gathered
from consent.contributions import guard, items, lines, quotas
from consent.contributions.groups import CONTRIBUTE, Group, Sealed, open_group, seal
from consent.contributions.items import Item
from consent.exceptions import (
    ConsentError,
    KeyReuse,
    QuotaSpent,
    RequestInvalid,
    TokenRefused,
    TooManyRecords,
    TryAgain,
)
from consent.models import Client, Contribution
from vault.exceptions import MalformedJSON, RecordInvalid, RRNFound, VaultError

MOST = 4_000  # records in one request
CHUNK_ITEMS = 200
CHUNK_BYTES = 1024 * 1024
ROUNDS = 3  # decisions, before the partner is asked to come again
Result = dict[str, Any]


def take(
    client: Client,
    token_digest: bytes,
    read: Callable[[int], bytes],
    *,
    idempotency_key: str,
) -> list[Result]:
    """Take the records of a stream (NDJSON) and return one result each, in their order.

    The door has looked at the proof of the token's key, if it is bound to one. `read` returns the next bytes of the stream, at most so many. Raises `TooManyRecords` with
    the results so far, `TokenRefused`, and what the database or the keys raise; then what was
    taken stays taken.
    """
    taking = _Taking(client, token_digest, idempotency_key)
    for chunk in _chunks(lines.split(read, items.LIMITS.size)):
        if len(taking.results) + len(chunk) > MOST:
            taking.take(chunk[: MOST - len(taking.results)])
            raise TooManyRecords(MOST, taking.results)
        taking.take(chunk)
    return taking.results


def _chunks(found: Iterable[bytes | None]) -> Iterator[list[bytes | None]]:
    chunk: list[bytes | None] = []
    size = 0
    for line in found:
        chunk.append(line)
        size += len(line or b"")
        if len(chunk) == CHUNK_ITEMS or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


class _Taking:
    """One request while it is worked off."""

    def __init__(self, client: Client, token: bytes, key: str) -> None:
        self.client, self.token = client, token
        self.reader = items.Reader(key)
        self.record_key = record_key(client.partner_id)
        self.results: list[Result] = []
        self.groups: dict[Asked, Group] = {}

    def take(self, chunk: Sequence[bytes | None]) -> None:
        """Work off the next lines: their results stand at the end of `results` afterwards."""
        start = len(self.results)
        self.results += [{"index": start + offset} for offset in range(len(chunk))]
        read = (self._read(line, start + offset) for offset, line in enumerate(chunk))
        found = [item for item in read if item]
        self.groups = {
            a: group for a, group in self.groups.items() if found and a == found[0].asked
        }
        while found:
            # The same key twice in one chunk: the first counts, the others are its repeats.
            first = {item.key: item for item in reversed(found)}
            self._take_all(list(reversed(first.values())))
            found = self._answer_earlier([i for i in found if first[i.key] is not i])

    def _take_all(self, found: list[Item]) -> None:
        waiting = reserved = self._within_quota(found)
        took = 0
        for _ in range(ROUNDS):
            waiting, more = self._put(waiting)
            took += more
        self._refuse_all(waiting, TryAgain())
        quotas.give_back(self.client.partner_id, len(reserved) - took, timezone.now())

    def _read(self, line: bytes | None, index: int) -> Item | None:
        try:
            return self.reader.read(line, index)
        except (MalformedJSON, RequestInvalid) as error:
            self._refuse(index, error)
            return None

    def _answer_earlier(self, found: Sequence[Item]) -> list[Item]:
        """Answer the items that were taken before; return the others."""
        made = _earlier(self.client, {item.key for item in found})
        for item in found:
            earlier = made.get(item.key)
            if earlier is None:
                continue
            if bytes(earlier.body_digest) == item.body_digest:
                self._answer(item.index, earlier.records[0], earlier.event_id)
            else:
                self._refuse(item.index, KeyReuse())
        return [item for item in found if item.key not in made]

    def _within_quota(self, found: list[Item]) -> list[Item]:
        now = timezone.now()
        room = quotas.reserve(self.client.partner_id, len(found), now)
        self._refuse_all(found[room:], QuotaSpent(quotas.next_window(now)))
        return found[:room]

    def _put(self, waiting: list[Item]) -> tuple[list[Item], int]:
        """Decide, seal and put in; return what has to be done again, and how many were taken."""
        self._decide(waiting)
        sealed = [each for item in waiting if (each := self._seal(item))]
        if not sealed:
            return [], 0
        named = [record_name(self.record_key, each.record) for each in sealed]
        name = self.client.partner.legal_name_ko
        batch = guard.Batch(items=sealed, source_name=name, named=named, now=timezone.now())
        put = guard.put(batch)
        for each, name in zip(sealed, named, strict=True):
            if each.entry.event_id in put.events:
                self._answer(each.item.index, name, each.entry.event_id)
        return self._left(sealed, put), len(put.events)

    def _left(self, sealed: Sequence[Sealed], put: guard.Put) -> list[Item]:
        fresh = {id(group) for group in put.fresh}
        left = [each for each in sealed if each.entry.event_id not in put.events]
        # Of a group that was as decided, only a used key is left out: another call was first.
        self._answer_earlier([each.item for each in left if id(each.group) in fresh])
        stale = [each for each in left if id(each.group) not in fresh]
        for each in stale:
            self.groups.pop(each.item.asked, None)
        return [each.item for each in stale]

    def _decide(self, waiting: Sequence[Item]) -> None:
        """Open the groups that are allowed and not open yet; refuse and log the others."""
        asked = list(dict.fromkeys(i.asked for i in waiting if i.asked not in self.groups))
        refused: dict[Asked, ConsentError] = {}
        found = facts.gather_many(self.token, asked, action=CONTRIBUTE)
        for one, gathered in zip(asked, found, strict=True):
            known, now = gathered.facts, timezone.now()
            jkt = known.client.token_jkt or ""  # as the door has seen it proved
            why = decide(known, now, purpose=one.purpose, fields=None, proof_jkt=jkt)
            if why is None:
                self.groups[one] = open_group(one, gathered)
            else:
                refused[one] = _logged(one, gathered, why)
        for item in self._answer_earlier([item for item in waiting if item.asked in refused]):
            self._refuse(item.index, refused[item.asked])

    def _seal(self, item: Item) -> Sealed | None:
        group = self.groups.get(item.asked)
        if group is None:
            return None
        try:
            return seal(item, group)
        except (RequestInvalid, RecordInvalid, RRNFound) as error:
            self._refuse(item.index, error)
            return None

    def _answer(self, index: int, record: str, event: UUID) -> None:
        self.results[index] |= {"record": record, "event": str(event)}

    def _refuse_all(self, found: Sequence[Item], error: ConsentError) -> None:
        """Refuse what was not taken before: that is answered as it was then."""
        for item in self._answer_earlier(found):
            self._refuse(item.index, error)

    def _refuse(self, index: int, error: ConsentError | VaultError) -> None:
        self.results[index] |= told.error(error)


def _earlier(client: Client, keys: set[str]) -> dict[str, Contribution]:
    if not keys:
        return {}
    used = Contribution.objects.filter(client=client, idempotency_key__in=keys)
    return {one.idempotency_key: one for one in used}


def _logged(asked: Asked, gathered: Gathered, why: ConsentError) -> ConsentError:
    """Log a refusal and return it. Raises it where it is about the caller, not about the item."""
    refusals.refuse(
        gathered.facts,
        gathered.keys.audit.id if gathered.keys.audit else None,
        purpose=asked.purpose,
        category=asked.category,
        action=CONTRIBUTE,
        reason=why.code,
    )
    why.entered = True
    if isinstance(why, TokenRefused):
        raise why
    return refusals.with_obligation(why, gathered.facts)
