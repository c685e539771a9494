"""Imports a file into a pod: reads, checks, then puts everything in with one transaction."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import PurePath
from typing import IO, Any, Literal, NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from audit.types import EntryType
from vault import holding, opening, pods, resident_numbers
from vault.exceptions import FileRefused, RecordInvalid, RRNFound
from vault.importers import archives, gpx, ical, table
from vault.importers import mapping as mappings
from vault.importers.findings import LARGEST_FILE, MOST_RECORDS, Bad, Finding, Item
from vault.models import Pod, Source

KINDS = ("gpx", "ical", "csv", "json", "zip")
_ENDINGS = {".gpx": "gpx", ".ics": "ical", ".csv": "csv", ".tsv": "csv", ".json": "json",
            ".zip": "zip"}  # fmt: skip
# More than these are counted, not listed: whoever chose a wrong mapping needs no million lines.
MOST_PROBLEMS = 1000
OnError = Literal["skip", "stop"]
Progress = Callable[[int], None]


class Problem(NamedTuple):
    """What became no record: a line (from 1) and a reason, never a value."""

    line: int
    reason: str
    # Which file of an archive, from 1; None for the file itself.
    part: int | None = None


@dataclass(kw_only=True)
class Report:
    """What an import did."""

    imported: int = 0
    # In the pod before, with the same content: importing a file twice is importing it once.
    already: int = 0
    categories: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0

    def add(self, problem: Problem) -> None:
        """Count a problem, and list it if there are not too many yet."""
        self.problem_count += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)


def import_file(
    pod: Pod,
    file: IO[bytes],
    kind: str,
    mapping: bytes | Mapping[str, Any] | None = None,
    on_error: OnError = "skip",
    *,
    mask: bool = False,
    role: str = "owner",
    progress: Progress | None = None,
) -> Report:
    """Put the records of a file into the pod and report.

    `on_error` "skip" keeps the good records, "stop" keeps none if one is bad. `mask` covers
    resident registration numbers instead of refusing their records. `progress` hears how many
    records were looked at. Raises `FileRefused`, `MappingInvalid`, `PodErased`; then nothing
    was kept.
    """
    data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise FileRefused(_("is larger than %(limit)s bytes") % {"limit": LARGEST_FILE})
    report, prepared = Report(), []
    checked_mapping = mappings.load(mapping) if mapping is not None else None
    for number, (part, finding) in enumerate(_findings(data, kind, checked_mapping), 1):
        if number > MOST_RECORDS:
            raise FileRefused(_("holds more than %(limit)s records") % {"limit": MOST_RECORDS})
        one = _prepared(finding, mask=mask)
        if isinstance(one, Bad):
            report.add(Problem(one.line, one.reason, part))
        else:
            prepared.append(one)
        if progress is not None:
            progress(number)
    if on_error == "skip" or not report.problem_count:
        _keep(pod, prepared, report, kind, role)
    return report


def kind_of(name: str) -> str:
    """Return the kind of a file by the end of its name. Raises `FileRefused`."""
    try:
        return _ENDINGS[PurePath(name).suffix.lower()]
    except KeyError:
        raise FileRefused(_("is of a kind that the vault does not read")) from None


def _findings(
    data: bytes, kind: str, mapping: mappings.Mapping | None
) -> Iterator[tuple[int | None, Finding]]:
    if kind != "zip":
        yield from ((None, finding) for finding in _read(data, kind, mapping))
        return
    for part, (name, content) in enumerate(archives.members(data), 1):
        try:
            for finding in _read(content, kind_of(name), mapping):
                yield part, finding
        except FileRefused as error:
            # One file of an archive is to the others what one record of a file is to the rest.
            yield part, Bad(error.line or 1, error.reason)


def _read(data: bytes, kind: str, mapping: mappings.Mapping | None) -> Iterator[Finding]:
    if kind == "gpx":
        return gpx.read(data)
    if kind == "ical":
        return ical.read(data)
    if kind not in ("csv", "json"):
        raise FileRefused(_("is of a kind that the vault does not read"))
    if mapping is None:
        raise FileRefused(_("is a table and needs a mapping file"))
    return table.read(data, mapping, kind)


def _prepared(finding: Finding, *, mask: bool) -> pods.Prepared | Bad:
    if isinstance(finding, Bad):
        return finding
    value = resident_numbers.mask(finding.category, finding.value) if mask else finding.value
    try:
        return pods.prepare(finding.category, value)
    except RRNFound as error:
        return Bad(finding.line, str(error.sentence))
    except RecordInvalid as error:
        return Bad(finding.line, str(error))


def _keep(pod: Pod, prepared: list[pods.Prepared], report: Report, kind: str, role: str) -> None:
    """Put the records in that are not there yet, with one entry for all of them."""
    with transaction.atomic():
        # Alone, so that the same file twice at once is not in the pod twice afterwards.
        pod = holding.alone(pod)
        fresh = _without_known(pod, prepared)
        report.already = len(prepared) - len(fresh)
        if not fresh:
            return
        made = pods.add(pod, fresh)
        counts = Counter(one.category for one in made)
        report.imported, report.categories = len(made), dict(counts)
        detail = {"records": dict(counts), "file": kind, "left_out": report.problem_count}
        pods.append(
            made[0].pod, EntryType.RECORD_IMPORTED, counts, detail, count=len(made), role=role
        )


def _without_known(pod: Pod, prepared: list[pods.Prepared]) -> list[pods.Prepared]:
    """Drop what the owner has already, each record as often as he has it."""
    names = {one.category for one in prepared}
    records = pod.records.filter(category__in=names, source=Source.OWNER).iterator(500)
    known = Counter(_digest(*plain) for plain in opening.plain(pod, names, records))
    fresh = []
    for one in prepared:
        digest = _digest(one.category, one.data)
        if known[digest]:
            known[digest] -= 1
        else:
            fresh.append(one)
    return fresh


def _digest(category: str, data: bytes) -> bytes:
    return sha256(category.encode() + b"\n" + data).digest()


__all__ = ["KINDS", "Item", "Problem", "Report", "import_file", "kind_of"]
