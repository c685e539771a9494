"""What every page's answer carries."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class PersonalPages:
    """Keeps pages out of every cache: the next user of a shared computer must not go back to one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and forbid storing whatever is HTML."""
        response = self.get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            response["Cache-Control"] = "no-store"
        return response
