"""A record's value, sealed and opened: the one place that knows what it is bound to."""

from dataclasses import dataclass
from uuid import UUID

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from keys import sealing
from keys.rows import OpenCategoryKey
from vault import categories, resident_numbers, strictjson
from vault.exceptions import RecordInvalid


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value lies. A value that was moved does not open."""

    pod: UUID
    category: str
    record: UUID
    version: int

    @property
    def context(self) -> list[bytes]:
        """Return what the seal is bound to (architecture.md, "Sealed blob")."""
        return [
            b"record",
            self.pod.bytes,
            self.category.encode(),
            self.record.bytes,
            self.version.to_bytes(4, "big"),
        ]


def checked(category: str, value: object) -> bytes:
    """Return the bytes to seal, after every rule about what a record may say.

    Raises `UnknownCategory`, `RRNFound`, `RecordInvalid`.
    """
    return checked_in_form(category, value, strictjson.dumps(value))


def checked_in_form(category: str, value: object, data: bytes) -> bytes:
    """Check a value whose one form of JSON (`strictjson.dumps`) is there, and return that.

    Raises as `checked` does.
    """
    resident_numbers.refuse(category, value, data)
    categories.validate(category, value)
    if len(data) > strictjson.RECORD.size:
        limit = {"limit": filesizeformat(strictjson.RECORD.size)}
        raise RecordInvalid([("", _("is larger than %(limit)s") % limit)])
    return data


def close(key: OpenCategoryKey, place: Place, data: bytes) -> bytes:
    """Return `data` sealed for its place under a category key."""
    return sealing.seal(
        key.key,
        key_id=key.key_id.bytes,
        key_version=key.version,
        plaintext=data,
        context=place.context,
    )


def open_bytes(key: bytes, place: Place, sealed: bytes) -> bytes:
    """Return what was sealed for this place. Raises `Tampered`."""
    return sealing.open_sealed(key, sealed, context=place.context)
