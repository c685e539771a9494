"""Django's secret key: given by the operator, or made once and kept with the vault's own files."""

import os
import secrets
from pathlib import Path

from config import env


def read(var_dir: Path, *, production: bool) -> str:
    """Return SECRET_KEY; outside production, make one on first use in `var_dir` (mode 0600)."""
    if production or "SECRET_KEY" in os.environ or "SECRET_KEY_FILE" in os.environ:
        return env.text("SECRET_KEY")
    path = var_dir / "secret_key"
    var_dir.mkdir(parents=True, exist_ok=True)
    try:
        # O_EXCL: of two first starts at once, one makes the key and the other reads it.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(64))
    except FileExistsError:
        pass
    return path.read_text()
