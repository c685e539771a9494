"""Bodies that would be taken, to be spoiled in one place each."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from sandbox import states
from sandbox.brands import ADVERTISING, AGE, PERSONAL
from sandbox.people import DOMAIN


def mail(name: str) -> dict[str, str]:
    """Return how a request names one of the customers."""
    return {"mail": f"{name}@{DOMAIN}"}


def days(number: int) -> str:
    """Return the moment so many days from now."""
    return (timezone.now() + timedelta(days=number)).isoformat()


def good(**changes: Any) -> dict[str, Any]:
    """Return a request of Maru Hotel for somebody's stays; None leaves a member out."""
    body = {
        "subject": {"link": True},
        "purpose": PERSONAL,
        "items": [states.item("stay")],
        "access_mode": "may_store",
        "retention_days": 30,
        "expires": days(60),
        "benefit": {"ko": "늦은 퇴실 무료", "en": "Free late check-out"},
    } | changes
    return {name: value for name, value in body.items() if value is not None}


def advertising(**changes: Any) -> dict[str, Any]:
    """Return a request for advertising, whose ceilings are low."""
    said = {"purpose": ADVERTISING, "items": [states.item("interest")], "expires": days(20),
            "marketing": True, "frequency": {"count": 1, "unit": "day"}}  # fmt: skip
    return good(**(said | changes))


def age(**changes: Any) -> dict[str, Any]:
    """Return a request under the purpose that was published before `adult` was a view."""
    return good(purpose=AGE, items=[states.item("adult", **changes)])


def journey(alliance: str, client: str, **changes: Any) -> dict[str, Any]:
    """Return a journey of one stop."""
    return {
        "alliance": alliance,
        "subject": {"link": True},
        "name": {"ko": "제주 여행", "en": "To Jeju"},
        "starts": days(0),
        "ends": days(10),
        "stops": [stop(client)],
    } | changes


def stop(client: str, order: int = 1, **changes: Any) -> dict[str, Any]:
    """Return one stop: a request without what the journey says for all."""
    request = good(subject=None) | changes
    place = {"ko": "공항", "en": "Airport"}
    return {"order": order, "place": place, "client": client, "request": request}
