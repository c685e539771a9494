"""Every error becomes a problem that says enough for the caller and nothing that he sent."""

import inspect
import json
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import IntegrityError, InterfaceError, OperationalError, ProgrammingError
from django.http import Http404, HttpResponse
from django.test import Client as Browser
from django.test import RequestFactory
from django.utils import timezone
from pytest_django import Settings
from rest_framework import exceptions as drf

import audit.exceptions
import consent.exceptions
import consent.oauth.exceptions
import keys.exceptions
import vault.exceptions
from config import errors, handlers
from tests.consent.oauth import world

# What is refused is also on record.
pytestmark = pytest.mark.django_db
SECRET = "value-nobody-should-see"
PREFIX = "urn:consent-vault:problem:"


@pytest.fixture(autouse=True)
def _slim(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.consent.oauth.world"
    settings.MIDDLEWARE = settings.PARTNER_MIDDLEWARE
    settings.ORIGIN = world.ISSUER


def _answer(error: BaseException, path: str = "/api/broken") -> Any:
    world.broken.error = error  # type: ignore[attr-defined]
    return Browser(raise_request_exception=False).get(path)


def _caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def _sqlite(code: int) -> Exception:
    cause = sqlite3.OperationalError(SECRET)
    cause.sqlite_errorcode = code
    return _caused(OperationalError(SECRET), cause)


def _postgres(cause: type[psycopg.Error], error: type[Exception] = OperationalError) -> Exception:
    return _caused(error(SECRET), cause(SECRET))


ANSWERS: dict[str, tuple[BaseException, int, str]] = {
    "unknown thing": (consent.exceptions.UnknownThing(SECRET), 404, "not-found"),
    "django's 404": (Http404(SECRET), 404, "not-found"),
    "grant ended": (consent.exceptions.GrantEnded(), 403, "grant-ended"),
    "paused": (consent.exceptions.GrantPaused(), 403, "grant-paused"),
    "not started": (consent.exceptions.NotStarted(), 403, "not-started"),
    "not granted": (consent.exceptions.NotGranted(SECRET), 403, "not-granted"),
    "purpose": (consent.exceptions.PurposeMismatch(SECRET), 403, "purpose-mismatch"),
    "budget": (consent.exceptions.BudgetSpent(None), 429, "budget-spent"),
    "try again": (consent.exceptions.TryAgain(), 503, "try-again"),
    "token": (consent.exceptions.TokenRefused(), 401, "invalid-token"),
    "rule": (
        consent.exceptions.RequestAgainstRule("above-ceiling", "Too long."), 422, "above-ceiling",
    ),
    "category": (vault.exceptions.UnknownCategory(SECRET), 422, "unknown-category"),
    "gone": (vault.exceptions.RecordGone(), 404, "not-found"),
    "provider": (keys.exceptions.ProviderAway(SECRET), 503, "keys-away"),
    "root key": (keys.exceptions.RootKeyMissing(SECRET), 503, "keys-away"),
    "anchor": (audit.exceptions.DatabaseBehindAnchor(SECRET), 503, "log-behind"),
    "shrank": (audit.exceptions.LogShrank(SECRET), 503, "log-behind"),
    "tampered": (keys.exceptions.Tampered(SECRET), 500, "internal"),
    "erased": (keys.exceptions.KeyErased(SECRET), 500, "internal"),
    "a bug": (KeyError(SECRET), 500, "internal"),
    "forbidden": (PermissionDenied(SECRET), 403, "forbidden"),
    "too big": (RequestDataTooBig(SECRET), 413, "too-large"),
    "suspicious": (SuspiciousOperation(SECRET), 400, "bad-request"),
    "sqlite busy": (_sqlite(5), 503, "try-again"),
    "sqlite busy snapshot": (_sqlite(517), 503, "try-again"),
    "sqlite cannot open": (_sqlite(14), 503, "database-away"),
    "sqlite no such table": (_sqlite(1), 500, "internal"),
    "lock timeout": (_postgres(psycopg.errors.LockNotAvailable), 503, "try-again"),
    "deadlock": (_postgres(psycopg.errors.DeadlockDetected), 503, "try-again"),
    "server gone": (_postgres(psycopg.errors.AdminShutdown), 503, "database-away"),
    "no connection": (_postgres(psycopg.OperationalError), 503, "database-away"),
    "connection closed": (_postgres(psycopg.InterfaceError, InterfaceError), 503, "database-away"),
    "constraint": (_postgres(psycopg.errors.UniqueViolation, IntegrityError), 500, "internal"),
    "bad SQL": (_postgres(psycopg.errors.SyntaxError, ProgrammingError), 500, "internal"),
}  # fmt: skip


@pytest.mark.rule("errors become RFC 9457 in one table and never echo input", "architecture.md")
@pytest.mark.parametrize("path", ["/api/broken", "/api/broken-framework"])
@pytest.mark.parametrize("name", ANSWERS)
def test_an_error_becomes_its_problem(
    name: str, path: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    error, status, code = ANSWERS[name]
    answer = _answer(error, path)
    body = answer.json()
    assert (answer.status_code, body["status"], body["type"]) == (status, status, PREFIX + code)
    assert body["title"]
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Cache-Control"] == "no-store"
    assert ("Retry-After" in answer) == (status == 503)
    assert SECRET not in answer.content.decode() + caplog.text + "".join(capfd.readouterr())


@pytest.mark.rule("404 has one body", "consent.md 6.5")
def test_not_there_not_yours_and_no_such_route_are_one_answer() -> None:
    bodies = {
        _answer(consent.exceptions.UnknownThing()).content,
        _answer(vault.exceptions.RecordGone()).content,
        _answer(Http404()).content,
        _answer(drf.NotFound(), "/api/broken-framework").content,
        Browser().get("/api/nothing-here").content,
    }
    assert len(bodies) == 1


def test_an_ended_grant_says_when_and_what_is_owed() -> None:
    at = datetime(2026, 11, 21, 1, 2, 3, 4000, UTC)
    body = _answer(consent.exceptions.GrantEnded(at, "o-1")).json()
    assert (body["ended_at"], body["obligation"]) == ("2026-11-21T01:02:03.004Z", "o-1")
    assert body["title"] == "The customer's consent has ended."


def test_a_spent_budget_says_when_the_next_window_opens() -> None:
    answer = _answer(consent.exceptions.BudgetSpent(timezone.now() + timedelta(seconds=90)))
    assert answer.json()["next_window"].endswith("Z")
    assert 88 <= int(answer["Retry-After"]) <= 91


def test_what_is_wrong_is_said_by_pointer() -> None:
    body = _answer(consent.exceptions.RequestInvalid([("/items/0", "is missing a reason")])).json()
    assert body["errors"] == [{"pointer": "/items/0", "detail": "is missing a reason"}]
    body = _answer(vault.exceptions.RRNFound(["/note"])).json()
    assert body["errors"] == [
        {
            "pointer": "/note",
            "detail": "holds a resident registration number, which cannot be taken",
        }
    ]


def test_a_serializers_findings_lose_their_sentences() -> None:
    error = drf.ValidationError({"items": [{"why": [drf.ErrorDetail(SECRET, "invalid")]}]})
    answer = _answer(error, "/api/broken-framework")
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": "/items/0/why", "detail": "invalid"}]
    plain = _answer(drf.ValidationError([drf.ErrorDetail(SECRET, "odd")]), "/api/broken-framework")
    assert plain.json()["errors"] == [{"pointer": "", "detail": "odd"}]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (drf.ParseError(SECRET), 400), (drf.NotAuthenticated(), 401),
        (drf.AuthenticationFailed(SECRET), 401), (drf.PermissionDenied(SECRET), 403),
        (drf.MethodNotAllowed("GET"), 405), (drf.NotAcceptable(), 406),
        (drf.UnsupportedMediaType(SECRET), 415), (drf.Throttled(wait=3), 429),
    ],
)  # fmt: skip
def test_the_frameworks_own_errors_look_alike(error: Exception, status: int) -> None:
    answer = _answer(error, "/api/broken-framework")
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert SECRET not in answer.content.decode()
    assert ("WWW-Authenticate" in answer) == (status == 401)
    if status == 429:
        assert answer["Retry-After"] == "4"


