"""Real exported files become records; broken ones are reported by line and reason."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gpxpy
import pytest
from django.core.management import CommandError, call_command

from audit.entries import of_person
from audit.models import Entry
from vault import pods
from vault.exceptions import FileRefused, MappingInvalid, PodErased
from vault.importers import gpx, ical, mapping, run
from vault.importers.findings import Bad, Item
from vault.models import Pod, Record

SAMPLES = Path(__file__).parent.parent / "samples"
SECRET = "비밀-2b7e"
RRN = "900101-1234567"
PURCHASES = {
    "category": "purchase",
    "fields": {
        "shop": {"column": "가맹점명"},
        "at": {"columns": ["승인일자", "승인시각"], "date": ["%Y.%m.%d %H:%M"]},
        "total.amount": {"column": "금액"},
        "total.currency": {"constant": "KRW"},
        "channel": {"column": "구분", "values": {"온라인": "online", "매장": "store"}},
        "returned": {"column": "취소"},
        "items.product": {"column": "상품"},
    },
}
HEADER = "가맹점명,승인일자,승인시각,금액,구분,취소,상품\n"
GOOD = '봄꽃시장,2026.03.01,14:05,"12,900원",매장,N,튤립\n'


def take(pod: Pod, data: bytes | str, kind: str, **more: Any) -> run.Report:
    raw = data.encode() if isinstance(data, str) else data
    return run.import_file(pod, io.BytesIO(raw), kind, **more)


def problems(report: run.Report) -> list[tuple[int, str]]:
    return [(problem.line, problem.reason) for problem in report.problems]


# Samples -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "categories", "bad"),
    [
        ("drive.gpx", {"track": 1}, 0),
        ("hike.gpx", {"track": 1}, 0),
        ("unicode-bom.gpx", {"place": 1}, 0),
        ("calendar.ics", {"calendar_event": 3}, 0),
        ("timezoned.ics", {"calendar_event": 1}, 0),
        ("outlook-tz.ics", {"calendar_event": 1}, 0),
        ("broken.ics", {}, 1),
    ],
)
def test_a_real_exported_file_is_imported(
    pod: Pod, name: str, categories: dict[str, int], bad: int
) -> None:
    with (SAMPLES / name).open("rb") as file:
        report = run.import_file(pod, file, run.kind_of(name))
    assert report.categories == categories
    assert report.problem_count == bad
    assert report.imported == Record.objects.count() == sum(categories.values())


def test_every_sample_has_its_source_and_licence() -> None:
    listed = json.loads((SAMPLES / "PROVENANCE.json").read_text())["files"]
    assert all(row["licence"] and row["commit"] for row in listed)
    named = {row["file"] for row in listed} | {"PROVENANCE.json"}
    assert {path.name for path in SAMPLES.iterdir()} <= named


@pytest.mark.parametrize("name", ["drive.gpx", "hike.gpx"])
def test_a_track_is_as_another_library_reads_it(name: str) -> None:
    data = (SAMPLES / name).read_bytes()
    (found,) = gpx.read(data)
    assert isinstance(found, Item)
    (track,) = gpxpy.parse(data).tracks
    points = [point for segment in track.segments for point in segment.points]
    assert [(p["latitude"], p["longitude"]) for p in found.value["points"]] == [
        (point.latitude, point.longitude) for point in points
    ]
    assert found.value["distance_m"] == pytest.approx(track.length_2d(), rel=0.005)


def test_importing_a_file_twice_is_importing_it_once(pod: Pod) -> None:
    data = (SAMPLES / "calendar.ics").read_bytes()
    assert take(pod, data, "ical").imported == 3
    again = take(pod, data, "ical")
    assert (again.imported, again.already) == (0, 3)
    assert Record.objects.count() == 3


def test_an_import_is_one_entry_that_counts(pod: Pod) -> None:
    take(pod, (SAMPLES / "calendar.ics").read_bytes(), "ical")
    (entry,) = Entry.objects.filter(type="record.imported")
    leaf = json.loads(bytes(entry.leaf))
    assert (leaf["count"], leaf["categories"], leaf["actor"]["role"]) == (
        3,
        ["calendar_event"],
        "owner",
    )
    (seen,) = of_person(pod.owner.ref, types=["record.imported"])
    assert seen.detail is not None
    assert seen.detail["records"] == {"calendar_event": 3}


# GPX ---------------------------------------------------------------------------------
def test_a_run_with_a_heart_rate_is_a_workout(pod: Pod) -> None:
    point = (
        '<trkpt lat="37.5{0}" lon="127.0"><time>2026-01-02T07:0{0}:00+09:00</time><extensions>'
        "<g:TrackPointExtension><g:hr>14{0}</g:hr></g:TrackPointExtension></extensions></trkpt>"
    )
    data = (
        '<gpx version="1.1" xmlns:g="http://www.garmin.com/xmlschemas/TrackPointExtension/v1">'
        "<trk><name>아침</name><type>trail running</type><trkseg>"
        + "".join(point.format(n) for n in range(3))
        + "</trkseg></trk></gpx>"
    )
    assert take(pod, data, "gpx").categories == {"workout": 1}
    (opened,) = pods.read(pod, "workout")
    assert opened.value["kind"] == "run"
    assert opened.value["heart_rate"] == {"average": 141, "highest": 142}
    assert opened.value["started_at"] == "2026-01-01T22:00:00Z"
    assert opened.record.occurred_at == datetime(2026, 1, 1, 22, tzinfo=UTC)


def test_a_bad_point_is_reported_and_the_rest_of_its_track_kept() -> None:
    data = b"""<gpx><trk><trkseg>
