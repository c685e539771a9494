"""What can be wrong with a pod, a record or a file. None of these ever carries a value."""

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# (JSON pointer, what is wrong there), in the words of the schema, never in those of the record.
Problem = tuple[str, str]


class VaultError(Exception):
    """The vault cannot do this."""


class UnknownCategory(VaultError):
    """There is no such category."""


class UnknownPurpose(VaultError):
    """There is no such purpose."""


class RecordInvalid(VaultError):
    """The record does not fit its category."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(f"{where or '/'}: {what}" for where, what in self.problems))


class RRNFound(VaultError):
    """Resident registration numbers are neither stored nor requested (PIPA Art. 24-2)."""

    sentence = gettext_lazy(
        "Resident registration numbers cannot be accepted. Cover that part and upload it again."
    )
    # The same about one place of several, for programs.
    what = gettext_lazy("holds a resident registration number, which cannot be taken")

    def __init__(self, places: Sequence[str]) -> None:
        self.places = list(places)
        super().__init__(", ".join(place or "/" for place in self.places))


class MalformedJSON(VaultError):
    """This is not JSON that the vault reads."""

    def __init__(self, what: str, line: int | None = None, column: int | None = None) -> None:
        self.what, self.line, self.column = what, line, column
        place = {"what": what, "line": line, "column": column}
        placed = _("%(what)s (line %(line)s, column %(column)s)")
        super().__init__(what if line is None else placed % place)


class TooLarge(MalformedJSON):
    """This is larger than the vault reads."""


class NotWritable(VaultError):
    """This pod takes no records now."""


class PodErased(NotWritable):
    """This pod was erased."""


class RecordGone(VaultError):
    """This record is no longer there."""


class RecordChangedMeanwhile(VaultError):
    """Somebody changed this record in between."""


class ContributionNotEdited(VaultError):
    """What a brand contributed is never edited; it can be deleted, hidden or disputed."""


class FileRefused(VaultError):
    """The vault does not read this file."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        self.reason, self.line = reason, line
        placed = _("%(what)s (line %(line)s)")
        super().__init__(reason if line is None else placed % {"what": reason, "line": line})


class MappingInvalid(VaultError):
    """The mapping file does not say how to read the table."""
