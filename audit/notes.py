"""Signed notes, checkpoints and their keys, as C2SP writes them down. Pure.

c2sp.org/signed-note, c2sp.org/tlog-checkpoint. Ed25519 (type 0x01) is what we sign with;
lines by keys that we do not know are kept and ignored, which is how cosignatures and
rotation work.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.exceptions import NoteMalformed, NoteUnverified, SignatureWrong

ED25519 = 0x01
LIMIT = 1_000_000  # bytes of a whole note
MOST_SIGNATURES = 100
_DASH = "\N{EM DASH} "
_DECIMAL = re.compile(r"0|[1-9][0-9]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a key that signs notes, with the name it signs under."""

    name: str
    key_id: bytes
    public: bytes

    @classmethod
    def of(cls, name: str, public: bytes) -> "VerifierKey":
        """Return the key for `name`. The id is SHA-256(name ‖ LF ‖ type ‖ key), 4 bytes."""
        if not _good_name(name):
            raise NoteMalformed("the name of a key is not empty, without blanks and plus signs")
        return cls(name, _key_id(name, bytes([ED25519]) + public), public)

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read `name+id+key`. The last part is base64 and may hold plus signs of its own."""
        name, plus, rest = text.partition("+")
        key_id, second_plus, encoded = rest.partition("+")
        typed = from_base64(encoded) if plus and second_plus else b""
        if len(typed) != 33 or typed[0] != ED25519:
            raise NoteMalformed("not an Ed25519 verifier key")
        key = cls.of(name, typed[1:])
        if key.key_id.hex() != key_id:
            raise NoteMalformed("the id of the key does not belong to it")
        return key

    def __str__(self) -> str:
        """Return `name+id+key`, as it stands in a policy file."""
        typed = base64.b64encode(bytes([ED25519]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{typed}"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A note whose signatures by known keys were all good, and at least one of them was there."""

    text: str
    verified: tuple[Signature, ...]
    unverified: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log promises: its name, how large it is, and the root over all of it."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """Return the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read the three lines; further lines are allowed and not ours."""
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
            raise NoteMalformed("a checkpoint is three lines or more, none of them empty")
        origin, size, root = lines[0], lines[1], from_base64(lines[2])
        if not _DECIMAL.fullmatch(size) or len(size) > 19 or len(root) != 32:
            raise NoteMalformed("a checkpoint's second line is its size, its third the root")
        return cls(origin, int(size), root)


def sign(text: str, name: str, keys: Sequence[Ed25519PrivateKey]) -> str:
    """Return the note: the text and one signature line for each key."""
    _need_text(text)
    lines = []
    for key in keys:
        known = VerifierKey.of(name, key.public_key().public_bytes_raw())
        lines.append(str(Signature(name, known.key_id, key.sign(text.encode()))))
    return f"{text}\n{''.join(lines)}"


def split(note: str) -> tuple[str, tuple[Signature, ...]]:
    """Return the text and the signature lines, checked for form only."""
    if len(note.encode("utf-8", "surrogatepass")) > LIMIT:
        raise NoteMalformed("longer than a note may be")
    # The text may hold blank lines; the last one divides.
    text, divider, signatures = note.rpartition("\n\n")
    if not divider or not signatures.endswith("\n"):
        raise NoteMalformed("no signatures after a blank line")
    text += "\n"
    _need_text(text)
    lines = signatures[:-1].split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise NoteMalformed("more signatures than anybody needs")
    return text, tuple(_signature(line) for line in lines)


def open_note(note: str, keys: Sequence[VerifierKey]) -> Note:
    """Check a note against the keys that we know.

    Raises NoteMalformed, SignatureWrong (a known key's line does not verify: nothing in the
    note is to be believed), NoteUnverified (no line by a known key).
    """
    text, signatures = split(note)
    verified: list[Signature] = []
    unverified: list[Signature] = []
    for line in signatures:
        key = _known(line, keys)
        if key is None:
            unverified.append(line)
            continue
        _check(key, line, text)
        if line not in verified:
            verified.append(line)
    if not verified:
        raise NoteUnverified("no signature by a key that we know")
    return Note(text, tuple(verified), tuple(unverified))


def open_checkpoint(note: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    """Check a signed checkpoint and return what it says."""
    return Checkpoint.parse(open_note(note, keys).text)


def _known(line: Signature, keys: Sequence[VerifierKey]) -> VerifierKey | None:
    found = [key for key in keys if (key.name, key.key_id) == (line.name, line.key_id)]
    if len(found) > 1:
        raise NoteMalformed("two keys share a name and an id")
    return found[0] if found else None


def _check(key: VerifierKey, line: Signature, text: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(line.signature, text.encode())
    except (InvalidSignature, ValueError):
        raise SignatureWrong("a signature by a known key does not verify") from None


def _signature(line: str) -> Signature:
    name, blank, encoded = line.removeprefix(_DASH).partition(" ")
    blob = from_base64(encoded) if blank and line.startswith(_DASH) else b""
    if not _good_name(name) or len(blob) < 5:
        raise NoteMalformed("a signature line that is none")
    return Signature(name, blob[:4], blob[4:])


def _need_text(text: str) -> None:
    if not text.endswith("\n"):
        raise NoteMalformed("the text of a note ends with a line feed")
    if any(sign < " " and sign != "\n" for sign in text) or not _is_unicode(text):
        raise NoteMalformed("the text of a note holds no control characters")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _good_name(name: str) -> bool:
    return bool(name) and "+" not in name and _is_unicode(name) and name.split() == [name]


def _key_id(name: str, typed: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4]


def from_base64(text: str) -> bytes:
    """Return the bytes of standard base64 with padding, in its one spelling.

    The last sign of padded base64 has bits that say nothing; with them a note could be changed
    and still verify. Raises NoteMalformed.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteMalformed("not base64") from None
    if base64.b64encode(data).decode() != text:
        raise NoteMalformed("not the one spelling of base64")
    return data
