"""Real exported files become records; broken ones are reported by line and reason."""

import io
import json
from pathlib import Path

import gpxpy
import pytest
from django.core.management import CommandError, call_command

from audit.entries import of_person
from audit.models import Entry
from tests.vault.importing import GOOD, HEADER, PURCHASES, SAMPLES, SECRET, take
from vault import pods
from vault.exceptions import FileRefused, PodErased
from vault.importers import gpx, run
from vault.importers import report as report_of
from vault.importers.findings import Item
from vault.models import Pod, Record


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


# All of them -------------------------------------------------------------------------
def test_a_file_that_is_too_large_is_refused(pod: Pod) -> None:
    with pytest.raises(FileRefused, match=r"larger than 16\.0.MB"):
        take(pod, b" " * (run.LARGEST_FILE + 1), "gpx")


@pytest.mark.parametrize(("data", "kind"), [("<gpx/>", "gpx"), (HEADER, "csv"), ("[]", "json")])
def test_a_file_without_records_is_known_as_one(pod: Pod, data: str, kind: str) -> None:
    assert take(pod, data, kind, mapping=PURCHASES).found_nothing
    assert not take(pod, (SAMPLES / "calendar.ics").read_bytes(), "ical").found_nothing


def test_what_was_held_back_by_choice_is_counted(pod: Pod) -> None:
    report = take(pod, HEADER + GOOD + "x\n", "csv", mapping=PURCHASES, on_error="stop")
    assert (report.imported, report.stopped, report.held_back) == (0, True, 1)
    assert not Record.objects.exists()


def test_too_many_records_are_refused(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "MOST_RECORDS", 2)
    with pytest.raises(FileRefused, match="more than 2 records"):
        take(pod, (SAMPLES / "calendar.ics").read_bytes(), "ical")
    assert not Record.objects.exists()


def test_a_million_problems_are_counted_and_not_all_listed(
    pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_of, "MOST_PROBLEMS", 3)
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
