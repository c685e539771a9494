"""What every page's frame needs."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language

from accounts.models import User
from consent.models import AccessRequest

# The first word of a URL's name leads to the tab that is lit.
TABS = {
    "home": "home",
    "grant": "home",
    "pause": "home",
    "journey": "requests",
    "request": "requests",
    "requests": "requests",
    "link": "requests",
    "activity": "activity",
    "data": "data",
}


def frame(request: HttpRequest) -> dict[str, object]:
    """Return the operator's name, the tab to light and the languages to switch to."""
    name = request.resolver_match.url_name if request.resolver_match else None
    return {
        "operator_name": operator_name(),
        "tab": TABS.get((name or "").split("-")[0], ""),
        "waiting_count": SimpleLazyObject(lambda: waiting(request)),
        "other_languages": [pair for pair in settings.LANGUAGES if pair[0] != get_language()],
    }


def waiting(request: HttpRequest) -> int:
    """Return how many requests wait for whoever is signed in; those of one journey are one."""
    if not isinstance(request.user, User):
        return 0
    mine = AccessRequest.objects.waiting().filter(pod__owner=request.user)
    alone = mine.exclude(reach=AccessRequest.Reach.JOURNEY).count()
    return alone + mine.exclude(stop=None).values("stop__journey").distinct().count()


def operator_name() -> str:
    """Return the operator's name in the language of the page."""
    korean = (get_language() or "ko").startswith("ko")
    return settings.OPERATOR_NAME_KO if korean else settings.OPERATOR_NAME_EN
