"""Lets nobody in before this process has seen that keyring, database and signed log are one vault's.

Around the whole application, so that it holds for every page and every program, however the
web server was started. Once open it costs the look at one attribute.
"""

from collections.abc import Callable, Iterable
from typing import Any

import structlog
from django.core.handlers.wsgi import WSGIRequest
from django.db import Error, connection
from django.http import HttpResponse

from audit import anchor
from audit.exceptions import AuditError
from config import errors, handlers
from keys import keyring
from keys.exceptions import KeysError

log = structlog.get_logger(__name__)
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
SENTENCE = (
    "지금은 금고를 열 수 없어요. 잠시 뒤에 다시 와 주세요.\n"
    "The vault serves nothing at present. Please come again later.\n"
)


class Gate:
    """The application, as soon as it may serve; until then an answer that says why not."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._is_open = False
        self._told: str | None = None

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer one request."""
        if not self._is_open and (refused := self._look(environ)) is not None:
            start_response(f"{refused.status_code} {refused.reason_phrase}", _headers(refused))
            return [refused.content]
        return self._application(environ, start_response)

    def _look(self, environ: dict[str, Any]) -> HttpResponse | None:
        try:
            keyring.check_start()
            anchor.check_start()
        except (AuditError, KeysError, Error) as error:
            return self._refused(error, environ)
        finally:
            connection.close()
        self._is_open = True
        return None

    def _refused(self, error: Exception, environ: dict[str, Any]) -> HttpResponse:
        self._tell_operator(error)
        request = WSGIRequest(environ)
        if handlers.is_for_programs(request):
            return handlers.error_page(request, error)
        after = errors.problem_of(error).headers.get("Retry-After", "60")
        headers = {"Retry-After": after, "Cache-Control": "no-store"}
        return HttpResponse(SENTENCE, "text/plain; charset=utf-8", 503, headers=headers)

    def _tell_operator(self, error: Exception) -> None:
        # Our own errors say what to do and hold no input; a database's may quote its address.
        ours = isinstance(error, AuditError | KeysError) and str(error)
        reason = ours or type(error).__name__
        if reason != self._told:
            log.error("not serving", reason=reason)
            self._told = reason


def _headers(response: HttpResponse) -> list[tuple[str, str]]:
    return [*response.items(), ("Content-Length", str(len(response.content)))]
