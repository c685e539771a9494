"""Bundles that somebody changed: found out, for the right reason, whoever holds which key."""

import base64
import zipfile
from pathlib import Path

import pytest

from tests.audit.bundles import verified, verified_apart
from tests.audit.made_bundles import (
    Maker,
    encoded,
    leaf_hash,
    listed_anew,
    vkey,
    write_small,
    zipped,
)
from tests.audit.tampering import (
    BEFORE,
    CASES,
    FORGER,
    bundle,
    leaves,
    listed,
    one_bit_of_a_leaf,
    put_leaves,
)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.rule("design/log.md", "Tests: tamperings each detected with the right reason")
def test_a_tampered_bundle_is_found_out(tmp_path: Path, name: str) -> None:
    codes, tamper = CASES[name]
    path = bundle(tmp_path / "bundle")
    tamper(path)
    report = verified(path)
    assert report.exit == 1
    assert codes <= report.codes


def test_the_untouched_bundle_passes(tmp_path: Path) -> None:
    path = bundle(tmp_path / "bundle")
    report = verified_apart(path, "--key", vkey())
    assert (report.exit, report.codes, report.warnings) == (0, frozenset(), frozenset())
    assert report.told["key_given"]
    assert report.told["checks"]["openings"]["answer"] == "yes"
    assert report.told["checks"]["statements"]["answer"] == "not checked"


@pytest.mark.rule("design/log.md", "Keys")
def test_a_log_rewritten_with_another_key_passes_only_without_the_true_key(tmp_path: Path) -> None:
    path = Maker().write(tmp_path / "bundle", key=FORGER)
    assert verified(path).exit == 0
    report = verified(path, "--key", vkey())
    assert report.exit == 1
    assert report.codes == {"key-foreign", "signature-unknown"}


def test_the_key_may_come_from_a_policy_file(tmp_path: Path) -> None:
    path = Maker().write(tmp_path / "bundle")
    policy = tmp_path / "policy"
    policy.write_text(f"# ours\nlog {vkey()} https://vault.example/log\nquorum none\n")
    assert verified(path, "--policy", policy).exit == 0


def test_every_single_bit_of_a_checkpoint_counts(tmp_path: Path) -> None:
    path = Maker().write(tmp_path / "bundle")
    data = (path / "checkpoint-last.note").read_bytes()
    for at in range(0, len(data), 7):
        changed = bytearray(data)
        changed[at] ^= 1 << (at % 8)
        (path / "checkpoint-last.note").write_bytes(bytes(changed))
        listed_anew(path)
        assert verified(path).exit == 1, at


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_is_read_like_a_directory(tmp_path: Path, compression: int) -> None:
    path = bundle(tmp_path / "bundle")
    packed = zipped(path, tmp_path / "bundle.zip", compression)
    assert verified(packed).exit == 0
    one_bit_of_a_leaf(path)
    report = verified(zipped(path, tmp_path / "changed.zip", compression))
    assert report.codes >= {"file-altered", "root-wrong"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_with_a_file_twice_is_found_out(tmp_path: Path) -> None:
    packed = zipped(bundle(tmp_path / "bundle"), tmp_path / "bundle.zip")
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("leaves.ndjson", b"")
    assert "file-twice" in verified(packed).codes


def test_a_damaged_zip_is_found_out_or_unreadable(tmp_path: Path) -> None:
    packed = zipped(bundle(tmp_path / "bundle"), tmp_path / "bundle.zip")
    data = packed.read_bytes()
    for at in range(0, len(data), len(data) // 40):
        packed.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        report = verified(packed)
        # Some bytes of a zip carry nothing: dates, flags of the operating system.
        assert report.exit in (0, 1, 2)
        assert "Traceback" not in report.output, at
    packed.write_bytes(data[: len(data) // 2])
    assert verified(packed).exit == 2


@pytest.mark.parametrize(
    "manifest",
    ["", "{}", "[]", '{"format":"consent-vault/export/1"}', '{"first":1,"first":2}', "\xff"],
)
def test_what_is_no_bundle_is_unreadable(tmp_path: Path, manifest: str) -> None:
    path = bundle(tmp_path / "bundle")
    (path / "manifest.json").write_text(manifest)
    assert verified(path).exit == 2
    (path / "manifest.json").unlink()
    assert verified(path).exit == 2


def test_wrong_usage_is_told_apart(tmp_path: Path) -> None:
    path = bundle(tmp_path / "bundle")
    assert verified(path, "--nonsense").exit == 2
    assert verified(path, "--key", "nonsense").exit == 2
    assert verified(path, "--checkpoint", tmp_path / "nothing").exit == 2
    assert verified(tmp_path / "nothing").exit == 2


def test_a_left_edge_that_was_made_up_is_found_out(tmp_path: Path) -> None:
    path = Maker().write(tmp_path / "bundle", first=BEFORE)
    rows = (path / "range.proof").read_text().split("\n")
    rows[2] = base64.b64encode(bytes(32)).decode()
    (path / "range.proof").write_text("\n".join(rows))
    listed_anew(path)
    assert "root-wrong" in verified(path).codes
    del rows[2]
    (path / "range.proof").write_text("\n".join(rows))
    listed_anew(path)
    assert "edge-wrong" in verified(path).codes


def test_a_difference_is_narrowed_down_to_a_block(tmp_path: Path) -> None:
    maker = Maker()
    filler = [maker.entry("log.heartbeat") for _ in range(700)]
    maker.entries[-1:] = [*filler, maker.entry("export.made", "operator", first=0)]
    path = maker.write(tmp_path / "bundle")
    found = leaves(path)
    found[300] = found[300].replace(b'"system"', b'"sys7em"')
    put_leaves(path, found)
    told = verified(path).told["findings"]
    assert [each["en"] for each in told if each["code"] == "root-wrong"] == [
        "The root computed from the entries is not the signed root"
        " (between the entries 256 and 511)."
    ]


@pytest.mark.rule("design/log.md", "Two-sided count")
def test_a_brands_own_count_is_held_against_the_log(tmp_path: Path) -> None:
    maker = Maker()
    month = {"from": "2026-11-01T00:00:00.000Z", "until": "2026-12-01T00:00:00.000Z"}
    hotel = {"partner": maker.hotel, "name": "마루호텔", "reads": 4, "refused": 5, **month}
    cafe = {"partner": maker.cafe, "name": "카페", "reads": 2, "refused": 0, **month}
    good = verified(maker.write(tmp_path / "equal", statements=[hotel, cafe]))
    assert (good.exit, good.warnings) == (0, frozenset())
    more = verified(maker.write(tmp_path / "more", statements=[hotel | {"reads": 5}, cafe]))
    assert (more.exit, more.codes) == (1, {"statement-more"})
    fewer = verified(maker.write(tmp_path / "fewer", statements=[hotel | {"reads": 3}, cafe]))
    assert (fewer.exit, fewer.warnings) == (0, {"statement-fewer"})


def test_a_case_export_may_hide_entries_and_says_what_it_could_not_check(tmp_path: Path) -> None:
    maker = Maker()
    found = [encoded(each) for each in maker.entries]
    path = write_small(tmp_path / "bundle", found)
    hidden = [n for n, each in enumerate(maker.entries) if each.get("grant") == maker.grants[1]]
    for n in hidden:
        found[n] = b'"' + leaf_hash(found[n]).hex().encode() + b'"'
    put_leaves(path, found)
    listed(path, hidden=len(hidden))
    report = verified(path)
    assert (report.exit, report.told["hidden"]) == (0, len(hidden))
    assert f"{len(hidden)} entries are given as hashes only" in report.output
