import signal
import subprocess
import sys

import pytest

from tests.consent.revocation.processes import ROOT

CODE = "import django; django.setup(); from consent.revocation.faults import point; point({!r})"


@pytest.mark.parametrize(
    ("env", "named", "reached", "dies"),
    [
        ("local", "here", "here", True),
        ("local", "here", "there", False),
        ("local", "", "", False),
        ("production", "here", "here", False),
    ],
)
def test_a_fault_kills_only_where_it_is_named_and_never_in_production(
    tmp_path, env: str, named: str, reached: str, dies: bool
) -> None:
    environment = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "VAULT_ENV": env,
        "VAULT_VAR": str(tmp_path),
        "VAULT_ORIGIN": "https://vault.example",
        "SECRET_KEY": "x" * 60,
        **({"VAULT_FAULT": named} if named else {}),
    }
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(reached)],
        cwd=ROOT, env=environment, capture_output=True, check=False,
    )  # fmt: skip

    assert done.returncode == (-signal.SIGKILL if dies else 0), done.stderr
