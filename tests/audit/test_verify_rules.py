"""The rule about epochs: what a log may not say, even if it was signed and every hash is right.

Each case lets the operator itself, with the true key, write one wrong thing into an otherwise
sound log. The verifier must name it, at its index.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.audit.bundles import verified
from tests.audit.made_bundles import START, Maker, moment

Change = Callable[[Maker], int]
CASES: dict[str, tuple[str, Change]] = {}


def wrong(code: str) -> Callable[[Change], Change]:
    """Register a wrong log and the code that it must be found under."""

    def register(change: Change) -> Change:
        CASES[change.__name__] = (code, change)
        return change

    return register


def put(maker: Maker, at: int, entry: dict[str, object]) -> int:
    """Put an entry in at an index, and set its clock to its neighbour's."""
    entry["time"] = maker.entries[at - 1]["time"]
    maker.entries.insert(at, entry)
    return at


def change(maker: Maker, kind: str, nth: int = 0, /, **fields: object) -> int:
    """Change fields of the nth entry of a type; None takes a field away."""
    at = maker.find(kind, nth)
    for name, value in fields.items():
        maker.entries[at][name] = value
        if value is None:
            del maker.entries[at][name]
    return at


@wrong("read-after-end")
def a_read_after_the_end(maker: Maker) -> int:
    return put(maker, maker.find("grant.withdrawn") + 1, maker.read(maker.grants[1], maker.hotel))


@wrong("read-after-end")
def a_read_moved_behind_the_end(maker: Maker) -> int:
    read = maker.entries.pop(maker.find("record.read", 1))
    return put(maker, maker.find("grant.withdrawn") + 1, read)


@wrong("read-while-closed")
def a_read_during_a_pause(maker: Maker) -> int:
    return put(maker, maker.find("grant.paused") + 1, maker.read(maker.grants[0], maker.hotel))


@wrong("read-other-epoch")
def a_read_under_an_old_epoch(maker: Maker) -> int:
    return change(maker, "record.read", 2, epoch=1)


@wrong("read-other-epoch")
def a_read_under_a_future_epoch(maker: Maker) -> int:
    return change(maker, "record.read", 0, epoch=2)


@wrong("read-category")
def a_read_outside_the_categories(maker: Maker) -> int:
    return change(maker, "record.read", 0, categories=["stay", "voice_template"])


@wrong("read-category")
def a_read_of_what_was_narrowed_away(maker: Maker) -> int:
    return change(maker, "record.read", 3, categories=["trip"])


@wrong("read-purpose")
def a_read_for_another_purpose(maker: Maker) -> int:
    return change(maker, "record.read", 0, purpose="dpv:Marketing")


@wrong("read-action")
def a_contribution_under_a_grant_to_read(maker: Maker) -> int:
    return change(maker, "record.read", 0, type="record.contributed")


@wrong("read-too-late")
def a_read_when_the_time_has_run_out(maker: Maker) -> int:
    change(maker, "grant.given", 0, until=maker.entries[maker.find("record.read")]["time"])
    change(maker, "grant.resumed", 0, until=maker.entries[maker.find("record.read")]["time"])
    return maker.find("record.read")


@wrong("read-too-early")
def a_read_before_the_span(maker: Maker) -> int:
    change(maker, "grant.given", 0, **{"from": moment(START + timedelta(days=1))})
    return maker.find("record.read")


@wrong("read-without-grant")
def a_read_under_no_grant(maker: Maker) -> int:
    return change(maker, "record.read", 0, grant="f" * 32)


@wrong("read-incomplete")
def a_read_without_an_epoch(maker: Maker) -> int:
    return change(maker, "record.read", 0, epoch=None)


@wrong("read-incomplete")
def a_read_without_a_grant(maker: Maker) -> int:
    return change(maker, "record.read", 0, grant=None)


@wrong("read-other-partner")
def a_read_under_the_grant_of_another_brand(maker: Maker) -> int:
    at = maker.find("record.read", 2)
    maker.entries[at]["actor"] = {"role": "partner", "partner": maker.cafe}
    return at


@wrong("partner-closed")
def a_read_by_a_suspended_brand(maker: Maker) -> int:
    at = maker.find("partner.suspended") + 1
    return put(maker, at, maker.read(maker.grants[2], maker.cafe, epoch=2))


