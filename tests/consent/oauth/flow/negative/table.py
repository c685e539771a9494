"""How a line of the table is held: the answer says little, the log says why, nothing has changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from consent import knocks
from consent.models import AccessRequest, AccessToken, AuthorizationCode, Grant, RefreshToken
from tests import refusals
from tests.consent.oauth import world

TABLES = (AccessRequest, Grant, AuthorizationCode, AccessToken, RefreshToken)


def counts() -> list[int]:
    return [each.objects.count() for each in TABLES]


@contextmanager
def refused(reason: str, *, entered: str | None = None) -> Iterator[None]:
    """Hold that the block is refused once for this reason, and leaves no row behind.

    The log says so, too: as a refused call, or under `entered`, the code of the rule that did it.
    """
    knocks.forget()
    before, rows, written = world.refusals(reason), counts(), refusals.of(entered or reason)
    yield
    assert world.refusals(reason) == before + 1, reason
    assert counts() == rows
    assert refusals.of(entered or reason) == written + 1, reason


def need_error(answer: Any, error: str, status: int = 400) -> None:
    """An OAuth error and nothing else: no sentence repeats what was sent."""
    assert (answer.status_code, answer.json().get("error")) == (status, error), answer.content
    assert answer.json().keys() <= {"error", "error_description"}
    assert answer["Cache-Control"] == "no-store"
    said = answer.json().get("error_description", "")
    assert said.isascii()
    assert not set(said) & {'"', "\\"}
    assert "CANARY" not in said
