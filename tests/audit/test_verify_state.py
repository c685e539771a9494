"""What a reader kept from last time catches every rewriting since."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.audit.bundles import verified
from tests.audit.made_bundles import KEY, Maker, encoded, leaf_hash, note, root_of, vkey


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """What the verifier remembers of the first entries, up to a pause and an end."""
    return tmp_path / "state"


def first_part(maker: Maker, directory: Path, size: int) -> Path:
    """The bundle as it was made when the log had `size` entries and its own."""
    early = Maker()
    early.entries = [*maker.entries[:size], early.entries[-1]]
    early.entries[-1] |= {"time": maker.entries[size]["time"]}
    # The export's own entry is part of the log from then on.
    maker.entries.insert(size, early.entries[-1])
    maker.entries[-1] = dict(maker.entries[-1]) | {"id": maker.entry("x")["id"]}
    maker.entries[-1]["time"] = maker.entries[-2]["time"]
    return early.write(directory)


@pytest.mark.rule("design/log.md", "Export: a range from --state")
def test_a_second_bundle_continues_from_the_state_of_the_first(
    tmp_path: Path, maker: Maker, state: Path
) -> None:
    assert verified(first_part(maker, tmp_path / "one", 12), "--state", state).exit == 0
    header = json.loads(state.read_text().split("\n")[0])
    assert (header["size"], header["whole"]) == (13, True)
    maker.entries[-1]["first"] = 13
    two = maker.write(tmp_path / "two", first=13, before=13)
    report = verified(two, "--state", state)
    assert (report.exit, report.codes, report.warnings) == (0, frozenset(), frozenset())
    assert report.told["unproven_grants"] == 0
    assert json.loads(state.read_text().split("\n")[0])["size"] == len(maker.entries)


def test_a_state_and_a_whole_bundle_lead_to_the_same_state(
    tmp_path: Path, maker: Maker, state: Path
) -> None:
    verified(first_part(maker, tmp_path / "one", 12), "--state", state)
    maker.entries[-1]["first"] = 13
    verified(maker.write(tmp_path / "two", first=13), "--state", state)
    maker.entries[-1]["first"] = 13
    whole = tmp_path / "whole"
    other = tmp_path / "other"
    maker.entries[-1]["first"] = 0
    verified(maker.write(other), "--state", whole)
    one, two = (path.read_text().split("\n")[1:] for path in (state, whole))
    assert one == two


def test_a_bundle_may_overlap_what_is_remembered(tmp_path: Path, maker: Maker, state: Path) -> None:
    verified(first_part(maker, tmp_path / "one", 12), "--state", state)
    report = verified(maker.write(tmp_path / "whole"), "--state", state)
    assert (report.exit, report.codes) == (0, frozenset())


def test_a_state_knows_what_had_ended(tmp_path: Path, maker: Maker, state: Path) -> None:
    verified(first_part(maker, tmp_path / "one", 12), "--state", state)
    late = maker.read(maker.grants[1], maker.hotel) | {"time": maker.entries[13]["time"]}
    maker.entries.insert(14, late)
    maker.entries[-1]["first"] = 13
    two = maker.write(tmp_path / "two", first=13)
    assert "read-after-end" in verified(two, "--state", state).codes
    # Without the state the same read is taken for one of a grant that was live at the start.
    report = verified(two)
    assert (report.exit, report.told["unproven_grants"] > 0) == (0, True)
    assert "State at the start not proven" in report.output


@pytest.mark.rule("design/log.md", "Witnesses: last month's checkpoint catches any rewriting")
def test_a_rewritten_history_is_found_by_the_state(
    tmp_path: Path, maker: Maker, state: Path
) -> None:
    verified(first_part(maker, tmp_path / "one", 12), "--state", state)
    before = state.read_bytes()
    del maker.entries[6]  # a read that had better not have been there
    report = verified(maker.write(tmp_path / "two"), "--state", state)
    assert report.codes == {"history-rewritten"}
    assert state.read_bytes() == before


def test_a_rewritten_history_is_found_by_a_checkpoint_in_a_drawer(
    tmp_path: Path, maker: Maker
) -> None:
    hashes = [leaf_hash(encoded(each)) for each in maker.entries[:10]]
    kept = tmp_path / "kept.note"
    kept.write_bytes(note(10, root_of(hashes)))
    assert verified(maker.write(tmp_path / "one"), "--checkpoint", kept).exit == 0
    # Also in a range that does not begin at 0, as long as it reaches back to the checkpoint.
    ranged = maker.write(tmp_path / "ranged", first=9)
    assert "history-rewritten" not in verified(ranged, "--checkpoint", kept).codes
    del maker.entries[6]
    report = verified(maker.write(tmp_path / "two"), "--checkpoint", kept)
    assert report.codes == {"history-rewritten"}


def test_a_log_that_became_shorter_is_found(tmp_path: Path, maker: Maker, state: Path) -> None:
    verified(maker.write(tmp_path / "long"), "--state", state)
    short = Maker()
    del short.entries[20:25]
    assert "log-shorter" in verified(short.write(tmp_path / "short"), "--state", state).codes


def test_a_gap_after_the_state_is_found(tmp_path: Path, maker: Maker, state: Path) -> None:
    verified(first_part(maker, tmp_path / "one", 6), "--state", state)
    maker.entries[-1]["first"] = 13
    report = verified(maker.write(tmp_path / "two", first=13), "--state", state)
    assert report.codes == {"not-covered"}


def test_a_gap_with_a_proof_from_the_states_checkpoint_is_consistent(
    tmp_path: Path, maker: Maker, state: Path
) -> None:
    verified(first_part(maker, tmp_path / "one", 6), "--state", state)
    maker.entries[-1]["first"] = 13
    report = verified(maker.write(tmp_path / "two", first=13, before=7), "--state", state)
    assert (report.exit, report.codes) == (0, frozenset())
    assert report.told["unproven_grants"] > 0


@pytest.mark.rule("design/log.md", "Keys")
def test_a_state_remembers_the_key(tmp_path: Path, maker: Maker, state: Path) -> None:
    verified(first_part(maker, tmp_path / "one", 6), "--state", state)
    forger = Ed25519PrivateKey.from_private_bytes(b"f" * 32)
    report = verified(maker.write(tmp_path / "two", key=forger), "--state", state)
    assert "signature-unknown" in report.codes
    assert verified(maker.write(tmp_path / "three", key=KEY), "--state", state).exit == 0
    assert vkey() in state.read_text()


@pytest.mark.parametrize("cut", [0, 1, 60, -40])
def test_a_damaged_state_is_unreadable(tmp_path: Path, maker: Maker, state: Path, cut: int) -> None:
    verified(first_part(maker, tmp_path / "one", 12), "--state", state)
    state.write_bytes(state.read_bytes()[:cut])
    report = verified(maker.write(tmp_path / "two"), "--state", state)
    assert (report.exit, "Traceback" in report.output) == (2, False)


def test_a_range_without_a_state_says_what_it_cannot_prove(tmp_path: Path, maker: Maker) -> None:
    maker.entries[-1]["first"] = 9
    report = verified(maker.write(tmp_path / "range", first=9, before=9))
    assert (report.exit, report.codes) == (0, frozenset())
    assert report.told["unproven_grants"] == 2
