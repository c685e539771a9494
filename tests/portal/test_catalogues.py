"""Both catalogues are complete, compiled, and hold every sentence of the sources."""

import re
import shutil
import subprocess
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.utils.translation.template import templatize

LOCALE = Path(settings.BASE_DIR) / "portal" / "locale"
PACKAGES = ("accounts", "audit", "config", "consent", "keys", "portal", "vault")
KEYWORDS = [
    "gettext_noop",
    "gettext_lazy",
    "ngettext_lazy:1,2",
    "pgettext:1c,2",
    "npgettext:1c,2,3",
    "pgettext_lazy:1c,2",
    "npgettext_lazy:1c,2,3",
]


def catalogue(language: str) -> polib.POFile:
    return polib.pofile(str(LOCALE / language / "LC_MESSAGES" / "django.po"))


def said(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


@pytest.mark.rule("gettext catalogues complete in ko and en", "style.md, tools")
@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_sentence_is_translated_and_none_is_a_guess(language: str) -> None:
    for entry in catalogue(language):
        assert all(said(entry)), entry.msgid
        assert "fuzzy" not in entry.flags, entry.msgid
        assert not entry.obsolete, entry.msgid


def test_english_says_what_the_source_says() -> None:
    for entry in catalogue("en"):
        assert said(entry)[0] == entry.msgid


@pytest.mark.parametrize("language", ["ko", "en"])
def test_translations_fill_in_the_same_names(language: str) -> None:
    names = re.compile(r"%\((\w+)\)s")
    for entry in catalogue(language):
        wanted = set(names.findall(entry.msgid + entry.msgid_plural))
        for text in said(entry):
            assert set(names.findall(text)) <= wanted, entry.msgid


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_compiled_catalogue_is_up_to_date(language: str) -> None:
    compiled = polib.mofile(str(LOCALE / language / "LC_MESSAGES" / "django.mo"))
    written = {entry.msgid: said(entry) for entry in catalogue(language)}
    assert {entry.msgid: said(entry) for entry in compiled} == written


@pytest.mark.skipif(not shutil.which("xgettext"), reason="needs gettext's xgettext")
def test_no_sentence_of_the_sources_is_missing(tmp_path: Path) -> None:
    sources = []
    for package in PACKAGES:
        for path in sorted((Path(settings.BASE_DIR) / package).rglob("*")):
            if path.suffix in {".py", ".html", ".txt"} and "migrations" not in path.parts:
                text = path.read_text(encoding="utf-8")
                copy = tmp_path / f"{len(sources)}.py"
                copy.write_text(text if path.suffix == ".py" else templatize(text), "utf-8")
                sources.append(str(copy))
    found = tmp_path / "found.pot"
    command = ["xgettext", "--language=Python", "--from-code=UTF-8", f"--output={found}"]
    command += [f"--keyword={word}" for word in KEYWORDS]
    subprocess.run([*command, *sources], check=True, capture_output=True)
    known = {entry.msgid for entry in catalogue("ko")}
    missing = [entry.msgid for entry in polib.pofile(str(found)) if entry.msgid not in known]
    assert missing == []


def test_korean_pages_speak_in_the_friendly_form_and_the_statute_in_its_own() -> None:
    """해요체 everywhere but in consents and letters to companies (portal.md, voice)."""
    formal = re.compile(r"(습니다|십시오|합니다)")
    allowed = ("consent", "overdue", "customer ended")
    for entry in catalogue("ko"):
        if formal.search(" ".join(said(entry))):
            assert any(word in entry.msgid for word in allowed), entry.msgid
