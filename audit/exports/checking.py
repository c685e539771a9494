"""Lets the verifier that goes into the bundle look at it first, as anybody else would run it."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from audit.exceptions import VerifierFailed

VERIFIERS = Path(__file__).parent.parent / "verify"


def report(directory: Path, key: str) -> dict[str, Any]:
    """Return what verify.py says about the bundle in a directory. Raises VerifierFailed.

    In a process of its own and isolated: it must not need anything of ours.
    """
    with tempfile.NamedTemporaryFile("rb", suffix=".json") as answer:
        script = str(VERIFIERS / "verify.py")
        command = [sys.executable, "-I", script, str(directory), "--key", key, "--quiet"]
        run = subprocess.run(  # noqa: S603 - our own file and arguments
            [*command, "--json", answer.name], capture_output=True, check=False
        )
        if run.returncode not in (0, 1):
            raise VerifierFailed(run.stderr.decode(errors="replace").strip()[-500:])
        found: dict[str, Any] = json.load(answer)
    return found
