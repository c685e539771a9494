"""A hotel that may read a guest's stay, with a token in hand."""

from collections.abc import Callable
from typing import Any

import pytest

from consent.access import calls, reading
from consent.models import Client, Grant
from consent.oauth import tokens
from tests import cast
from vault import pods
from vault.models import Pod

STAY = {"hotel": "Maru Hotel", "room": "1204", "check_in": "2026-11-20", "check_out": "2026-11-22"}
Read = Callable[..., dict[str, Any]]


@pytest.fixture
def token(hotel: Client) -> bytes:
    """The digest of a live token."""
    return tokens.digest(tokens.issue(hotel))


@pytest.fixture
def stay(pod: Pod) -> Any:
    return pods.put(pod, "stay", STAY)


@pytest.fixture
def read(token: bytes, grant: Grant) -> Read:
    """Read the stay as the hotel would; keywords change the call."""

    def call(**changes: Any) -> dict[str, Any]:
        body = {"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE}
        return reading.read(token, calls.parse(body | changes))

    return call
