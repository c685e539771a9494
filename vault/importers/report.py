"""What an import did, and what became no record: places and reasons, never a value."""

from dataclasses import dataclass, field
from typing import NamedTuple

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from vault import categories, resident_numbers
from vault.exceptions import RecordInvalid

# More than these are counted, not listed: whoever chose a wrong mapping needs no million lines.
MOST_PROBLEMS = 1000
LONGEST_NAME = 60


class Problem(NamedTuple):
    """What became no record: a line (from 1) and a reason, never a value."""

    line: int
    reason: str
    # Which file of an archive, as `shown` writes it; None for the file itself.
    part: str | None = None
    # Which entry of a list, from 1: a JSON file may have all of them on one line.
    entry: int | None = None

    @property
    def place(self) -> str:
        """Return where it is, in words."""
        where = {"line": self.line, "entry": self.entry}
        text = _("line %(line)s") if self.entry is None else _("entry %(entry)s (line %(line)s)")
        return ", ".join([*([self.part] if self.part else []), text % where])


@dataclass(kw_only=True)
class Report:
    """What an import did."""

    imported: int = 0
    # In the pod before, with the same content: importing a file twice is importing it once.
    already: int = 0
    categories: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0
    # Files of an archive that were not read: a part and a reason each.
    unread: list[Problem] = field(default_factory=list)
    # Whether anything is there that "nothing unless all fits" stops at.
    fits: bool = True
    # Whether nothing was kept because of that choice, and how many good records wait for it.
    stopped: bool = False
    held_back: int = 0

    def add(self, problem: Problem) -> None:
        """Count a problem, and list it if there are not too many yet."""
        self.fits = False
        self.problem_count += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)

    def leave_unread(self, problem: Problem, *, harmless: bool) -> None:
        """List a file of an archive that was not read; a harmless one stops nothing."""
        self.fits = self.fits and harmless
        self.unread.append(problem)

    @property
    def left_out(self) -> int:
        """Return how much became no record: records and unread files."""
        return self.problem_count + len(self.unread)

    @property
    def found_nothing(self) -> bool:
        """Whether the file held nothing at all that could have become a record."""
        return not (self.imported or self.already or self.held_back or self.left_out)


def shown(name: str) -> str:
    """Return the name of a file in an archive as it may stand in a report."""
    text = "".join(char for char in name if char.isprintable())
    for start, end in resident_numbers.spans(text):
        text = text[:start] + resident_numbers.MASK * (end - start) + text[end:]
    if len(text) > LONGEST_NAME:
        half = LONGEST_NAME // 2
        text = f"{text[: half - 1]}…{text[-half:]}"
    return text


def told(category_id: str, error: RecordInvalid) -> str:
    """Return what is wrong with a record, by the names of its fields instead of pointers."""
    fields, language = categories.get(category_id).fields, get_language() or "ko"
    parts = []
    for pointer, what in error.problems:
        path = ".".join(step for step in pointer.split("/") if step and not step.isdigit())
        named = {"field": path, "what": what}
        if path in fields:
            named["field"] = fields[path].in_language(language)
        parts.append(_("%(field)s: %(what)s") % named if path else what)
    return "; ".join(parts)
