"""Who answers for an error: a problem to a program, a page to a person, a line in the log.

What a problem says is the table's (`config/errors.py`); how it is written is `config/problems.py`.
"""

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import translation

from config import languages
from config.errors import plain, problem_of
from config.problems import Problem, answer, oauth_answer
from consent import authentication
from consent.oauth.exceptions import ProofRefused

log = structlog.get_logger(__name__)
Writer = Callable[[Problem], HttpResponse]
# The routes of the process that has no pages.
SLIM = "config.urls_partner"
# Nothing was asked yet: no such method or format, or a body that cannot be read at all.
_NOTHING_ASKED = frozenset({400, 405, 406, 411, 413, 415})
_KEPT = {"Allow", "Retry-After", "WWW-Authenticate"}


def exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Answer for a DRF view."""
    problem = told(error, context["request"].path)
    _enter(error, problem, context["request"])
    return answer(problem)


def _enter(error: Exception, problem: Problem, request: HttpRequest) -> None:
    """See that a refused call is in the log: what no rule refused, and so no rule has entered."""
    if not 400 <= problem.status < 500 or problem.status in _NOTHING_ASKED:
        return
    if not getattr(error, "entered", False):
        why = error.reason if isinstance(error, ProofRefused) else problem.code
        authentication.refused(request, why)


def told(error: Exception, path: str) -> Problem:
    """Return the problem; what is our own fault also goes to the log, without its message."""
    problem = problem_of(error)
    if problem.status >= 500:
        # A message may quote a row. The type and the line say enough to find the cause.
        log.error("unanswered", error=f"{type(error).__name__} {_where(error)}", path=path)
    return problem


def _where(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else ""


def error_page(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer for Django's `handler…` names where there are no pages, so that nothing renders one."""
    problem = plain(500) if exception is None else problem_of(exception)
    return (_writer(request) or answer)(problem)


class ProblemMiddleware:
    """Turns what a plain view let through into a problem; pages keep Django's own handlers.

    Programs are answered in English, or in Korean where they ask for it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on; replace an error page (no such route, wrong method) by a problem."""
        write = _writer(request)
        if write is None:
            return self.get_response(request)
        language = languages.asked_for(request)
        if settings.ROOT_URLCONF == SLIM and language == settings.LANGUAGE_CODE:
            response = self._passed(request, write)  # nobody outside has set another language
        else:
            with translation.override(language):
                response = self._passed(request, write)
        return response if response.status_code < 400 else _told_apart(response, write, language)

    def _passed(self, request: HttpRequest, write: Writer) -> HttpResponseBase:
        # Django reads no chunks: the body would look empty, and the error would mislead.
        if "HTTP_TRANSFER_ENCODING" in request.META:
            return write(plain(411))
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer for a plain view; for a page, where the error is one of ours."""
        write = _writer(request)
        if write is None:
            return _page(request, error)
        problem = told(error, request.path)
        _enter(error, problem, request)
        return write(problem)


def _told_apart(response: HttpResponseBase, write: Writer, language: str) -> HttpResponseBase:
    """Return a problem that says in which language it is; an error page becomes one."""
    told = response
    if response.headers.get("Content-Type", "").startswith("text/html"):
        told = write(plain(response.status_code))
        for name in _KEPT & response.headers.keys():
            told.headers[name] = response.headers[name]
    told.headers["Content-Language"] = language
    return told


def _page(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Return the page that says what is; None leaves the error to Django's own handlers."""
    problem = problem_of(error)
    if isinstance(error, Http404 | PermissionDenied | SuspiciousOperation) or problem.status == 500:
        return None
    told(error, request.path)
    name = problem.status if problem.status in {403, 404, 503} else 400
    response = render(request, f"{name}.html", status=problem.status)
    for header, value in problem.headers.items():
        response[header] = value
    return response


def is_for_programs(request: HttpRequest) -> bool:
    """Return whether a problem answers this request, and not a page."""
    return _writer(request) is not None


def _writer(request: HttpRequest) -> Writer | None:
    """Return how a program is answered; None where a person is, with a page."""
    path = request.path_info
    if path.startswith("/oauth/authorize"):
        return None
    if path.startswith("/oauth/"):
        return oauth_answer
    if path.startswith(("/api/", "/.well-known/")) or settings.ROOT_URLCONF == SLIM:
        return answer
    return None
