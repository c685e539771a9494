"""What an operator can break in a sandbox for a while. It is really broken, and put right again."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from django.conf import settings
from django.db import transaction

from consent.models import Grant
from sandbox import people

ASIDE = ".aside"


@contextmanager
def keys_away() -> Iterator[None]:
    """Lay the root key aside, as if its provider did not answer."""
    (root,) = Path(settings.KEYRING_DIR).glob("root-*.key")
    root.rename(root.with_suffix(ASIDE))
    try:
        yield
    finally:
        bring_keys_back()


def bring_keys_back() -> None:
    """Put a root key back that was laid aside, also by a fault that was killed."""
    for aside in Path(settings.KEYRING_DIR).glob(f"root-*{ASIDE}"):
        aside.rename(aside.with_suffix(".key"))


@contextmanager
def busy() -> Iterator[None]:
    """Hold the row of one grant; on SQLite that is the whole database."""
    hers = Grant.objects.filter(pod__owner__email=f"granted@{people.DOMAIN}", ended_at=None)
    with transaction.atomic():
        hers.select_for_update().get()
        yield


FAULTS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "keys-away": keys_away,
    "busy": busy,
}
