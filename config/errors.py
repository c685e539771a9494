"""Domain error → HTTP problem (RFC 9457), in one table. No other module gives an error its status.

A problem's title is the first line of the error's docstring, its type ends in the error's code.
Nothing that a caller sent is repeated: only pointers, moments and our own words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import Http404
from django.utils import timezone
from rest_framework import exceptions as drf

from audit import exceptions as audit
from config.problems import Problem, moment
from consent import exceptions as consent
from consent.oauth import exceptions as oauth
from keys import exceptions as keys
from vault import exceptions as vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the table. `code` where the error has none; the rest is made from the error."""

    status: int
    code: str = ""
    # Whose title is told where the error's own would tell a stranger about the house.
    named: type[BaseException] | None = None
    members: Callable[[Any], Mapping[str, Any]] = lambda _error: {}
    headers: Callable[[Any], Mapping[str, str]] = lambda _error: {}


def sentence(error: Exception) -> Mapping[str, Any]:
    """Return the error's own sentence; only for errors whose sentence holds no input."""
    return {"detail": str(error)}


def pointers(error: Any) -> Mapping[str, Any]:
    return {"errors": [{"pointer": at, "detail": str(what)} for at, what in error.problems]}


def places(error: vault.RRNFound) -> Mapping[str, Any]:
    return {"errors": [{"pointer": at, "detail": str(error.what)} for at in error.places]}


def ended(error: consent.GrantEnded) -> Mapping[str, Any]:
    ended_at = None if error.ended_at is None else moment(error.ended_at)
    return {"ended_at": ended_at, "obligation": error.obligation}


def taken(error: consent.TooManyRecords) -> Mapping[str, Any]:
    return {"most": error.most, "results": error.results}


def window(error: consent.BudgetSpent | consent.QuotaSpent) -> Mapping[str, Any]:
    return {"next_window": None if error.next_window is None else moment(error.next_window)}


def _until_window(error: consent.BudgetSpent | consent.QuotaSpent) -> Mapping[str, str]:
    if error.next_window is None:
        return {}
    seconds = (error.next_window - timezone.now()).total_seconds()
    return {"Retry-After": str(max(1, int(seconds) + 1))}


def _after(seconds: int) -> Callable[[object], Mapping[str, str]]:
    return lambda _error: {"Retry-After": str(seconds)}


def _challenge(*parts: str, bearer: bool = True) -> Callable[[object], Mapping[str, str]]:
    """Return the challenges of RFC 6750 and RFC 9449 with the RFC 9728 pointer to our metadata."""

    def headers(_error: object) -> Mapping[str, str]:
        where = f'resource_metadata="{settings.ORIGIN}/.well-known/oauth-protected-resource"'
        proof = "DPoP " + ", ".join([*parts, 'algs="ES256"', where])
        if not bearer:
            return {"WWW-Authenticate": proof}
        return {"WWW-Authenticate": "Bearer " + ", ".join([*parts, where]) + ", " + proof}

    return headers


