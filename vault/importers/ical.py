"""Reads iCalendar (RFC 5545): every event becomes a record; repetitions stay rules.

The file is cut into its events first, so that each finding has its line and one broken event
does not take the others along. A time without a zone is in the calendar's zone, or in ours.
"""

import re
import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime, tzinfo
from threading import Lock
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import icalendar
from django.conf import settings
from django.utils.translation import gettext as _
from icalendar.cal.component import Component
from icalendar.timezone import tzp

from vault.exceptions import FileRefused
from vault.importers import texts
from vault.importers.findings import Bad, Finding, Item

_MOST_ZONES = 50
_USED = frozenset({"DTSTART", "DTEND", "DURATION", "SUMMARY", "LOCATION", "DESCRIPTION", "UID"})
_STATUS = {"CONFIRMED": "confirmed", "TENTATIVE": "tentative", "CANCELLED": "cancelled"}
# Zones repeat by the year. A rule by the second would be unrolled for decades.
_RULE = re.compile(r"^RRULE[^:\r\n]*:(.*?)\r?$", re.MULTILINE | re.IGNORECASE)
_RULE_PARTS = frozenset(
    {"FREQ", "INTERVAL", "BYDAY", "BYMONTH", "BYMONTHDAY", "UNTIL", "COUNT", "WKST"}
)
_HEADER = re.compile(r"^(X-WR-CALNAME|X-WR-TIMEZONE)(?:;[^:\r\n]*)?:(.*)$", re.MULTILINE)
# The library keeps the zones that a file defines for the whole process. One file at a time, and
# its zones forgotten afterwards: nobody's file says what another's time zone means.
_ZONES = Lock()


class _Odd(Exception):
    """An event that cannot be read."""


def read(data: bytes) -> Iterator[Finding]:
    """Yield the events of an iCalendar file. Raises `FileRefused` where it is none."""
    text = texts.decode(data).replace("\r\n", "\n").replace("\r", "\n")
    if "BEGIN:VCALENDAR" not in text.upper()[:10_000]:
        raise FileRefused(_("is not iCalendar"), 1)
    header = dict(_HEADER.findall(text[:10_000]))
    # Its warnings quote the file, and would end up on a terminal or in a log.
    with _ZONES, warnings.catch_warnings(action="ignore"):
        try:
            found = [*_define_zones(text), *_events(text, header)]
        finally:
            tzp.use_default()
    yield from found


def _define_zones(text: str) -> Iterator[Bad]:
    """Let the library know the file's zones, and yield those that it must not or cannot."""
    for number, (line, block) in enumerate(_blocks(text, "VTIMEZONE")):
        if number == _MOST_ZONES:
            raise FileRefused(_("defines more than %(limit)s time zones") % {"limit": _MOST_ZONES})
        bad = Bad(line, _("is a time zone that cannot be read"))
        if block is None or not _repeats_by_the_year(block):
            yield bad
            continue
        try:
            icalendar.Timezone.from_ical(block)
        except Exception:  # noqa: BLE001 - the library raises whatever it meets
            yield bad


def _repeats_by_the_year(block: str) -> bool:
    """Return whether no rule of a zone could be unrolled into more than a few dates a year."""
    for rule in _RULE.findall(re.sub(r"\r?\n[ \t]", "", block)):
        parts = {part.partition("=")[0].strip().upper() for part in rule.split(";")}
        if "FREQ=YEARLY" not in rule.upper() or not parts <= _RULE_PARTS:
            return False
    return True


def _events(text: str, header: dict[str, str]) -> Iterator[Finding]:
    zone = _zone(header.get("X-WR-TIMEZONE", "").strip())
    calendar = header.get("X-WR-CALNAME", "").strip()[:200]
    for line, block in _blocks(text, "VEVENT"):
        if block is None:
            yield Bad(line, _("does not end"))
            continue
        try:
            value = _event(block, zone)
        except _Odd as odd:
            yield Bad(line, str(odd))
        else:
            yield Item(line, "calendar_event", value | ({"calendar": calendar} if calendar else {}))


def _blocks(text: str, name: str) -> Iterator[tuple[int, str | None]]:
    """Yield the line and the text of each component; None for one that does not end."""
    begun: int | None = None
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        word = line.strip().upper()
        if word == f"BEGIN:{name}":
            if begun is not None:
                yield begun, None
            begun = number
        elif word == f"END:{name}" and begun is not None:
            yield begun, "\r\n".join(lines[begun - 1 : number]) + "\r\n"
            begun = None
    if begun is not None:
        yield begun, None


def _event(block: str, zone: tzinfo) -> dict[str, Any]:
    try:
        event = icalendar.Event.from_ical(block)
    except Exception:  # noqa: BLE001 - the library raises whatever it meets
        raise _Odd(_("is not iCalendar")) from None
    if any(name is None or name in _USED for name, _text in event.errors):
        raise _Odd(_("has a line that is not iCalendar"))
    starts = _moment(event, "DTSTART", zone)
    if starts is None:
        raise _Odd(_("has no start that can be read"))
    value = {
        "title": _text(event, "SUMMARY"),
        "starts_at": _written(starts),
        "ends_at": _written(_end(event, starts, zone)),
        "all_day": True if not isinstance(starts, datetime) else None,
        "place": _text(event, "LOCATION"),
        "note": _text(event, "DESCRIPTION"),
        "status": _STATUS.get((_text(event, "STATUS") or "").upper()),
        "repeats": _repeats(event),
        "uid": _text(event, "UID"),
    }
    return {name: inner for name, inner in value.items() if inner is not None}


def _one(event: Component, name: str) -> Any:
    """Return a property that an event has once; the first where a file has it more often."""
    found = event.get(name)
    return found[0] if isinstance(found, list) else found


def _text(event: Component, name: str) -> str | None:
    found = _one(event, name)
    return str(found).strip() or None if found is not None else None


def _repeats(event: Component) -> str | None:
    rule = _one(event, "RRULE")
    return rule.to_ical().decode() if rule is not None else None


def _moment(event: Component, name: str, zone: tzinfo) -> date | datetime | None:
    found = _one(event, name)
    moment = getattr(found, "dt", None)
    if not isinstance(moment, datetime):
        return moment if isinstance(moment, date) else None
    if moment.tzinfo is None:
        if "TZID" in found.params:
            raise _Odd(_("names a time zone that the file does not define"))
        return moment.replace(tzinfo=zone)
    return moment


def _end(event: Component, starts: date, zone: tzinfo) -> date | None:
    ends = _moment(event, "DTEND", zone)
    length = getattr(_one(event, "DURATION"), "dt", None)
    try:
        return starts + length if ends is None and length is not None else ends
    except (OverflowError, TypeError):
        raise _Odd(_("has an odd duration")) from None


def _written(moment: date | None) -> str | None:
    """Return a day as a day, and a moment with its own offset from UTC."""
    if not isinstance(moment, datetime):
        return moment.isoformat() if moment is not None else None
    try:
        offset = moment.utcoffset()
        if offset is None or offset.seconds % 60:
            moment = moment.astimezone(UTC)  # old local mean times have offsets with seconds
    except OverflowError:
        raise _Odd(_("has an odd time")) from None
    return moment.isoformat()


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name or settings.TIME_ZONE)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(settings.TIME_ZONE)
