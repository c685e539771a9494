"""What the brands of the demo world ask for: bodies of POST /api/v1/requests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from examples.demo import brands


def _in(**length: float) -> str:
    return (datetime.now(UTC) + timedelta(**length)).isoformat(timespec="seconds")


def _item(category: str, ko: str, en: str, **more: Any) -> dict[str, Any]:
    return {"category": category, "why": {"ko": ko, "en": en}, "required": False} | more


def _needed(category: str, ko: str, en: str, **more: Any) -> dict[str, Any]:
    return _item(category, ko, en, required=True, effect_if_refused="service_refused", **more)


def _gift(ko: str, en: str) -> dict[str, Any]:
    return _item("benefit", ko, en, action="contribute")


def duty_free(mail: str) -> dict[str, Any]:
    """The shop: when and where you leave; what you bought; where you are; and it leaves a coupon."""
    return {
        "subject": {"mail": mail},
        "purpose": brands.BENEFITS,
        "items": [
            _needed("itinerary", "탑승 시각에 맞춰 알려 드려요.", "To time our offer to your flight.",
                    fields=["departs_at", "terminal", "gate", "seat"]),
            _item("purchase", "이미 산 것은 빼고 골라요.", "To leave out what you have already."),
            _item("indoor_position", "가까운 매장을 찾아요.", "To find the nearest counter."),
            _gift("받은 쿠폰을 남겨 드려요.", "To leave your coupon in your vault."),
        ],
        "access_mode": "may_store",
        "retention_days": 7,
        "expires": _in(days=7),
        "benefit": {"ko": "5,000원 쿠폰", "en": "A coupon of 5,000 won"},
        "partner_ref": "airport-day-1",
    }  # fmt: skip


def parking(mail: str) -> dict[str, Any]:
    """The car park: when you leave and whether you drive; it leaves a notice."""
    return {
        "subject": {"mail": mail},
        "purpose": brands.SERVICE,
        "items": [
            _needed("itinerary", "출국 시간에 맞춰 자리를 비워 둬요.", "To keep a space until you leave.",
                    fields=["departs_at", "terminal", "way_there"]),
            _gift("주차 안내를 남겨 드려요.", "To leave the parking notice in your vault."),
        ],
        "access_mode": "may_store",
        "retention_days": 1,
        "expires": _in(days=10),
        "benefit": {"ko": "주차 자리 안내", "en": "A parking space kept for you"},
    }  # fmt: skip


def transit(mail: str) -> dict[str, Any]:
    """The transit guide: your flights and where you are; it leaves a route. It only looks."""
    return {
        "subject": {"mail": mail},
        "purpose": brands.SERVICE,
        "items": [
            _needed("itinerary", "다음 탑승구를 알아야 해요.", "To know your next gate.",
                    fields=["departs_at", "terminal", "gate", "transfer"]),
            _needed("indoor_position", "지금 계신 곳에서 길을 찾아요.", "To guide you from where you are."),
            _gift("환승 길안내를 남겨 드려요.", "To leave the route in your vault."),
        ],
        "access_mode": "look_only",
        "expires": _in(days=2),
        "benefit": {"ko": "가장 빠른 환승 길", "en": "The quickest way to your gate"},
    }  # fmt: skip


def hotel_stay(subject: dict[str, Any], stay: str) -> dict[str, Any]:
    """A hotel of the group: preferences, earlier stays, and it leaves this stay. Bound to it."""
    return {
        "subject": subject,
        "purpose": brands.PERSONAL,
        "items": [
            _needed("preferences", "방을 취향에 맞게 준비해요.", "To prepare the room to your taste."),
            _item("stay", "지난번에 좋았던 것을 기억해요.", "To remember what you liked before.",
                  effect_if_refused="less_personal"),
            _item("stay", "이번 숙박 기록을 남겨 드려요.", "To leave a record of this stay.",
                  action="contribute"),
        ],
        "access_mode": "may_store",
        "retention_days": 30,
        "expires": _in(days=60),
        "bound_to": {"kind": "stay", "ref": stay, "ends_at": _in(days=5)},
        "benefit": {"ko": "늦은 퇴실", "en": "Late check-out"},
        "processors": [
            {"name": {"ko": "객실관리 예시", "en": "Example Housekeeping"},
             "work": {"ko": "객실 정리", "en": "Preparing rooms"}},
        ],
        "partner_ref": stay,
    }  # fmt: skip


def photo_frame(subject: dict[str, Any], stay: str) -> dict[str, Any]:
    """One family photo for the frame in the room: to be looked at, never stored."""
    return {
        "subject": subject,
        "purpose": brands.SERVICE,
        "items": [
            _needed("family_photo", "객실 액자에 띄워요.", "To show it in the room's frame.")
        ],
        "access_mode": "look_only",
        "frequency": {"count": 3, "unit": "day"},
        "expires": _in(days=30),
        "bound_to": {"kind": "stay", "ref": stay, "ends_at": _in(days=5)},
        "benefit": {"ko": "객실 액자의 우리 사진", "en": "Your photo in the room"},
    }


def rental(subject: dict[str, Any], stay: str) -> dict[str, Any]:
    """The rental brand of the same journey: which car you think about."""
    return {
        "subject": subject,
        "purpose": brands.RECOMMEND,
        "items": [_needed("vehicle_interest", "그 차를 준비해 둬요.", "To have that car ready.",
                          fields=["maker", "model", "fuel"])],
        "access_mode": "may_store",
        "retention_days": 7,
        "expires": _in(days=14),
        "bound_to": {"kind": "trip", "ref": stay, "ends_at": _in(days=7)},
        "benefit": {"ko": "하루 시승", "en": "A day's test drive"},
    }  # fmt: skip


def journey(
    alliance: str, subject: dict[str, Any], stops: list[tuple[str, str, str, dict[str, Any]]]
) -> dict[str, Any]:
    """Several brands at once: each stop is (place ko, place en, client, what that brand asks for)."""
    given = ("subject", "bound_to", "in_session")
    return {
        "alliance": alliance,
        "subject": subject,
        "name": {"ko": "제주 가는 날", "en": "The day to Jeju"},
        "starts": _in(minutes=1),
        "ends": _in(days=3),
        "stops": [
            {
                "order": order,
                "place": {"ko": ko, "en": en},
                "client": client,
                "request": {name: said for name, said in request.items() if name not in given},
            }
            for order, (ko, en, client, request) in enumerate(stops, 1)
        ],
    }


def ride(mail: str) -> dict[str, Any]:
    """The ride brand: trips of the last week, each looked at once, for one week."""
    return {
        "subject": {"mail": mail},
        "purpose": brands.SERVICE,
        "items": [_needed("trip", "요금과 사고를 확인해요.", "To check fares and incidents.",
                          fields=["from", "to", "started_at", "ended_at", "price"])],
        "access_mode": "may_store",
        "retention_days": 7,
        "frequency": {"count": 1, "unit": "record"},
        "range": {"last_days": 7},
        "expires": _in(days=7),
        "benefit": {"ko": "잘못된 요금 환급", "en": "Wrong fares paid back"},
    }  # fmt: skip


def market(mail: str) -> dict[str, Any]:
    """The market that will break its word: purchases, for after-sales care."""
    return {
        "subject": {"mail": mail},
        "purpose": brands.SERVICE,
        "items": [_needed("purchase", "교환과 수리를 도와요.", "To help with exchanges and repairs.",
                          fields=["shop", "at", "items"])],
        "access_mode": "may_store",
        "retention_days": 30,
        "expires": _in(days=90),
        "benefit": {"ko": "무료 교환", "en": "Free exchanges"},
    }  # fmt: skip