@wrong("partner-other-epoch")
def a_read_under_the_brands_old_epoch(maker: Maker) -> int:
    return change(maker, "record.read", -1, partner_epoch=1)


@wrong("partner-unknown")
def a_read_by_a_brand_that_was_never_registered(maker: Maker) -> int:
    at = maker.find("record.read", 1)
    maker.entries[at]["actor"] = {"role": "partner", "partner": "f" * 32}
    return at


@wrong("client-revoked")
def a_read_by_a_client_that_was_shut_out(maker: Maker) -> int:
    at = maker.find("record.read", -1)
    maker.entries[at]["actor"] |= {"client": maker.old_client}
    return at


@wrong("epoch-reused")
def an_epoch_used_again(maker: Maker) -> int:
    change(maker, "record.read", 2, epoch=1)
    change(maker, "record.read", -1, epoch=1)
    return change(maker, "grant.resumed", opens=1)


@wrong("epoch-two-open")
def two_epochs_open_at_once(maker: Maker) -> int:
    change(maker, "grant.paused", closes=None, type="grant.changed")
    return maker.find("grant.resumed")


@wrong("epoch-left-open")
def a_pause_that_closes_nothing(maker: Maker) -> int:
    return change(maker, "grant.paused", closes=None)


@wrong("epoch-left-open")
def an_end_that_closes_nothing(maker: Maker) -> int:
    return change(maker, "grant.withdrawn", closes=None)


@wrong("epoch-not-open")
def an_end_that_closes_another_epoch(maker: Maker) -> int:
    return change(maker, "grant.withdrawn", closes=2)


@wrong("opened-after-end")
def a_grant_opened_again_after_its_end(maker: Maker) -> int:
    again = maker.given(maker.grants[1]) | {"type": "grant.resumed", "opens": 2}
    return put(maker, maker.find("grant.withdrawn") + 1, again)


@wrong("grant-twice")
def a_grant_given_twice(maker: Maker) -> int:
    again = maker.given(maker.grants[2]) | {"opens": 2, "closes": 1}
    return put(maker, maker.find("grant.narrowed"), again)


@wrong("ended-twice")
def a_grant_ended_twice(maker: Maker) -> int:
    again = maker.entry("grant.expired", grant=maker.grants[1])
    return put(maker, maker.find("grant.withdrawn") + 1, again)


@wrong("grant-unknown")
def the_end_of_a_grant_that_was_never_given(maker: Maker) -> int:
    return put(maker, 5, maker.entry("grant.expired", grant="f" * 32))


@wrong("opening-incomplete")
def an_opening_without_categories(maker: Maker) -> int:
    return change(maker, "grant.given", 3, categories=None)


@wrong("scope-grew")
def a_resumption_with_more_categories(maker: Maker) -> int:
    return change(maker, "grant.resumed", categories=["stay", "trip", "viewing"])


@wrong("scope-grew")
def a_resumption_that_lasts_longer(maker: Maker) -> int:
    return change(maker, "grant.resumed", until=moment(START + timedelta(days=90)))


@wrong("scope-grew")
def a_resumption_for_another_purpose(maker: Maker) -> int:
    return change(maker, "grant.resumed", purpose="dpv:Marketing")


@wrong("partner-epoch-wrong")
def a_brands_epoch_used_again(maker: Maker) -> int:
    return change(maker, "partner.reinstated", opens=1)


@wrong("partner-epoch-wrong")
def a_suspension_that_closes_nothing(maker: Maker) -> int:
    return change(maker, "partner.suspended", closes=None)


@wrong("after-erasure")
def something_added_to_an_erased_pod(maker: Maker) -> int:
    late = maker.entry("record.imported", "owner", pod=maker.other_pod)
    return put(maker, maker.find("pod.erased") + 1, late)


@wrong("key-after-destruction")
def a_destroyed_key_opened(maker: Maker) -> int:
    late = maker.entry("key.opened", "operator", key=maker.key)
    return put(maker, maker.find("key.destroyed") + 1, late)


@wrong("tally-wrong")
def a_tally_of_nothing(maker: Maker) -> int:
    return change(maker, "record.refused", 1, of=maker.entries[0]["id"])


