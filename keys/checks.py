"""What must be true of the keyring at the start, as Django checks. None of them makes anything."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks

from keys import keyring
from keys.exceptions import KeysError, RootKeyMissing
from keys.generations import KEPT_AFTER_NEXT, NEW_EVERY, Keyring


@checks.register("keys")
def keyring_opens(**_: Any) -> list[checks.CheckMessage]:
    """Report a keyring that is missing, exposed, damaged or not ours, with what to do."""
    try:
        ring = keyring.keyring()
    except RootKeyMissing as error:
        return [_missing(error)]
    except KeysError as error:
        return [checks.Error(_said(error), id="keys.E002")]
    return _overdue(ring)


def _missing(error: RootKeyMissing) -> checks.CheckMessage:
    # On one machine the first start makes the keyring; in production nothing makes it silently.
    begun = (Path(settings.KEYRING_DIR) / "keyring.json").exists()
    if settings.PRODUCTION or begun:
        return checks.Error(_said(error), id="keys.E001")
    return checks.Info(_said(error), id="keys.I001")


def _overdue(ring: Keyring) -> list[checks.CheckMessage]:
    """Warn when backups are about to stay readable longer than promised."""
    oldest = ring.generations()[0]
    limit = NEW_EVERY + KEPT_AFTER_NEXT
    if datetime.now(UTC) - oldest.made_at <= limit:
        return []
    return [
        checks.Warning(
            f"A wrapping generation is older than {limit.days} days, and with it the backups "
            "that still open erased data.",
            hint="Run manage.py rotate_keys, every day.",
            id="keys.W001",
        )
    ]


def _said(error: KeysError) -> str:
    return str(error) or (type(error).__doc__ or "").splitlines()[0]
