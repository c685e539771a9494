"""Places where a test may kill this process, exactly as `kill -9` would.

Nothing here can act in production: the name is taken from the environment only where
VAULT_ENV is local, which is where tests and the demo run.
"""

import os
import signal

from django.conf import settings


def point(name: str) -> None:
    """End this process at once, no cleanup, if VAULT_FAULT names this place."""
    if settings.ENV == "local" and os.environ.get("VAULT_FAULT") == name:
        os.kill(os.getpid(), signal.SIGKILL)
