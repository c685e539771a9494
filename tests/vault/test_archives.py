"""Archives are opened without trusting a word of them."""

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from vault.exceptions import FileRefused
from vault.importers import archives, run
from vault.models import Pod, Record

SAMPLES = Path(__file__).parent.parent / "samples"


def packed(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def take(pod: Pod, data: bytes, **more: object) -> run.Report:
    return run.import_file(pod, io.BytesIO(data), "zip", **more)  # type: ignore[arg-type]


def test_every_file_of_an_archive_is_imported(pod: Pod) -> None:
    names = ("calendar.ics", "drive.gpx", "folder/unicode-bom.gpx")
    data = packed(*((name, (SAMPLES / Path(name).name).read_bytes()) for name in names))
    assert take(pod, data).categories == {"calendar_event": 3, "track": 1, "place": 1}


def test_a_bad_file_in_an_archive_is_told_by_its_name_and_the_others_kept(pod: Pod) -> None:
    good = (SAMPLES / "calendar.ics").read_bytes()
    bad = b'<!DOCTYPE g [<!ENTITY a "b">]><gpx/>'
    data = packed(("bad.gpx", bad), ("readme.txt", b"hello"), ("good.ics", good))
    report = take(pod, data)
    assert report.imported == 3
    assert [(one.part, one.line) for one in report.unread] == [("bad.gpx", 1), ("readme.txt", 1)]
    assert (report.problem_count, report.left_out) == (0, 2)


def test_what_does_not_fit_in_an_archive_is_told_by_file_and_line(pod: Pod) -> None:
    data = packed(("bad.ics", (SAMPLES / "broken.ics").read_bytes()))
    (problem,) = take(pod, data).problems
    assert problem.place == f"bad.ics, line {problem.line}"


@pytest.mark.parametrize(
    "name",
    [".DS_Store", "trip/.DS_Store", "__MACOSX/._good.ics", "Thumbs.db", "desktop.ini", "._x.gpx"],
)
def test_what_systems_leave_in_archives_stops_nothing_and_is_not_told(pod: Pod, name: str) -> None:
    data = packed((name, b"\0\1"), ("good.ics", (SAMPLES / "calendar.ics").read_bytes()))
    report = take(pod, data, on_error="stop")
    assert (report.imported, report.left_out) == (3, 0)


def test_a_read_me_is_told_and_stops_nothing(pod: Pod) -> None:
    good = (SAMPLES / "calendar.ics").read_bytes()
    report = take(pod, packed(("README.txt", b"hello"), ("good.ics", good)), on_error="stop")
    assert (report.imported, report.stopped, len(report.unread)) == (3, False, 1)


def test_a_file_that_is_not_read_stops_what_shall_come_whole(pod: Pod) -> None:
    good = (SAMPLES / "calendar.ics").read_bytes()
    report = take(pod, packed(("photo.exe", b"MZ"), ("good.ics", good)), on_error="stop")
    assert (report.imported, report.stopped, report.held_back) == (0, True, 3)
    assert not Record.objects.exists()


def test_the_name_of_a_file_is_cleaned_covered_and_cut(pod: Pod) -> None:
    name = f"\u202e900101-1234567 {'x' * 90}.exe"
    (unread,) = take(pod, packed((name, b"MZ"))).unread
    assert unread.part is not None
    assert unread.part.startswith("900101-******* x")
    assert unread.part.endswith("x.exe")
    assert len(unread.part) <= 60


def test_an_empty_archive_holds_nothing(pod: Pod) -> None:
    assert take(pod, packed()).found_nothing


@pytest.mark.parametrize(
    "name",
    [
        "../out.gpx", "a/../../out.gpx", "/etc/passwd.gpx", "..\\out.gpx", "C:\\out.gpx",
        "C:out.gpx",
    ],
)  # fmt: skip
def test_a_path_that_leads_elsewhere_is_refused(pod: Pod, name: str) -> None:
    with pytest.raises(FileRefused, match="leads elsewhere"):
        take(pod, packed((name, b"<gpx/>")))


def test_a_link_is_refused(pod: Pod) -> None:
    with pytest.raises(FileRefused, match="leads elsewhere"):
        take(pod, packed((link("x.gpx"), b"/etc/passwd")))


@pytest.mark.parametrize("name", ["inner.zip", "inner.gpx", "inner.GZ"])
def test_an_archive_in_an_archive_is_refused(pod: Pod, name: str) -> None:
    with pytest.raises(FileRefused, match="archive in an archive"):
        take(pod, packed((name, packed(("x.gpx", b"<gpx/>")))))


def test_a_bomb_is_not_unfolded(pod: Pod) -> None:
    with pytest.raises(FileRefused, match="unfolds to more"):
        take(pod, packed(("x.gpx", b" " * 50_000_000)))


def test_a_bomb_that_lies_about_its_size_is_not_unfolded(pod: Pod) -> None:
    data = bytearray(packed(("x.gpx", b" " * 50_000_000)))
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        struct.pack_into("<I", data, data.index(signature) + offset, 10)
    with pytest.raises(FileRefused):
        take(pod, bytes(data))


def test_many_small_files_do_not_add_up_to_a_bomb(
    pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "LARGEST_ARCHIVE", 1000)
    with pytest.raises(FileRefused, match="unfolds to more"):
        take(pod, packed(*((f"{n}.gpx", b"<gpx/>" + b" " * 100) for n in range(20))))


def test_too_many_files_are_refused(pod: Pod) -> None:
    with pytest.raises(FileRefused, match="more than 100 files"):
        take(pod, packed(*((f"{n}.gpx", b"<gpx/>") for n in range(101))))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_are_refused(pod: Pod) -> None:
    with pytest.raises(FileRefused, match="two files of one name"):
        take(pod, packed(("x.gpx", b"<gpx/>"), ("x.gpx", b"<gpx/>")))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"hello", packed(("x.gpx", b"<gpx/>"))[:-9]])
def test_a_broken_archive_is_refused(pod: Pod, data: bytes) -> None:
    with pytest.raises(FileRefused, match="broken archive"):
        take(pod, data)
    assert not Record.objects.exists()


def test_an_encrypted_file_is_refused(pod: Pod) -> None:
    data = bytearray(packed(("x.gpx", b"<gpx/>")))
    for signature, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        data[data.index(signature) + offset] |= 1
    with pytest.raises(FileRefused, match="encrypted"):
        take(pod, bytes(data))
