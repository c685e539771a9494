"""Events of a calendar become records, in the zone that the calendar means."""

import pytest

from tests.vault.importing import SECRET, problems, take
from vault import pods
from vault.exceptions import FileRefused
from vault.importers import ical
from vault.importers.findings import Bad, Item
from vault.models import Pod


def calendar(*lines: str) -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", *lines, "END:VCALENDAR", ""])


def event(*lines: str) -> tuple[str, ...]:
    return ("BEGIN:VEVENT", *lines, "END:VEVENT")


def test_one_broken_event_does_not_take_the_others_along(pod: Pod) -> None:
    text = calendar(
        *event("DTSTART:garbage " + SECRET),
        *event("DTSTART:20260101"),
        *event("SUMMARY:" + SECRET),
        "BEGIN:VEVENT",
        "DTSTART:20260102",
        *event("DTSTART;TZID=No/Where:20260101T000000"),
        *event("DTSTART:20260103T000000", "DURATION:PT1H"),
    )
    report = take(pod, text, "ical")
    assert problems(report) == [
        (2, "has a line that is not iCalendar"),
        (8, "has no start that can be read"),
        (11, "does not end"),
        (13, "names a time zone that the file does not define"),
    ]
    assert SECRET not in str(report)
    assert {one.value["starts_at"] for one in pods.read(pod, "calendar_event")} == {
        "2026-01-01",
        "2026-01-03T00:00:00+09:00",
    }


def test_a_time_without_a_zone_is_in_the_zone_of_its_calendar() -> None:
    text = calendar("X-WR-TIMEZONE:Europe/Paris", *event("DTSTART:20260701T120000"))
    (found,) = ical.read(text.encode())
    assert isinstance(found, Item)
    assert found.value["starts_at"] == "2026-07-01T12:00:00+02:00"


def test_a_zone_with_a_vendors_prefix_is_understood() -> None:
    using = event("DTSTART;TZID=/freeassociation.sourceforge.net/Europe/Berlin:20260101T000000")
    (found,) = ical.read(calendar(*using).encode())
    assert isinstance(found, Item)
    assert found.value["starts_at"] == "2026-01-01T00:00:00+01:00"


def zone(*rule: str) -> tuple[str, ...]:
    return (
        "BEGIN:VTIMEZONE",
        "TZID:Office",
        "BEGIN:STANDARD",
        "DTSTART:19700101T000000",
        "TZOFFSETFROM:+0500",
        "TZOFFSETTO:+0500",
        *rule,
        "END:STANDARD",
        "END:VTIMEZONE",
    )


def test_one_persons_time_zone_means_nothing_in_anothers_file() -> None:
    using = event("DTSTART;TZID=Office:20260101T000000")
    (mine,) = ical.read(calendar(*zone(), *using).encode())
    assert isinstance(mine, Item)
    assert mine.value["starts_at"].endswith("+05:00")
    (other,) = ical.read(calendar(*using).encode())
    assert isinstance(other, Bad)


@pytest.mark.parametrize(
    "rule", ["RRULE:FREQ=SECONDLY", "RRULE:FREQ=YEAR\r\n LY;BYSECOND=1,2,3", "RRULE:FREQ=DAILY"]
)
def test_a_time_zone_that_changes_by_the_second_is_not_unrolled(rule: str) -> None:
    using = event("DTSTART;TZID=Office:20260101T000000")
    first, second = ical.read(calendar(*zone(rule), *using).encode())
    assert first == Bad(2, "is a time zone that cannot be read")
    assert isinstance(second, Bad)


@pytest.mark.parametrize("data", [b"", b"hello", b"BEGIN:VCARD\nEND:VCARD", b"\xff\xfe\xff"])
def test_a_file_that_is_no_calendar_is_refused(data: bytes) -> None:
    with pytest.raises(FileRefused):
        list(ical.read(data))
