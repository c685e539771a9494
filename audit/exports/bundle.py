"""Puts a bundle together: streamed, the same bytes for the same cut, whole or not there."""

import base64
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings

from audit import merkle, publishing, tiles
from audit.exceptions import ExportExists, ProofWrong
from audit.exports import checking, streams, tables
from audit.exports.cutting import Cut
from audit.exports.page import page
from audit.exports.scopes import NOTHING, Scope
from audit.exports.sheets import BUFFER, Measured, Sheets, sync_directory

FORMAT = "consent-vault/export/1"
EDGE_FORMAT = "consent-vault/left-edge/1"
REPORT = "보고서.html"
_HERE = Path(__file__).parent
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}", re.ASCII)
# What we write ourselves.
_OURS = frozenset(
    {
        "manifest.json", "leaves.ndjson", "erasures.ndjson", "openings.ndjson", "blocks.ndjson",
        "entries.csv", "codes.csv", "policy.tlog", "checkpoint-first.note", "checkpoint-last.note",
        "consistency.proof", "range.proof", "verify.py", "verify.html",
    }
)  # fmt: skip
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest moment that a zip can hold


@dataclass(frozen=True, slots=True)
class Written:
    """A bundle that is there, and what the verifier said about it."""

    path: Path
    entries: int
    verified: bool
    first_finding: str | None


def write(
    cut: Cut,
    path: Path,
    *,
    scope: Scope = NOTHING,
    named_streams: Mapping[str, Iterable[bytes]] | None = None,
    progress: streams.Progress = streams.no_progress,
) -> Written:
    """Write the bundle of a cut to `path`: a zip if it ends in .zip, else a directory.

    Memory does not grow with the range. Everything is written beside `path` first, synced and
    checked by the verifier; a rename makes it appear. Raises ExportExists.
    """
    named_streams = named_streams or {}
    need_free(path)
    for name in named_streams:
        if not _NAME.fullmatch(name) or name in _OURS:
            raise ValueError(f"{name!r} is no name for a stream of an export")
    path.parent.mkdir(parents=True, exist_ok=True)
    partly = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    try:
        report = _fill(partly, cut, scope, named_streams, progress)
        _hand_over(partly, path)
    finally:
        shutil.rmtree(partly, ignore_errors=True)
    findings = [each["en"] for each in report["findings"]]
    return Written(
        path=path,
        entries=cut.last - cut.first,
        verified=report["verified"],
        first_finding=findings[0] if findings else None,
    )


def need_free(path: Path) -> None:
    """Pass if nothing is at `path` yet. Raises ExportExists."""
    if path.exists():
        raise ExportExists(f"{path} is there already")


def _fill(
    directory: Path,
    cut: Cut,
    scope: Scope,
    named_streams: Mapping[str, Iterable[bytes]],
    progress: streams.Progress,
) -> dict[str, Any]:
    key = str(publishing.verifier_key())
    with Sheets(directory) as sheets:
        streams.write_entries(sheets, cut, scope, progress)
        streams.write_blocks(sheets.open("blocks.ndjson"), cut)
        _put_proofs(sheets, cut, key)
        _put_named(sheets, named_streams)
        sheets.put("codes.csv", tables.codes())
        sheets.put("README.txt", (_HERE / "README.txt").read_bytes())
        for verifier in ("verify.py", "verify.html"):
            if (checking.VERIFIERS / verifier).exists():
                sheets.put(verifier, (checking.VERIFIERS / verifier).read_bytes())
    measured = sheets.measured
    _put_manifest(directory, _manifest(cut, scope, measured))
    # The report says what the verifier says about everything else; then it joins the manifest.
    report = checking.report(directory, key)
    with Sheets(directory) as sheets:
        sheets.put(REPORT, page(cut, report, key))
    _put_manifest(directory, _manifest(cut, scope, measured | sheets.measured))
    sync_directory(directory)
    return report


def _put_proofs(sheets: Sheets, cut: Cut, key: str) -> None:
    node = tiles.Tiles(tiles.from_database).node
    sheets.put("policy.tlog", f"log {key}\nquorum none\n".encode())
    sheets.put("checkpoint-last.note", cut.note.encode())
    sheets.put("checkpoint-first.note", cut.before_note.encode())
    try:
        proof = merkle.consistency_proof(cut.before_size, cut.last, node)
        edge = merkle.left_edge(cut.first, node).hashes
    except ProofWrong:
        # Tiles are gone. The bundle comes without these proofs, and fails for it.
        proof, edge = [], []
    old = f"old {cut.before_size}\n{_lines(proof)}\n"
    sheets.put("consistency.proof", old.encode() + cut.note.encode())
    if cut.first:
        text = f"{EDGE_FORMAT}\nindex {cut.first}\n{_lines(edge)}"
        sheets.put("range.proof", text.encode())


def _lines(hashes: Iterable[bytes]) -> str:
    return "".join(base64.b64encode(each).decode() + "\n" for each in hashes)


def _put_named(sheets: Sheets, named_streams: Mapping[str, Iterable[bytes]]) -> None:
    for name, chunks in sorted(named_streams.items()):
        sheet = sheets.open(name)
        for chunk in chunks:
            sheet.write(chunk)
        sheets.close(name)


def _manifest(cut: Cut, scope: Scope, measured: Mapping[str, Measured]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "log": settings.LOG_ORIGIN,
        "first": cut.first,
        "last": cut.last,
        "hidden": 0,
        "export": str(cut.export),
        "export_index": cut.export_index,
        "made_at": cut.made_at,
        "scope": scope.described(),
        "files": {name: found._asdict() for name, found in measured.items()},
    }


def _put_manifest(directory: Path, manifest: Mapping[str, Any]) -> None:
    text = orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)
    path = directory / "manifest.json"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _hand_over(partly: Path, path: Path) -> None:
    """Make the finished bundle appear at `path`."""
    if path.suffix != ".zip":
        partly.rename(path)
    else:
        archive = partly / "bundle"
        _pack(partly, archive)
        # A link is refused where something appeared in the meantime; a rename would replace it.
        os.link(archive, path)
    sync_directory(path.parent)


def _pack(directory: Path, archive: Path) -> None:
    """Write the files into one zip: stored, sorted, without dates."""
    names = sorted(each.name for each in directory.iterdir())
    descriptor = os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as packed:
            for name in names:
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.external_attr = 0o600 << 16
                entry.file_size = (directory / name).stat().st_size
                with packed.open(entry, "w") as target, (directory / name).open("rb") as source:
                    shutil.copyfileobj(source, target, BUFFER)
        file.flush()
        os.fsync(file.fileno())
