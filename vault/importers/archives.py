"""Opens zip archives without trusting a word of them.

Nothing is ever written to a disk. What an archive says about its own sizes is not believed: bytes
are counted as they come out.
"""

import io
import stat
import zipfile
import zlib
from collections.abc import Iterator

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from vault.exceptions import FileRefused
from vault.importers.findings import LARGEST_ARCHIVE, LARGEST_FILE

MOST_MEMBERS = 100
# Text compresses ten times, perhaps thirty; what unfolds further is no export of somebody's data.
LARGEST_RATIO = 200
_CHUNK = 64 * 1024
# What operating systems leave in every archive, nobody's data and in nobody's way.
_NOISE = frozenset({".ds_store", "thumbs.db", "desktop.ini"})


def members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file in the archive, but of what nobody put there.

    Raises `FileRefused` for anything that a plain export does not need.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            every = archive.infolist()
            found = [one for one in every if not (one.is_dir() or _is_noise(one.filename))]
            _check(found)
            left = min(LARGEST_ARCHIVE, LARGEST_RATIO * len(data))
            for info in found:
                content = _content(archive, info, min(left, LARGEST_FILE))
                left -= len(content)
                yield info.filename, content
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise FileRefused(_("is a broken archive")) from error


def _is_noise(name: str) -> bool:
    *folders, last = name.lower().split("/")
    return "__macosx" in folders or last in _NOISE or last.startswith("._")


def _check(found: list[zipfile.ZipInfo]) -> None:
    if len(found) > MOST_MEMBERS:
        raise FileRefused(_("holds more than %(limit)s files") % {"limit": MOST_MEMBERS})
    if len({info.filename for info in found}) != len(found):
        raise FileRefused(_("holds two files of one name"))
    for info in found:
        if _is_tricky(info):
            raise FileRefused(_("holds a file that leads elsewhere"))
        if info.flag_bits & 0x1:
            raise FileRefused(_("holds an encrypted file"))
        if info.filename.lower().endswith((".zip", ".gz", ".7z", ".rar", ".tar", ".xz", ".bz2")):
            raise FileRefused(_("holds an archive in an archive"))


def _is_tricky(info: zipfile.ZipInfo) -> bool:
    """Return whether a name climbs out, starts at a root, or is a link instead of a file."""
    # The name as it stands in the file: zipfile cuts it at a NUL.
    name = info.orig_filename.replace("\\", "/")
    climbs = ".." in name.split("/") or name.startswith("/") or ":" in name or "\0" in name
    return climbs or stat.S_ISLNK(info.external_attr >> 16)


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    parts, size = [], 0
    with archive.open(info) as member:
        while part := member.read(_CHUNK):
            size += len(part)
            if size > limit:
                raise FileRefused(_unfolds())
            parts.append(part)
    content = b"".join(parts)
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b")):
        raise FileRefused(_("holds an archive in an archive"))
    return content


def _unfolds() -> str:
    limits = {
        "file": filesizeformat(LARGEST_FILE),
        "all": filesizeformat(LARGEST_ARCHIVE),
        "ratio": LARGEST_RATIO,
    }
    return (
        _("unfolds to more than %(file)s a file, %(all)s in all, or %(ratio)s times its size")
        % limits
    )
