"""A crash leaves no memory behind: neither keys nor values of anybody (I5)."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.consent.revocation.processes import ROOT

# Allows core files as far as it may, as a shell or a unit could, and then crashes as a bug in C does.
CRASH = """
import os, resource, django
_, most = resource.getrlimit(resource.RLIMIT_CORE)
resource.setrlimit(resource.RLIMIT_CORE, (most, most))
django.setup()
print(resource.getrlimit(resource.RLIMIT_CORE), flush=True)
os.abort()
"""


@pytest.mark.rule("assurance.md", "I5: a canary value is found nowhere in clear: crash dumps")
def test_a_process_that_crashes_writes_no_core_file(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "VAULT_VAR": str(tmp_path / "var")}

    done = subprocess.run(
        [sys.executable, "-c", CRASH],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == -signal.SIGABRT
    assert done.stdout.strip() == "(0, 0)"
    assert not list(tmp_path.glob("core*"))
