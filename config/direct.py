"""The short way to the read path, in the process that has no pages.

A read costs about a millisecond of Python, and a sixth of it was Django finding out which of its
routes, signals and wrappers are meant. Here the same middleware stands around the same view, put
together once. Whatever is no POST to that path goes the usual way, where the route stands, too;
both ways answer alike (tests/config/test_direct.py).
"""

from collections.abc import Callable, Iterable
from typing import Any, cast

from django.core.handlers.wsgi import WSGIRequest
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware
from django.urls import resolve
from django.utils.log import log_response

from config import handlers

PATH = "/api/v1/reads"
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Direct:
    """Django's application, with a short way to one of its views."""

    def __init__(self, django: Application) -> None:
        self._django = django
        self._route = resolve(PATH)
        # As PARTNER_MIDDLEWARE has them.
        self._answer = SecurityMiddleware(handlers.ProblemMiddleware(self._view))

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer one request."""
        if environ["REQUEST_METHOD"] != "POST" or environ["PATH_INFO"] != PATH:
            return self._django(environ, start_response)
        request = WSGIRequest(environ)
        # The log says by it at which door a call was refused.
        request.resolver_match = self._route
        try:
            # Never one to be awaited: nothing in the chain is asynchronous.
            response = cast("HttpResponse", self._answer(request))
        finally:
            # A connection that broke or is old is given up, as Django does between two requests.
            close_old_connections()
        if response.status_code >= 400:
            said = (response.reason_phrase, request.path)
            log_response("%s: %s", *said, response=response, request=request)
        start_response(f"{response.status_code} {response.reason_phrase}", [*response.items()])
        return [response.content]

    def _view(self, request: HttpRequest) -> HttpResponse:
        try:
            return cast("HttpResponse", self._route.func(request))
        except Exception as error:  # noqa: BLE001  # as Django does around every view
            return handlers.exception_handler(error, {"request": request})
