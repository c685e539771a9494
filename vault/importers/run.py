"""Imports a file into a pod: reads, checks, then puts everything in with one transaction."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import PurePath
from typing import IO, Any, Literal

from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from audit.types import EntryType
from vault import holding, opening, pods, resident_numbers
from vault.exceptions import FileRefused, RecordInvalid, RRNFound
from vault.importers import archives, gpx, ical, table
from vault.importers import mapping as mappings
from vault.importers.findings import LARGEST_FILE, MOST_RECORDS, Bad, Finding, Item
from vault.importers.report import Problem, Report, shown, told
from vault.models import Pod, Source

KINDS = ("gpx", "ical", "csv", "json", "zip")
_ENDINGS = {".gpx": "gpx", ".ics": "ical", ".csv": "csv", ".tsv": "csv", ".json": "json",
            ".zip": "zip"}  # fmt: skip
# Words for people that lie in many archives. They are listed as not read and stop nothing.
_READ_ME = re.compile(r"read[ _-]?me[^/]*\Z", re.IGNORECASE)
OnError = Literal["skip", "stop"]
Progress = Callable[[int], None]


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
        raise FileRefused(_("is larger than %(limit)s") % {"limit": filesizeformat(LARGEST_FILE)})
    report, prepared = Report(), []
    checked_mapping = mappings.load(mapping) if mapping is not None else None
    found = _findings(data, kind, checked_mapping, report)
    for number, (part, finding) in enumerate(found, 1):
        if number > MOST_RECORDS:
            raise FileRefused(_("holds more than %(limit)s records") % {"limit": MOST_RECORDS})
        one = _prepared(finding, mask=mask)
        if isinstance(one, Bad):
            report.add(Problem(one.line, one.reason, part, one.entry))
        else:
            prepared.append(one)
        if progress is not None:
            progress(number)
    if on_error == "skip" or report.fits:
        _keep(pod, prepared, report, kind, role)
    else:
        report.stopped, report.held_back = True, len(prepared)
    return report


def kind_of(name: str) -> str:
    """Return the kind of a file by the end of its name. Raises `FileRefused`."""
    try:
        return _ENDINGS[PurePath(name).suffix.lower()]
    except KeyError:
        raise FileRefused(_("is of a kind that the vault does not read")) from None


def _findings(
    data: bytes, kind: str, mapping: mappings.Mapping | None, report: Report
) -> Iterator[tuple[str | None, Finding]]:
    """Yield each finding with its file of an archive; files that are not read go to the report."""
    if kind != "zip":
        yield from ((None, finding) for finding in _read(data, kind, mapping))
        return
    for name, content in archives.members(data):
        part = shown(name)
        try:
            for finding in _read(content, kind_of(name), mapping):
                yield part, finding
        except FileRefused as error:
            # One file of an archive is to the others what one record of a file is to the rest.
            harmless = _READ_ME.match(PurePath(name).name) is not None
            why = Problem(error.line or 1, error.reason, part)
            report.leave_unread(why, harmless=harmless)


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
        return Bad(finding.line, str(error.sentence), finding.entry)
    except RecordInvalid as error:
        return Bad(finding.line, told(finding.category, error), finding.entry)


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
        detail = {"records": dict(counts), "file": kind, "left_out": report.left_out}
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