KEYS_AWAY = Line(status=503, code="keys-away", named=keys.ProviderAway, headers=_after(60))
LOG_BEHIND = Line(
    status=503, code="log-behind", named=audit.DatabaseBehindAnchor, headers=_after(60)
)
# The nearest class of the error counts. What is not here is 500 without a word.
TABLE: dict[type[BaseException], Line] = {
    # The partner's door (consent.md, 6.5)
    consent.UnknownThing: Line(status=404),
    consent.TokenRefused: Line(status=401, headers=_challenge('error="invalid_token"')),
    oauth.TokenMissing: Line(status=401, headers=_challenge()),
    oauth.ProofRefused: Line(
        status=401, headers=_challenge('error="invalid_dpop_proof"', bearer=False)
    ),
    oauth.SeenStoreAway: Line(status=503, headers=_after(5)),
    oauth.KnockRefused: Line(status=400),
    oauth.RedirectInvalid: Line(status=422, members=sentence),
    oauth.SignatureRefused: Line(status=401),
    oauth.KeySetInvalid: Line(status=422, members=sentence),
    consent.AccessRefused: Line(status=403),
    consent.GrantEnded: Line(status=403, members=ended),
    consent.RateLimited: Line(
        status=429, headers=lambda error: {"Retry-After": str(error.after)} | error.state
    ),
    consent.BudgetSpent: Line(status=429, members=window, headers=_until_window),
    consent.RepeatRefused: Line(status=409),
    consent.CursorRefused: Line(status=422),
    consent.TooManyRecords: Line(status=413, members=taken),
    consent.QuotaSpent: Line(status=429, members=window, headers=_until_window),
    consent.TryAgain: Line(status=503, headers=_after(1)),
    # Requests and what becomes of them
    consent.RequestInvalid: Line(status=422, members=pointers),
    consent.RequestAgainstRule: Line(status=422, members=sentence),
    consent.RequestThrottled: Line(status=429, headers=_after(24 * 3600)),  # at the earliest
    consent.RequestsBarred: Line(status=403),
    consent.AlreadyDecided: Line(status=409),
    consent.RequestExpired: Line(status=410),
    consent.LinkRefused: Line(status=404),
    consent.BelowAtLeast: Line(status=422),
    consent.ChoicesInvalid: Line(status=422),
    consent.NoticeChanged: Line(status=409),
    consent.KeyReuse: Line(status=422),
    consent.GrantNotLive: Line(status=409),
    consent.AttestationRefused: Line(status=422, members=sentence),
    consent.EndpointRefused: Line(status=422, members=sentence),
    consent.EventsArePushed: Line(status=409),
    consent.SecondPersonNeeded: Line(status=409),
    # Records
    vault.UnknownCategory: Line(status=422, code="unknown-category"),
    vault.UnknownPurpose: Line(status=422, code="unknown-purpose"),
    vault.RecordInvalid: Line(status=422, code="record-invalid", members=pointers),
    vault.RRNFound: Line(status=422, code="rrn-found", members=places),
    vault.MalformedJSON: Line(status=400, code="malformed-json", members=sentence),
    vault.TooLarge: Line(status=413, code="too-large", members=sentence),
    vault.NotWritable: Line(status=409, code="not-writable"),
    vault.RecordGone: Line(status=404, code="not-found"),
    vault.RecordChangedMeanwhile: Line(status=409, code="record-changed"),
    vault.ContributionNotEdited: Line(status=409, code="contribution-not-edited"),
    vault.FileRefused: Line(status=422, code="file-refused"),
    vault.MappingInvalid: Line(status=422, code="mapping-invalid"),
    consent.RecordUnreadable: Line(status=500),
    # The house itself. Whose fault it is stands in the operator's log, not here.
    keys.ProviderAway: Line(status=503, code="keys-away", headers=_after(10)),
    keys.RootKeyMissing: KEYS_AWAY,
    keys.RootKeyWrong: KEYS_AWAY,
    keys.KeyFileExposed: KEYS_AWAY,
    keys.KeyringDamaged: KEYS_AWAY,
    keys.KeyringForeign: KEYS_AWAY,
    audit.DatabaseBehindAnchor: LOG_BEHIND,
    audit.LogForked: LOG_BEHIND,
    audit.AnchorMissing: LOG_BEHIND,
}
_AS_ERRORS: dict[type[BaseException], Exception] = {
    Http404: consent.UnknownThing(),
    drf.NotFound: consent.UnknownThing(),
    drf.NotAuthenticated: oauth.TokenMissing(),
    drf.AuthenticationFailed: consent.TokenRefused(),
}
_STATUSES: dict[type[BaseException], int] = {
    RequestDataTooBig: 413,
    SuspiciousOperation: 400,
    BadRequest: 400,
    PermissionDenied: 403,
}
# Problems that say no more than their status. Codes are for programs and never change.
PLAIN = {
    400: ("bad-request", "The request is not understood."),
    401: ("unauthenticated", "Say who you are."),
    403: ("forbidden", "This is not allowed."),
    405: ("method-not-allowed", "This method does not exist here."),
    406: ("not-acceptable", "The answer comes in JSON only."),
    411: ("length-required", "The body must come in one piece, with its Content-Length."),
    413: ("too-large", "The request is too large."),
    415: (
        "unsupported-media-type",
        "The body must be JSON in UTF-8; an attestation is an application/jwt.",
    ),
    429: ("too-many-requests", "Too many requests; wait."),
    500: ("internal", "The vault failed to answer; the operator has been told."),
    503: ("unavailable", "The vault cannot answer at present; try again."),
}
DATABASE_AWAY = ("database-away", "The vault cannot reach its database; try again.")
# Waited too long for a row, was the victim of a deadlock, or was cancelled: worth another try.
_BUSY_STATES = frozenset({"55P03", "40P01", "40001", "57014"})
_SQLITE_ERROR, _SQLITE_BUSY, _SQLITE_LOCKED = 1, 5, 6