<trkpt lat="1" lon="2"/>
<trkpt lat="91" lon="2"/>
<trkpt lat="1" lon="nan"/>
<trkpt lat="1"/>
<trkpt lat="1.1" lon="2"><time>yesterday</time></trkpt>
<trkpt lat="1.1" lon="2"/>
</trkseg></trk></gpx>"""
    found = list(gpx.read(data))
    assert [one.line for one in found if isinstance(one, Bad)] == [3, 4, 5, 6]
    (track,) = [one for one in found if isinstance(one, Item)]
    assert len(track.value["points"]) == 2


def test_a_file_that_breaks_off_keeps_what_came_before(pod: Pod) -> None:
    data = '<gpx><wpt lat="1" lon="2"/>\n<wpt lat="3" lon="4"><name>x</na'
    report = take(pod, data, "gpx")
    assert (report.imported, problems(report)) == (1, [(2, "is not well-formed from here on")])
    assert take(pod, data.replace("1", "5"), "gpx", on_error="stop").imported == 0


def test_a_long_track_is_split_into_parts(pod: Pod) -> None:
    data = "<gpx><trk><trkseg>" + '<trkpt lat="1" lon="2"/>' * 12_000 + "</trkseg></trk></gpx>"
    assert take(pod, data, "gpx").categories == {"track": 3}
    parts = {one.value["part"]: len(one.value["points"]) for one in pods.read(pod, "track")}
    assert parts == {1: 5000, 2: 5000, 3: 2000}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is not GPX"),
        (b"<kml/>", "is not GPX"),
        (b"\x00\x01\x02", "is not GPX"),
        (b"<gpx>" + b"<a>" * 10_000, "nested too deeply"),
        (b'<?xml version="1.0" encoding="utf-7"?><gpx/>', "encoding"),
        (b'<gpx><wpt lat="1" lon="2"><name>\xff</name></wpt></gpx>', "encoding"),
        (b'<!DOCTYPE gpx SYSTEM "file:///etc/passwd"><gpx/>', "document type or entities"),
        (
            b'<!DOCTYPE g [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY c "&b;&b;">]>'
            b"<gpx><wpt lat='1' lon='2'><name>&c;</name></wpt></gpx>",
            "document type or entities",
        ),
        (
            '<!DOCTYPE g [<!ENTITY x SYSTEM "http://127.0.0.1/">]><gpx>&x;</gpx>'.encode("utf-16"),
            "document type or entities",
        ),
    ],
)
def test_a_gpx_file_that_is_none_or_could_hurt_is_refused(
    pod: Pod, data: bytes, reason: str
) -> None:
    with pytest.raises(FileRefused, match=reason):
        take(pod, data, "gpx")
    assert not Record.objects.exists()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp949", "euc-kr", "utf-8-sig"])
def test_a_gpx_file_may_be_in_another_encoding(encoding: str) -> None:
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    text = f'<?xml version="1.0" encoding="{declared}"?>\n<gpx><wpt lat="1" lon="2"><name>남산</name></wpt></gpx>'
    (found,) = gpx.read(text.encode(encoding))
    assert isinstance(found, Item)
    assert (found.line, found.value["name"]) == (2, "남산")


# iCalendar ---------------------------------------------------------------------------
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


# Tables ------------------------------------------------------------------------------
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_a_table_is_read_by_its_mapping(pod: Pod, encoding: str) -> None:
    how = {**PURCHASES, "encoding": encoding}
    report = take(pod, (HEADER + GOOD).encode(encoding), "csv", mapping=how)
    assert (report.imported, problems(report)) == (1, [])
    (opened,) = pods.read(pod, "purchase")
    assert opened.value == {
        "shop": "봄꽃시장",
        "at": "2026-03-01T14:05:00+09:00",
        "total": {"amount": 12900, "currency": "KRW"},
        "channel": "store",
        "returned": False,
        "items": [{"product": "튤립"}],
    }


def test_bad_rows_are_told_by_line_and_column_and_the_good_ones_kept(pod: Pod) -> None:
    text = (
        HEADER
        + GOOD
        + f"{SECRET},{SECRET},14:05,1,매장,N,x\n"
        + f"{SECRET},2026.03.01,14:05,{SECRET},매장,N,x\n"
        + f"{SECRET},2026.03.01,14:05,1,{SECRET},N,x\n"
        + f"{SECRET},2026.03.01,14:05,1,매장,{SECRET},x\n"
        + f"{SECRET},2026.03.01\n"
        + '"두\n줄",2026.03.02,14:05,1,매장,N,x\n'
        + ",2026.03.01,14:05,1,매장,N,x\n"
        + f"a,2026.03.01,14:05,1,매장,N,{RRN}\n"
        + f"a,2026.03.01,14:05,1,매장,N,{'x' * 201}\n"
        + "\n"
    )
    report = take(pod, text, "csv", mapping=PURCHASES)
    assert problems(report) == [
        (3, "column “승인일자 + 승인시각”: is not a date in the form that the mapping names"),
        (4, "column “금액”: is not a number"),
        (5, "column “구분”: is none of the values that the mapping knows"),
        (6, "column “취소”: is neither yes nor no"),
        (7, "has 2 cells instead of 7"),
        (10, "/: the field “shop” is missing"),
        (
            11,
            "Resident registration numbers cannot be accepted. "
            "Cover that part and upload it again.",
        ),
        (12, "/items/0/product: is longer than 200 characters"),
    ]
    assert SECRET not in str(report)
    assert RRN not in str(report)
    assert report.imported == 2


def test_stop_keeps_nothing_if_one_row_is_bad(pod: Pod) -> None:
    text = HEADER + GOOD + "x\n"
    report = take(pod, text, "csv", mapping=PURCHASES, on_error="stop")
    assert (report.imported, report.problem_count) == (0, 1)
    assert not Record.objects.exists()
    assert not Entry.objects.filter(type="record.imported").exists()


@pytest.mark.rule("consent.md", "11.4")
def test_resident_numbers_are_covered_if_the_owner_wants(pod: Pod) -> None:
    text = HEADER + GOOD.replace("튤립", f"예약자 {RRN}")
    assert take(pod, text, "csv", mapping=PURCHASES, mask=True).imported == 1
    (opened,) = pods.read(pod, "purchase")
    assert opened.value["items"] == [{"product": "예약자 900101-*******"}]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no header"),
        ("가맹점명,가맹점명\n", "two columns of one name"),
        ("a,b\n1,2\n", "has no column"),
        ('"' + HEADER + GOOD, "has no header"),
        (HEADER.encode("cp949"), "is not in the encoding utf-8"),
    ],
)
def test_a_table_that_cannot_be_read_at_all_is_refused(
    pod: Pod, text: str | bytes, reason: str
) -> None:
    with pytest.raises(FileRefused, match=reason):
        take(pod, text, "csv", mapping=PURCHASES)


def test_a_quotation_mark_that_does_not_end_is_reported_where_it_begins(pod: Pod) -> None:
    report = take(pod, HEADER + GOOD + 'a,"b\nc\nd\n', "csv", mapping=PURCHASES)
    assert report.imported == 1
    assert [problem.line for problem in report.problems] == [3]


def test_rows_of_json_are_read_by_path_and_told_by_line(pod: Pod) -> None:
    how = {
        "category": "browsing",
        "rows": "data.list",
        "fields": {
            "product": {"column": "item.name"},
            "price.amount": {"column": "item.price"},
            "price.currency": {"constant": "KRW"},
            "where": {"column": "site"},
        },
    }
    text = """{"note": "[x", "list": [1],
 "data": {"count": 3, "list": [
  {"item": {"name": "의자", "price": "45,000"}, "site": "x"},
  5,
  {"item": {"name": "책상", "price": 1}}, {"item":
    {"name": "등", "price": "비싸요"}},
  {"item": [{"name": "a"}], "site": "x"}
 ]}}"""
    report = take(pod, text, "json", mapping=how)
    assert problems(report) == [
        (4, "is not an object"),
        (5, "column “item.price”: is not a number"),
        (7, "/: the field “product” is missing"),
    ]
    assert {one.value["product"] for one in pods.read(pod, "browsing")} == {"의자", "책상"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'[{"a": 1, "a": 2}]', "same name twice"),
        (b"[{]", "no name"),
        (b"[NaN]", "JSON does not know"),
        (b"[" * 40 + b"]" * 40, "deeper than"),
        (b"\xff", "encoding"),
        (b'{"rows": []}', "no list of rows"),
        (b"[" + b" " * run.LARGEST_FILE, "larger than"),
    ],
)
def test_broken_json_is_refused_with_its_line(pod: Pod, data: bytes, reason: str) -> None:
    how = {"category": "meal", "fields": {"dish": {"column": "a"}}}
    with pytest.raises(FileRefused, match=reason):
        take(pod, data, "json", mapping=how)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (b"{", "no name"),
        (b'{"category": "meal", "category": "meal"}', "same name twice"),
        ({}, "is missing"),
        ({"category": "nonsense", "fields": {"a": {"column": "x"}}}, "no such category"),
        ({"category": "meal", "fields": {"nonsense": {"column": "x"}}}, "no such field"),
        ({"category": "meal", "fields": {"price.x": {"column": "x"}}}, "no such field"),
        ({"category": "meal", "fields": {"dish": {"colum": "x"}}}, "does not know"),
        ({"category": "meal", "fields": {"dish": {"date": "%Y"}}}, "either columns or a constant"),
        (
            {"category": "meal", "fields": {"dish": {"column": "x", "constant": "y"}}},
            "either columns or a constant",
        ),
        (
            {"category": "meal", "fields": {"at": {"column": "x", "zone": "Mars/Base"}}},
            "no such zone",
        ),
        (
            {"category": "meal", "encoding": "zlib", "fields": {"dish": {"column": "x"}}},
            "does not read this one",
        ),
    ],
)
def test_a_mapping_that_is_wrong_says_where(how: Any, reason: str) -> None:
    with pytest.raises(MappingInvalid, match=reason):
        mapping.load(how)


def test_a_table_without_a_mapping_is_refused(pod: Pod) -> None:
    with pytest.raises(FileRefused, match="needs a mapping"):
        take(pod, HEADER + GOOD, "csv")


# All of them -------------------------------------------------------------------------
def test_a_file_that_is_too_large_is_refused(pod: Pod) -> None:
    with pytest.raises(FileRefused, match="larger than"):
        take(pod, b" " * (run.LARGEST_FILE + 1), "gpx")


def test_too_many_records_are_refused(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "MOST_RECORDS", 2)
    with pytest.raises(FileRefused, match="more than 2 records"):
        take(pod, (SAMPLES / "calendar.ics").read_bytes(), "ical")
    assert not Record.objects.exists()


def test_a_million_problems_are_counted_and_not_all_listed(
    pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "MOST_PROBLEMS", 3)
    report = take(pod, HEADER + "x\n" * 10, "csv", mapping=PURCHASES)
    assert (report.problem_count, len(report.problems)) == (10, 3)


def test_an_erased_pod_takes_no_file(pod: Pod) -> None:
    pods.destroy(pod)
    with pytest.raises(PodErased):
        take(pod, (SAMPLES / "calendar.ics").read_bytes(), "ical")


def test_an_unknown_kind_of_file_is_refused(pod: Pod) -> None:
    with pytest.raises(FileRefused, match="of a kind"):
        run.kind_of("photo.exe")
    with pytest.raises(FileRefused, match="of a kind"):
        take(pod, b"", "exe")


def test_progress_is_told(pod: Pod) -> None:
    steps: list[int] = []
    take(pod, (SAMPLES / "calendar.ics").read_bytes(), "ical", progress=steps.append)
    assert steps == [1, 2, 3]


# The command -------------------------------------------------------------------------
def test_the_command_imports_and_counts(pod: Pod) -> None:
    out = io.StringIO()
    call_command("import_file", pod.owner.email, str(SAMPLES / "calendar.ics"), stdout=out)
    assert "3 imported, 0 already there, 0 left out." in out.getvalue()
    (entry,) = Entry.objects.filter(type="record.imported")
    assert json.loads(bytes(entry.leaf))["actor"]["role"] == "operator"


def test_the_command_shows_lines_and_no_values(pod: Pod, tmp_path: Path) -> None:
    table, how = tmp_path / "x.csv", tmp_path / "how.json"
    table.write_text(HEADER + f"{SECRET}\n" * 30, encoding="utf-8")
    how.write_text(json.dumps(PURCHASES), encoding="utf-8")
    out = io.StringIO()
    call_command("import_file", pod.owner.email, str(table), mapping=how, stdout=out)
    assert "has 1 cells instead of 7" in out.getvalue()
    assert "10 more" in out.getvalue()
    assert SECRET not in out.getvalue()


@pytest.mark.parametrize(
    ("email", "file", "said"),
    [
        ("nobody@example.org", "calendar.ics", "There is no pod"),
        ("owner@example.org", "missing.ics", "No such file"),
        ("owner@example.org", "PROVENANCE.json", "needs a mapping"),
    ],
)
def test_the_command_says_in_one_sentence_what_is_wrong(
    pod: Pod, email: str, file: str, said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("import_file", email, str(SAMPLES / file))


def test_the_command_fails_if_it_stopped(pod: Pod) -> None:
    with pytest.raises(CommandError, match="Nothing was imported"):
        call_command("import_file", pod.owner.email, str(SAMPLES / "broken.ics"), on_error="stop")
