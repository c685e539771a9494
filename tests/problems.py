"""Writes the tables of errors into docs/api.md, from the one table that answers come from.

`python -m tests.problems`; a test compares.
"""

import os
import re
from pathlib import Path

PATH = Path(__file__).resolve().parent.parent / "docs" / "api.md"
# Not for partners' programs: told to people, to operators, or never over HTTP.
ELSEWHERE = {
    "AlreadyDecided", "RequestExpired", "LinkRefused", "BelowAtLeast", "ChoicesInvalid",
    "NoticeChanged", "GrantNotLive", "EndpointRefused", "SecondPersonNeeded", "KeySetInvalid",
    "SignatureRefused", "UnknownPurpose", "UnknownCategory", "NotWritable", "RecordChangedMeanwhile",
    "ContributionNotEdited", "FileRefused", "MappingInvalid", "AccessRefused", "KnockRefused",
    "RedirectInvalid",
}  # fmt: skip
# A class in the table stands for those below it, which have codes of their own.
_NARROWER = ("GrantPaused", "NotStarted", "NotGranted", "PurposeMismatch", "LevelTooLow", "PartnerSuspended", "TokenNarrowed")  # fmt: skip


def main() -> None:
    """Bring both tables up to date."""
    PATH.write_text(written(PATH.read_text(encoding="utf-8")), encoding="utf-8")


def written(text: str) -> str:
    """Return the guide with both tables as they must be."""
    for mark, table in (("problems", problems()), ("rules", rules())):
        place = re.compile(rf"(<!-- {mark}[^\n]*-->\n).*?(<!-- end -->)", re.DOTALL)
        text = place.sub(rf"\1{table}\2", text, count=1)
    return text


def problems() -> str:
    """Return a row for each code, by status."""
    from config import errors
    from consent import exceptions

    rows = set()
    listed = [*errors.TABLE, *(getattr(exceptions, name) for name in _NARROWER)]
    for error in listed:
        line = next(errors.TABLE[base] for base in error.__mro__ if base in errors.TABLE)
        code = line.code or str(getattr(error, "code", ""))
        if error.__name__ not in ELSEWHERE and code != "request-against-rule":
            named = exceptions.UnknownThing if code == "not-found" else line.named or error
            rows.add((line.status, code, (named.__doc__ or "").partition("\n")[0]))
    known = {code for _, code, _ in rows}
    rows |= {(s, code, title) for s, (code, title) in errors.PLAIN.items() if code not in known}
    rows.add((503, *errors.DATABASE_AWAY))
    return _table(("status", "code", "title"), sorted(_one_title(rows)))


def _one_title(rows: set[tuple[int, str, str]]) -> list[tuple[int, str, str]]:
    """Return one row for each status and code: the shortest title stands for its likes."""
    found: dict[tuple[int, str], str] = {}
    for status, code, title in sorted(rows, key=lambda row: (len(row[2]), row)):
        found.setdefault((status, code), title)
    return [(status, code, title) for (status, code), title in found.items()]


def rules() -> str:
    """Return a row for each rule that a request can break."""
    from django.utils import translation

    from consent.requests import rules as broken

    with translation.override("en"):
        rows = [(code, str(sentence)) for code, sentence in sorted(broken.SENTENCES.items())]
    return _table(("code", "detail"), rows)


def _table(head: tuple[str, ...], rows: list[tuple[object, ...]] | list[tuple[str, str]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    main()
