"""The short way to the read path answers as the usual way does, whatever comes."""

import json
import sys
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import Settings

from audit.models import Entry
from config.direct import PATH, Direct
from consent import knocks
from consent.access import reading
from tests.door.brand import Brand

pytestmark = pytest.mark.django_db
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Answer = tuple[str, dict[str, str], bytes]
# What differs between two answers to one call, and may.
CHANGING = {"event", "instance", "erase_by"}


def environ(hotel: Brand, body: bytes, **more: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST", "PATH_INFO": PATH, "SCRIPT_NAME": "", "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000", "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1:8000", "REMOTE_ADDR": "127.0.0.1",
        "HTTP_AUTHORIZATION": f"Bearer {hotel.token}", "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body), "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
    } | more  # fmt: skip


def ask(application: Application, sent: dict[str, Any]) -> Answer:
    begun: list[Any] = []
    parts = application(sent, lambda *said: begun.extend(said))
    body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    return begun[0], dict(begun[1]), body


def same(answer: Answer) -> Any:
    """Return an answer without what changes from one to the next."""
    status, headers, body = answer
    said = json.loads(body) if body else None
    if isinstance(said, dict):
        said = {name: value for name, value in said.items() if name not in CHANGING}
        said["grant"] = {**(said.get("grant") or {}), "erase_by": None}
    headers = {name: value for name, value in headers.items() if name != "RateLimit"}
    return status, headers, said


@pytest.fixture(autouse=True)
def _kept_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test's own transaction live on: between two requests Django ends what one left open."""
    monkeypatch.setattr(BaseDatabaseWrapper, "close_if_unusable_or_obsolete", lambda _: None)


@pytest.fixture
def usual(settings: Settings) -> Application:
    return get_wsgi_application()


@pytest.fixture
def direct(usual: Application) -> Application:
    return Direct(usual)


def _cases(call: dict[str, Any]) -> dict[str, tuple[bytes, dict[str, str]]]:
    good = json.dumps(call).encode()
    return {
        "a yes": (good, {}),
        "another purpose": (json.dumps(call | {"purpose": "dpv:Marketing"}).encode(), {}),
        "nobody's subject": (json.dumps(call | {"subject": "nobody"}).encode(), {}),
        "no JSON": (b"{", {}),
        "no JSON, in Korean": (b"{", {"HTTP_ACCEPT_LANGUAGE": "ko"}),
        "a form": (good, {"CONTENT_TYPE": "application/x-www-form-urlencoded"}),
        "another charset": (good, {"CONTENT_TYPE": "application/json; charset=euc-kr"}),
        "no token": (good, {"HTTP_AUTHORIZATION": ""}),
        "no such token": (good, {"HTTP_AUTHORIZATION": "Bearer nobody"}),
        "a proof that is none": (good, {"HTTP_AUTHORIZATION": "DPoP x", "HTTP_DPOP": "x"}),
        "chunks": (good, {"HTTP_TRANSFER_ENCODING": "chunked"}),
        "too much": (b" " * 200_000 + good, {}),
        "another host": (good, {"HTTP_HOST": "evil.example"}),
        "a question in the address": (good, {"QUERY_STRING": "a=b"}),
        "under a prefix": (good, {"SCRIPT_NAME": "/vault"}),
        "GET": (b"", {"REQUEST_METHOD": "GET"}),
        "OPTIONS": (b"", {"REQUEST_METHOD": "OPTIONS"}),
        "a slash more": (good, {"PATH_INFO": f"{PATH}/"}),
    }


def test_both_ways_answer_alike(
    hotel: Brand, call: dict[str, Any], usual: Application, direct: Application,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    statuses = set()
    for name, (body, more) in _cases(call).items():
        caplog.clear()
        there, here = (ask(way, environ(hotel, body, **more)) for way in (usual, direct))
        assert same(here) == same(there), name
        lines = [each.getMessage() for each in caplog.records if each.name == "django.request"]
        half = len(lines) // 2
        assert lines[:half] == lines[half:], name  # what the operator is told
        statuses.add(here[0].split()[0])
    assert statuses >= {"200", "400", "401", "403", "404", "405", "411", "413", "415"}


def test_both_ways_enter_alike(
    hotel: Brand, call: dict[str, Any], usual: Application, direct: Application
) -> None:
    entered = {}
    for name, (body, more) in _cases(call).items():
        there, here = (_entered_by(way, environ(hotel, body, **more)) for way in (usual, direct))
        assert here == there, name
        entered[name] = [entry["type"] for entry in here]
    assert entered["a yes"] == ["record.read"]
    assert entered["another purpose"] == entered["nobody's subject"] == ["record.refused"]
    assert entered["no such token"] == entered["a proof that is none"] == ["call.refused"]


def _entered_by(way: Application, sent: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the entries that a call makes where nobody called before, without what is random."""
    knocks.forget()
    with transaction.atomic():
        before = Entry.objects.count()
        ask(way, sent)
        leaves = [json.loads(bytes(entry.leaf)) for entry in Entry.objects.order_by("seq")[before:]]
        transaction.set_rollback(True)
    random = {"id", "time", "commitment"}
    return [{name: leaf[name] for name in leaf.keys() - random} for leaf in leaves]


def test_an_error_of_ours_is_a_problem_that_says_nothing(
    hotel: Brand, call: dict[str, Any], usual: Application, direct: Application,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for error, status in (
        (ValueError("a value nobody should see"), 500),
        (OperationalError(), 503),
    ):

        def fails(*_: Any, error: Exception = error, **__: Any) -> Any:
            raise error

        monkeypatch.setattr(reading, "read", fails)
        body = json.dumps(call).encode()
        there, here = (ask(way, environ(hotel, body)) for way in (usual, direct))
        assert same(here) == same(there)
        assert here[0].startswith(str(status)) and b"nobody should see" not in here[2]


def test_plain_http_is_sent_to_https_where_the_usual_way_does(
    hotel: Brand, call: dict[str, Any], settings: Settings
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 60
    usual = get_wsgi_application()
    for scheme in ("http", "https"):
        sent = {"wsgi.url_scheme": scheme}
        body = json.dumps(call).encode()
        there, here = (ask(way, environ(hotel, body, **sent)) for way in (usual, Direct(usual)))
        assert (here[0], here[1].get("Location"), here[1].get("Strict-Transport-Security")) == (
            there[0], there[1].get("Location"), there[1].get("Strict-Transport-Security"),
        )  # fmt: skip


def test_a_connection_that_broke_is_not_used_again(
    hotel: Brand, call: dict[str, Any], direct: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []
    seen = lambda _: closed.append(True)  # noqa: E731
    monkeypatch.setattr(BaseDatabaseWrapper, "close_if_unusable_or_obsolete", seen)
    ask(direct, environ(hotel, json.dumps(call).encode()))
    ask(direct, environ(hotel, b"{"))
    assert closed == [True, True]
