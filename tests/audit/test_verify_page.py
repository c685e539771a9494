"""verify.html, opened from disk in a browser: the same answers as verify.py."""

import importlib.util
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.audit.bundles import VERIFIER, verified
from tests.audit.made_bundles import (
    Maker,
    encoded,
    leaf_hash,
    note,
    root_of,
    story,
    vkey,
    write_large,
    zipped,
)
from tests.audit.tampering import CASES as TAMPERED
from tests.audit.tampering import bundle
from tests.audit.test_verify_rules import CASES as WRONG

PAGE = VERIFIER.parent / "verify.html"
# The page forgets nothing between bundles, because it has no --state; these need one.
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    """The page in a browser without a network."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=_chromium())
        context = browser.new_context(offline=True)
        opened = context.new_page()
        opened.goto(PAGE.as_uri())
        yield opened
        browser.close()


def _chromium() -> str | None:
    found = Path("/usr/bin/chromium")
    return str(found) if found.exists() else None


def answered(page: Any, files: list[Path], key: str = "") -> dict[str, Any]:
    page.evaluate("window.report = null")
    page.fill("#key", key)
    page.set_input_files("#files", files)
    return until(page, "window.report")


def until(page: Any, expression: str) -> Any:
    """Wait in the page's own way: its policy forbids the evaluating that playwright does."""
    return page.evaluate(
        f"async () => {{ for (;;) {{ const found = {expression}; if (found) return found;"
        " await new Promise((resume) => setTimeout(resume, 10)); } }"
    )


def need_the_same(page: Any, path: Path) -> dict[str, Any]:
    """Hold the page's answer to verify.py's: same findings, at the same places."""
    theirs = verified(path).told
    ours = answered(page, sorted(path.iterdir()) if path.is_dir() else [path])
    if "unreadable" in ours or not theirs:
        assert bool(theirs) != ("unreadable" in ours)
        return ours
    for name in ("finding_counts", "warning_counts", "entries", "hidden", "root", "until"):
        assert ours[name] == theirs[name], name
    places = [
        [(each["code"], each["index"]) for each in told["findings"]] for told in (ours, theirs)
    ]
    assert sorted(map(str, places[0])) == sorted(map(str, places[1]))
    return ours


def test_the_words_are_those_of_the_program() -> None:
    spec = importlib.util.spec_from_file_location("words", VERIFIER.parent / "words.py")
    assert spec is not None
    assert spec.loader is not None
    words = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(words)
    text = PAGE.read_text(encoding="utf-8")
    assert words.with_words(text) == text, "run python3 audit/verify/words.py"


@pytest.mark.rule("design/log.md", "Verifiers: verify.html opens from disk")
def test_a_sound_bundle_passes_as_zip_and_as_files(page: Any, tmp_path: Path) -> None:
    path = bundle(tmp_path / "bundle")
    assert answered(page, sorted(path.iterdir()), vkey())["verified"]
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        packed = zipped(path, tmp_path / f"{method}.zip", method)
        report = answered(page, [packed], vkey())
        assert report["verified"]
        assert report["key_given"]
    assert "확인했습니다" in page.inner_text("#answer")


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_log_is_found_out_by_the_page_too(page: Any, tmp_path: Path, name: str) -> None:
    maker = Maker()
    WRONG[name][1](maker)
    assert not need_the_same(page, maker.write(tmp_path / "bundle"))["verified"]


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_bundle_is_found_out_by_the_page_too(
    page: Any, tmp_path: Path, name: str
) -> None:
    path = bundle(tmp_path / "bundle")
    TAMPERED[name][1](path)
    assert not need_the_same(page, path).get("verified")


def test_a_kept_checkpoint_finds_a_rewritten_history(page: Any, tmp_path: Path) -> None:
    maker = Maker()
    hashes = [leaf_hash(encoded(each)) for each in maker.entries[:10]]
    (tmp_path / "kept.note").write_bytes(note(10, root_of(hashes)))
    page.set_input_files("#kept", [tmp_path / "kept.note"])
    until(page, "kept.length === 1")
    del maker.entries[6]
    path = maker.write(tmp_path / "bundle")
    assert answered(page, sorted(path.iterdir()))["finding_counts"] == {"history-rewritten": 1}
    page.set_input_files("#kept", [])
    until(page, "kept.length === 0")


def test_blocks_ranges_and_many_entries(page: Any, tmp_path: Path) -> None:
    maker = Maker()
    filler = [maker.entry("log.heartbeat") for _ in range(1000)]
    maker.entries[-1:] = [*filler, maker.entry("export.made", "operator", first=0)]
    need_the_same(page, maker.write(tmp_path / "whole", before=700))
    maker.entries[-1]["first"] = 300
    need_the_same(page, maker.write(tmp_path / "range", before=300, first=300))
    write_large(tmp_path / "large", story(20_000, 1000))
    report = need_the_same(page, zipped(tmp_path / "large", tmp_path / "large.zip"))
    assert report["verified"]


def test_its_own_ed25519_agrees_with_wycheproof(page: Any) -> None:
    from tests.audit.test_verify_primitives import vectors

    for group in vectors("wycheproof/ed25519_test.json")["testGroups"]:
        cases = [(each["msg"], each["sig"], each["result"] == "valid") for each in group["tests"]]
        wrong = page.evaluate(
            """async ([key, cases]) => {
              const bytes = (h) => Uint8Array.from(h.match(/../g) ?? [], (x) => parseInt(x, 16));
              const wrong = [];
              for (const [msg, sig, valid] of cases) {
                const found = await ed25519InNumbers(bytes(key), bytes(msg), bytes(sig));
                if (found !== valid) wrong.push(sig);
              }
              return wrong;
            }""",
            [group["publicKey"]["pk"], cases],
        )
        assert wrong == []


def test_it_is_told_to_reach_nobody(page: Any) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert "http://" not in text
    assert "https://" not in text
