"""GPX becomes tracks, workouts and places; what is broken or could hurt does not."""

from datetime import UTC, datetime

import pytest

from tests.vault.importing import problems, take
from vault import pods
from vault.exceptions import FileRefused
from vault.importers import gpx
from vault.importers.findings import Bad, Item
from vault.models import Pod, Record


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
