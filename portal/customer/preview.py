"""What exactly a brand would see: the owner's own newest records, reduced to what is asked for."""

from dataclasses import dataclass

from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual, LessThan
from django.utils import timezone

from consent.access import ranges
from consent.access.orders import MOST_RECORDS
from consent.models import AccessRequest, RequestItem
from portal.customer import words
from vault import categories, pods
from vault.derived import computing
from vault.models import Pod

SHOWN = 3
ZONE = "Asia/Seoul"


@dataclass(frozen=True, slots=True)
class Preview:
    """The newest records of one item, and how many there are in all."""

    records: list[list[words.Line]]
    total: int

    @property
    def more(self) -> int:
        """Return how many are not shown."""
        return self.total - len(self.records)


def of(pod: Pod, asked: AccessRequest, item: RequestItem) -> Preview:
    """Return what this item would show today."""
    kind = categories.get(item.category)
    now = timezone.now()
    window = ranges.window(asked.data_range, ZONE, now)
    found = pod.records.shown().filter(category=kind.source)
    at = Coalesce("occurred_at", "obtained_at")
    if window.since is not None:
        found = found.filter(GreaterThanOrEqual(at, window.since))
    if window.until is not None:
        found = found.filter(LessThan(at, window.until))
    newest = found.order_by(at.desc(), "-id")
    if computing.is_aggregate(kind.compute):
        values = [each.value for each in pods.open_all(pod, newest[:MOST_RECORDS])]
        shown = computing.of_all(kind.compute, values, now, ZONE, complete=True)
        return Preview([words.lines(kind, _reduced(shown, item.fields))], 1)
    opened = [each.value for each in pods.open_all(pod, newest[:SHOWN])]
    if kind.of:
        opened = [computing.of_one(kind.compute, value, now, ZONE) for value in opened]
    records = [words.lines(kind, _reduced(value, item.fields)) for value in opened]
    return Preview(records, found.count())


def _reduced(value: object, fields: list[str] | None) -> object:
    if fields is None or not isinstance(value, dict):
        return value
    return {name: value[name] for name in fields if name in value}
