"""My data: adding, changing, deleting, hiding, bringing in files; what is wrong is said beside it."""

import pytest
from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser

from portal.customer.forms.records import Lines, RecordForm
from tests.portal.conftest import World
from vault import categories, pods
from vault.models import Pod, Record

# Every field of every category that takes a number, or numbers line by line.
NUMBERS = [
    (name, path)
    for name, category in sorted(categories.load().items())
    for path, field in RecordForm(category).fields.items()
    if isinstance(field, forms.FloatField | forms.IntegerField | Lines)
]


@pytest.mark.parametrize("name", sorted(categories.load()))
def test_every_category_has_a_form(browser: Browser, name: str) -> None:
    assert browser.get(f"/data/{name}/add/").status_code == 200


def test_a_record_is_added_changed_hidden_and_deleted(browser: Browser, pod: Pod) -> None:
    filled = {
        "hotel": "Maru Hotel",
        "check_in": "2026-08-14",
        "requests": "high floor\nquiet\n",
        "spent.amount": "412000",
        "spent.currency": "KRW",
    }
    browser.post("/data/stay/add/", filled)
    record = pod.records.get()
    assert pods.get(pod, record.id).value == {
        "hotel": "Maru Hotel",
        "check_in": "2026-08-14",
        "requests": ["high floor", "quiet"],
        "spent": {"amount": 412000, "currency": "KRW"},
    }
    at = f"/data/records/{record.id}/"
    assert "high floor" in browser.get(at + "change/").content.decode()
    browser.post(at + "change/", filled | {"hotel": "Aurora", "version": "1"})
    assert pods.get(pod, record.id).value["hotel"] == "Aurora"
    assert "Maru Hotel" in browser.get(at).content.decode(), "the earlier version is kept"
    browser.post(at + "hide/")
    record.refresh_from_db()
    assert record.hidden_at is not None
    browser.post(at + "hide/", {"show": "1"})
    record.refresh_from_db()
    assert record.hidden_at is None
    assert browser.get(at + "delete/").status_code == 200
    browser.post(at + "delete/")
    assert not pod.records.exists()


def test_a_change_on_an_old_page_is_refused(browser: Browser, world: World) -> None:
    at = f"/data/records/{world.record.pk}/change/"
    new = {"hotel": "Aurora", "check_in": "2026-08-14", "version": "1"}
    browser.post(at, new)
    page = browser.post(at, new | {"hotel": "Other"})
    assert "changed somewhere else" in page.content.decode()


@pytest.mark.parametrize("version", ["²", "9" * 5000, "٣", "-", "", "1.0"])
def test_a_version_that_is_no_number_of_ours_is_none(
    browser: Browser, world: World, version: str
) -> None:
    at = f"/data/records/{world.record.pk}/change/"
    page = browser.post(at, {"hotel": "Aurora", "check_in": "2026-08-14", "version": version})
    assert page.status_code < 500


@pytest.mark.rule("주민등록번호 is neither stored nor requested", "consent.md 11.4")
@pytest.mark.parametrize(
    "number",
    ["900101-1234568", "900101\t-\t1234568", "주민등록번호 9 0 0 1 0 1 1 2 3 4 5 6 8"],
)
def test_a_resident_number_is_refused_in_our_words(browser: Browser, pod: Pod, number: str) -> None:
    page = browser.post("/data/stay/add/", {"hotel": number, "check_in": "2026-08-14"})
    assert "Resident registration numbers" in page.content.decode()
    assert not Record.objects.filter(pod=pod).exists()


def test_what_the_schema_refuses_is_said_beside_its_field(browser: Browser, pod: Pod) -> None:
    page = browser.post(
        "/data/stay/add/",
        {"hotel": "x", "check_in": "2026-08-14", "spent.amount": "1", "spent.currency": "won"},
    )
    form = page.context["form"]
    assert "spent.currency" in form.errors
    assert not pod.records.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trip", {"started_at": "2026-11-01T09:00:00+09:00", "from": {"name": "Seoul"}}),
        ("meal", {"dish": "Caesar salad", "without": ["croutons"]}),
        ("household", {"child_ages": [3, 7], "pets": ["cat"]}),
    ],
)
def test_a_record_survives_an_untouched_form(name: str, value: dict[str, object]) -> None:
    kind = categories.get(name)
    shown = RecordForm(kind, value=value)
    sent = {
        bound.name: bound.value() if not hasattr(bound.value(), "isoformat") else _local(bound)
        for bound in shown
        if bound.value() not in (None, "")
    }
    again = RecordForm(kind, sent, value=value)
    assert again.is_valid(), again.errors
    assert again.value() == value