@wrong("tally-wrong")
def a_tally_that_does_not_say_of_what(maker: Maker) -> int:
    return change(maker, "record.refused", 1, of=None)


@wrong("tally-empty")
def a_tally_of_none(maker: Maker) -> int:
    return change(maker, "record.refused", 1, repeats=0)


@wrong("of-wrong")
def a_failure_of_a_read_that_never_was(maker: Maker) -> int:
    failed = maker.entry("record.failed", outcome="failed", of=maker.entries[0]["id"])
    return put(maker, len(maker.entries) - 2, failed)


@wrong("of-wrong")
def a_repeated_answer_of_a_refusal(maker: Maker) -> int:
    refusal = maker.entries[maker.find("record.refused")]["id"]
    return change(maker, "record.read", -1, repeat_of=refusal)


@wrong("event-twice")
def the_same_event_twice(maker: Maker) -> int:
    at = len(maker.entries) - 2
    return put(maker, at, dict(maker.entries[maker.find("log.heartbeat")])) + 1


@wrong("time-backwards")
def a_time_that_runs_backwards(maker: Maker) -> int:
    return change(maker, "log.heartbeat", time=moment(START - timedelta(hours=1)))


@wrong("silence")
def a_long_silence(maker: Maker) -> int:
    maker.at += timedelta(minutes=6)
    maker.entries[-1] = maker.entry("export.made", "operator", first=0)
    return len(maker.entries) - 1


@wrong("time-future")
def a_moment_that_has_not_come(maker: Maker) -> int:
    return change(maker, "log.heartbeat", time="2999-01-01T00:00:00.000Z")


@wrong("leaf-malformed")
def a_moment_that_never_comes(maker: Maker) -> int:
    return change(maker, "log.heartbeat", time="2026-02-30T00:00:00.000Z")


@wrong("leaf-malformed")
def an_entry_without_an_actor(maker: Maker) -> int:
    return change(maker, "log.heartbeat", actor=None)


@wrong("leaf-malformed")
def an_entry_of_another_version(maker: Maker) -> int:
    return change(maker, "log.heartbeat", v=2)


@wrong("leaf-malformed")
def a_fraction(maker: Maker) -> int:
    return change(maker, "record.read", 0, epoch=1.0)


@wrong("leaf-malformed")
def a_negative_epoch(maker: Maker) -> int:
    return change(maker, "record.read", 0, epoch=-1)


@wrong("leaf-malformed")
def categories_that_are_no_list(maker: Maker) -> int:
    return change(maker, "record.read", 0, categories=7)


@wrong("leaf-malformed")
def an_entry_above_four_kibibytes(maker: Maker) -> int:
    return change(maker, "log.heartbeat", reason="x" * 4096)


@wrong("export-missing")
def an_export_that_was_not_logged(maker: Maker) -> int:
    return change(maker, "export.made", type="review.made")


@pytest.mark.parametrize("name", CASES)
@pytest.mark.rule("design/log.md", "Verifiers: every read lies between opening and closing")
def test_a_wrong_log_is_found_out(tmp_path: Path, name: str) -> None:
    code, change = CASES[name]
    maker = Maker()
    index = change(maker)
    report = verified(maker.write(tmp_path / "bundle"))
    assert report.exit == 1
    assert code in report.codes
    found = [each["index"] for each in report.told["findings"] if each["code"] == code]
    assert found[0] == index


@pytest.mark.rule("design/log.md", "Verifiers")
def test_a_sound_log_with_one_of_everything_passes(tmp_path: Path) -> None:
    report = verified(Maker().write(tmp_path / "bundle"))
    assert (report.exit, report.codes, report.warnings) == (0, frozenset(), frozenset())


def test_a_short_silence_is_a_warning(tmp_path: Path) -> None:
    maker = Maker()
    maker.at += timedelta(minutes=2)
    maker.entries[-1] = maker.entry("export.made", "operator", first=0)
    report = verified(maker.write(tmp_path / "bundle"))
    assert (report.exit, report.warnings) == (0, {"silence"})


def test_a_field_of_a_later_version_is_a_warning(tmp_path: Path) -> None:
    maker = Maker()
    change(maker, "log.heartbeat", weather="fine")
    report = verified(maker.write(tmp_path / "bundle"))
    assert (report.exit, report.warnings) == (0, {"field-unknown"})