def test_wrong_methods_keep_their_allow_header() -> None:
    answer = Browser().delete("/api/probe", headers={"Authorization": "Bearer x"})
    assert answer["Content-Type"] == "application/problem+json"
    answer = Browser().get("/oauth/token")
    assert (answer["Allow"], answer.json()["error"]) == ("POST", "invalid_request")


@pytest.mark.rule("OAuth endpoints answer RFC 6749, never RFC 9457", "issue, item 5")
def test_oauth_endpoints_never_answer_with_a_problem() -> None:
    for error, code in (
        (KeyError(SECRET), "server_error"),
        (keys.exceptions.ProviderAway(), "temporarily_unavailable"),
        (_sqlite(5), "temporarily_unavailable"),
    ):
        answer = _answer(error, "/oauth/broken")
        assert answer.json().keys() == {"error", "error_description"}
        assert answer.json()["error"] == code
        assert answer["Content-Type"] == "application/json"
        assert answer["Cache-Control"] == "no-store"
    assert answer["Retry-After"] == "1"


def test_pages_stay_with_their_own_handlers() -> None:
    request = RequestFactory().get("/pages/broken")
    middleware = handlers.ProblemMiddleware(
        lambda _request: HttpResponse("<p>gone</p>", status=404)
    )
    assert middleware.process_exception(request, KeyError(SECRET)) is None
    assert middleware(request).content == b"<p>gone</p>"


def test_a_process_without_pages_renders_none(settings: Settings) -> None:
    settings.ROOT_URLCONF = "config.urls_partner"
    for path in ("/", "/api/nothing-here", "/account/login/"):
        answer = Browser(raise_request_exception=False).get(path)
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_the_log_says_where_and_not_what(capfd: pytest.CaptureFixture[str], caplog: Any) -> None:
    _answer(KeyError(SECRET))
    written = caplog.text + "".join(capfd.readouterr())
    assert "KeyError broken:" in written
    assert SECRET not in written


# 500 on purpose: nobody outside can do anything about them, and crypto failures say nothing more.
BARE = {
    "ConsentError", "OAuthError", "VaultError", "KeysError", "AuditError",
    "Tampered", "NeverHadAKey", "KeyErased", "GenerationGone", "KeyFileExposed",
}  # fmt: skip


def _domain_errors() -> list[type[Exception]]:
    modules = (consent.exceptions, consent.oauth.exceptions, vault.exceptions)
    return [
        member
        for module in modules
        for _name, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, Exception)
    ]


@pytest.mark.parametrize("error", _domain_errors(), ids=lambda error: error.__name__)
def test_no_domain_error_is_forgotten(error: type[Exception]) -> None:
    covered = any(base in errors.TABLE for base in error.__mro__)
    assert covered != (error.__name__ in BARE)


def test_codes_are_stable_words() -> None:
    for cls, line in errors.TABLE.items():
        code = line.code or cls.code  # type: ignore[attr-defined]
        assert code == code.lower()
        assert code.replace("-", "").isalnum()
        assert json.dumps(code) == f'"{code}"'
        assert (cls.__doc__ or "").partition("\n")[0].endswith(".")