def problem_of(error: BaseException) -> Problem:
    """Return what a caller is told about this error; anything unknown is a bare 500."""
    error = next((_AS_ERRORS[base] for base in type(error).__mro__ if base in _AS_ERRORS), error)
    for base in type(error).__mro__:
        if base in TABLE:
            return _from_line(TABLE[base], base, error)
        if base in _STATUSES:
            return plain(_STATUSES[base])
    if isinstance(error, drf.APIException):
        return _from_framework(error)
    if isinstance(error, DatabaseError | InterfaceError):
        return _from_database(error)
    return plain(500)


def plain(status: int) -> Problem:
    """Return the problem that says no more than its status."""
    if status == 404:  # not there and not yours have one body (6.5)
        return problem_of(consent.UnknownThing())
    code, title = PLAIN.get(status, PLAIN[500] if status >= 500 else PLAIN[400])
    return Problem(status=status, code=code, title=title)


def _from_line(line: Line, base: type, error: BaseException) -> Problem:
    code = line.code or str(getattr(error, "code", "refused"))
    named = consent.UnknownThing if code == "not-found" else line.named or type(error)
    return Problem(
        status=line.status,
        code=code,
        title=(named.__doc__ or base.__doc__ or "").partition("\n")[0],
        members=line.members(error),
        headers=line.headers(error),
    )


def _from_framework(error: drf.APIException) -> Problem:
    found = plain(error.status_code)
    if isinstance(error, drf.ValidationError):
        members = {"errors": list(_pointed("", error.get_codes()))}
        return Problem(status=422, code="invalid", title="The body is not valid.", members=members)
    wait = getattr(error, "wait", None)
    headers = {"Retry-After": str(int(wait) + 1)} if wait is not None else {}
    return Problem(status=found.status, code=found.code, title=found.title, headers=headers)


def _pointed(pointer: str, codes: Any) -> list[dict[str, str]]:
    """Flatten the framework's findings to pointers and codes; its sentences repeat the input."""
    if isinstance(codes, str):
        return [{"pointer": pointer, "detail": codes}]
    parts = codes.items() if isinstance(codes, dict) else enumerate(codes)
    deep = not (isinstance(codes, list) and all(isinstance(code, str) for code in codes))
    return [
        one for at, code in parts for one in _pointed(f"{pointer}/{at}" if deep else pointer, code)
    ]


def _from_database(error: DatabaseError | InterfaceError) -> Problem:
    """Tell "busy" and "away" from a mistake of ours, by SQLSTATE or SQLite's result code."""
    state = getattr(error.__cause__, "sqlstate", None)
    code = getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF
    if state in _BUSY_STATES or code in {_SQLITE_BUSY, _SQLITE_LOCKED}:
        return _from_line(TABLE[consent.TryAgain], consent.TryAgain, consent.TryAgain())
    if isinstance(error, OperationalError | InterfaceError) and code != _SQLITE_ERROR:
        name, title = DATABASE_AWAY
        return Problem(status=503, code=name, title=title, headers=_after(5)(error))
    return plain(500)
