"""Checks an export as an outsider does: with verify.py, isolated from this project and its packages."""

import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from examples.demo.processes import ROOT

VERIFIER = ROOT / "audit" / "verify" / "verify.py"


@dataclass(frozen=True)
class Verdict:
    """What verify.py found."""

    holds: bool
    size: int  # of the tree that the checkpoint signs
    said: str


def check(export: Path, *, kept: Path | None = None) -> Verdict:
    """Verify an export; `kept` is a signed checkpoint from somewhere else, such as a drawer."""
    report = export.with_suffix(".report.json")
    report.unlink(missing_ok=True)
    more = ["--checkpoint", str(kept)] if kept else []
    ran = subprocess.run(
        [sys.executable, "-I", str(VERIFIER), str(export), "--json", str(report), *more],
        cwd=export.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = json.loads(report.read_text()) if report.exists() else {}
    holds = ran.returncode == 0 and told.get("verified") is True
    return Verdict(holds, int(told.get("last", 0)), ran.stdout + ran.stderr)


def rewritten(export: Path) -> Path:
    """Copy an export in which one refusal has another reason, as somebody might like to."""
    target = export.with_name(f"rewritten-{export.name}")
    before, after = b'"purpose-mismatch"', b'"purpose_mismatch"'
    with zipfile.ZipFile(export) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            copy.writestr(name, source.read(name).replace(before, after, 1))
    return target


def leaves(export: Path) -> list[dict[str, object]]:
    """Return the leaves of an export in their order."""
    with zipfile.ZipFile(export) as source:
        name = next(each for each in source.namelist() if each.endswith("leaves.ndjson"))
        return [json.loads(line) for line in source.read(name).splitlines()]
