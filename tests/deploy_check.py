"""Runs Django's deploy checks as production would, with throw-away secrets; a warning is a failure."""

import os
import secrets
import subprocess
import sys
import tempfile


def main() -> int:
    """Return the checks' exit code."""
    with tempfile.TemporaryDirectory() as var:
        environment = {
            **os.environ,
            "VAULT_ENV": "production",
            "VAULT_ORIGIN": "https://vault.example",
            "VAULT_HOSTS": "vault.example",
            "VAULT_VAR": var,
            "CACHE_URL": os.environ.get("CACHE_URL", "redis://127.0.0.1:6379/0"),
            "SECRET_KEY": secrets.token_urlsafe(64),
            "DATABASE_URL": os.environ.get("DATABASE_URL", f"sqlite:///{var}/vault.sqlite3"),
        }
        made = [sys.executable, "manage.py", "make_keyring"]
        subprocess.run(made, env=environment, check=True, stdout=subprocess.DEVNULL)
        checked = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
        return subprocess.run(checked, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