def _local(bound: object) -> str:
    return str(bound.value().strftime("%Y-%m-%dT%H:%M"))  # type: ignore[attr-defined]


def test_a_brands_record_is_not_edited_but_contradicted(browser: Browser, pod: Pod) -> None:
    theirs = pods.put(
        pod,
        "stay",
        {"hotel": "Maru", "check_in": "2026-08-14"},
        source="partner",
        source_partner="p",
        source_name="Maru Hotel Co.",
    )
    browser.post(
        f"/data/records/{theirs.pk}/change/", {"hotel": "Not Maru", "check_in": "2026-08-14"}
    )
    theirs.refresh_from_db()
    assert theirs.version == 1
    assert pod.records.get(disputes=theirs.pk).source == "owner"
    text = browser.get("/data/stay/").content.decode()
    assert "From Maru Hotel Co." in text
    assert "My own version" in text


def test_a_file_is_brought_in_with_a_report_of_what_did_not_fit(browser: Browser, pod: Pod) -> None:
    calendar = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\n"
        "BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20261123T090000Z\r\nSUMMARY:Good\r\nEND:VEVENT\r\n"
        "BEGIN:VEVENT\r\nUID:2\r\nSUMMARY:No start\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    upload = SimpleUploadedFile("mine.ics", calendar.encode())
    page = browser.post("/data/import/", {"file": upload, "on_error": "skip"})
    text = page.content.decode()
    assert pod.records.filter(category="calendar_event").count() == 1
    assert "1 record is in your vault now" in text
    assert "1 record did not fit" in text


MAPPING = b'{"category": "stay", "fields": {"hotel": {"column": "h"}, "check_in": {"column": "d"}}}'


def brought(browser: Browser, table: bytes, on_error: str) -> str:
    """Return the report on a JSON table of stays."""
    files = {
        "file": SimpleUploadedFile("stays.json", table),
        "mapping": SimpleUploadedFile("how.json", MAPPING),
    }
    return browser.post("/data/import/", files | {"on_error": on_error}).content.decode()


def test_an_import_that_was_to_be_whole_or_nothing_says_what_was_held_back(
    browser: Browser, pod: Pod
) -> None:
    good = b'{"h": "Maru", "d": "2026-08-10"}, {"h": "Maru", "d": "2026-08-11"}'
    text = brought(browser, b"[" + good + b', {"h": "Maru", "d": "soon"}]', "stop")
    assert not pod.records.exists()
    assert "Nothing was brought in" in text
    assert "in your vault now" not in text
    assert "2 good records wait for another try" in text


def test_a_file_without_records_is_told_as_one(browser: Browser, pod: Pod) -> None:
    assert "This file held no records." in brought(browser, b"[]", "skip")


def test_what_did_not_fit_is_told_by_entry_and_by_the_fields_name(
    browser: Browser, pod: Pod
) -> None:
    text = brought(browser, b'[{"h": "A", "d": "2026-08-10"}, {"h": "B", "d": "soon"}]', "skip")
    assert "entry 2 (line 1)" in text
    assert f"{categories.get('stay').fields['check_in'].en}: is not a valid date" in text
    assert "/check_in" not in text


def test_a_file_of_another_kind_is_refused_in_words(browser: Browser, pod: Pod) -> None:
    upload = SimpleUploadedFile("mine.exe", b"MZ")
    page = browser.post("/data/import/", {"file": upload, "on_error": "skip"})
    assert "does not read" in page.content.decode()
    assert not pod.records.exists()


def test_an_unknown_category_is_not_there(browser: Browser) -> None:
    assert browser.get("/data/nonsense/").status_code == 404


def test_ten_thousand_records_come_a_page_at_a_time(
    browser: Browser, pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.customer.views.data.PER_PAGE", 2)
    for day in (10, 11, 12):
        pods.put(pod, "stay", {"hotel": f"Hotel {day}", "check_in": f"2026-08-{day}"})
    first = browser.get("/data/stay/").content.decode()
    assert "Hotel 12" in first
    assert "Hotel 10" not in first
    assert "Hotel 10" in browser.get("/data/stay/?page=2").content.decode()


def test_numbers_that_no_record_can_hold_are_no_errors_of_ours(browser: Browser, pod: Pod) -> None:
    for name, field in NUMBERS:
        for number in ("1e300", "-1e300", "1e15", "²", "--5", "9" * 400):
            page = browser.post(f"/data/{name}/add/", {field: number})
            assert page.status_code < 500, (name, field)
