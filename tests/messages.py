"""Collects the sentences of all packages into portal/locale, fills in English, compiles.

`make messages`. What Korean misses is listed; guesses of gettext's are thrown away.
"""

import subprocess
import sys
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "portal" / "locale"
PLURALS = {"ko": "nplurals=1; plural=0;", "en": "nplurals=2; plural=(n != 1);"}
IGNORED = (".venv*", "tests/*", "examples/*", "bench/*", "var/*")


def main() -> int:
    """Bring both catalogues up to date; return 1 while Korean misses a sentence."""
    _collect()
    missing = [text for language in PLURALS for text in _tidy(language)]
    for text in missing:
        print(f"not translated: {text!r}")
    return 1 if missing else 0


def _collect() -> None:
    command = [sys.executable, "manage.py", "makemessages", "-l", "ko", "-l", "en"]
    command += ["--no-obsolete", "--no-wrap", "--add-location=file"]
    command += [word for pattern in IGNORED for word in ("-i", pattern)]
    subprocess.run(command, cwd=ROOT, check=True)


def _tidy(language: str) -> list[str]:
    """Write one catalogue in a stable order and compile it; return what it does not say yet."""
    path = LOCALE / language / "LC_MESSAGES" / "django.po"
    catalogue = polib.pofile(str(path), wrapwidth=0)
    catalogue.header, catalogue.metadata_is_fuzzy = "", False
    catalogue.metadata = {
        "Project-Id-Version": "consent-vault",
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": PLURALS[language],
    }
    for entry in catalogue:
        _forget_guess(entry)
        if language == "en":
            _say_as_written(entry)
    catalogue.sort(key=lambda entry: entry.msgid)
    catalogue.save(str(path))
    catalogue.save_as_mofile(str(path.with_suffix(".mo")))
    return [entry.msgid for entry in catalogue if not entry.translated()]


def _forget_guess(entry: polib.POEntry) -> None:
    if "fuzzy" in entry.flags:
        entry.flags.remove("fuzzy")
        entry.previous_msgid = entry.previous_msgid_plural = None
        entry.msgstr, entry.msgstr_plural = "", dict.fromkeys(entry.msgstr_plural, "")


def _say_as_written(entry: polib.POEntry) -> None:
    if entry.msgid_plural:
        entry.msgstr_plural = {0: entry.msgid, 1: entry.msgid_plural}
    else:
        entry.msgstr = entry.msgid


if __name__ == "__main__":
    raise SystemExit(main())
