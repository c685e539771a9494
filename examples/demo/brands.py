"""The brands of the demo world and what each has registered. None of them is real."""

from dataclasses import dataclass
from typing import Any

SERVICE = "dpv:RequestedServiceProvision"
PERSONAL = "dpv:ServicePersonalisation"
BENEFITS = "dpv:PersonalisedBenefits"
RECOMMEND = "dpv:ProvideProductRecommendations"
ANALYTICS = "dpv:ServiceUsageAnalytics"
ADVERTISING = "dpv:TargetedAdvertising"

READ, GIVE = {"actions": ["read"]}, {"actions": ["contribute"]}
BOTH = {"actions": ["read", "contribute"]}


@dataclass(frozen=True)
class Facts:
    """One brand: its names, and the purposes that it registered."""

    ko: str  # as its program is called on the pages
    en: str
    legal_ko: str
    legal_en: str
    purposes: tuple[dict[str, Any], ...]

    def written(self, folder: str, vault: str, endpoint: str, number: int) -> dict[str, Any]:
        """Return the brand.json from which the brand's own program makes its registration."""
        domain = f"{folder}.example"
        registration = {
            "legal_name_ko": self.legal_ko,
            "legal_name_en": self.legal_en,
            "registration_number": f"000-00-{number:05}",
            "registration_checked_on": "2026-11-01",
            "address": f"인천광역시 중구 예시로 {number}",
            "country": "KR",
            "officer_name": "한보호",
            "officer_phone": f"02-0000-{number:04}",
            "officer_mail": f"privacy@{domain}",
            "privacy_url": f"https://{domain}/privacy",
            "kind": "company",
            "event_endpoint": endpoint,
            "purposes": list(self.purposes),
        }
        client = {"name_ko": self.ko, "name_en": self.en, "level": 1}
        return {"vault": vault, "client": client, "registration": registration}


def purpose(
    name: str, ko: str, en: str, categories: dict[str, Any], **ceilings: Any
) -> dict[str, Any]:
    """One purpose with its ceilings."""
    usual = {
        "max_expiry_days": 180,
        "max_retention_days": 90,
        "max_frequency": None,
        "access_modes": ["may_store", "look_only"],
    }
    return {
        "purpose": name, "title_ko": ko, "title_en": en, "categories": categories, **usual, **ceilings,
    }  # fmt: skip


def _hotel(ko: str, en: str, legal_ko: str, legal_en: str) -> Facts:
    stay = purpose(
        PERSONAL, "머무는 동안의 맞춤 서비스", "Personal service during your stay",
        {"preferences": READ, "stay": BOTH},
    )  # fmt: skip
    frame = purpose(
        SERVICE, "객실 액자에 사진 띄우기", "Your photo in the room's picture frame",
        {"family_photo": READ}, access_modes=["look_only"], max_retention_days=0,
    )  # fmt: skip
    return Facts(ko, en, legal_ko, legal_en, (stay, frame))


# Which process runs which brands: brands of one group share a server, as they do outside.
GROUPS: dict[str, dict[str, Facts]] = {
    "airport": {
        "haneul-dutyfree": Facts(
            "하늘공항 면세점", "Haneul Duty Free", "하늘면세 주식회사", "Haneul Duty Free Co., Ltd.",
            (
                purpose(
                    BENEFITS, "출국하는 날의 맞춤 혜택", "Benefits on your travel day",
                    {"itinerary": READ, "purchase": READ, "indoor_position": READ, "benefit": GIVE},
                ),
            ),
        ),
        "haneul-parking": Facts(
            "하늘공항 주차", "Haneul Airport Parking", "하늘주차 주식회사", "Haneul Parking Co., Ltd.",
            (
                purpose(
                    SERVICE, "출국 시간에 맞춘 주차 안내", "Parking guidance for your flight",
                    {"itinerary": READ, "benefit": GIVE}, max_expiry_days=30,
                ),
            ),
        ),
        "ieum-transit": Facts(
            "이음환승", "Ieum Transit", "이음교통 주식회사", "Ieum Transit Co., Ltd.",
            (
                purpose(
                    SERVICE, "환승 길안내", "Your way to the next gate",
                    {"itinerary": READ, "indoor_position": READ, "benefit": GIVE},
                    max_expiry_days=30,
                ),
            ),
        ),
    },
    "hotels": {
        "maru-seoul": _hotel("마루호텔 서울", "Maru Hotel Seoul", "마루호텔서울 주식회사", "Maru Hotel Seoul Co., Ltd."),
        "maru-jeju": _hotel("마루리조트 제주", "Maru Resort Jeju", "마루리조트제주 주식회사", "Maru Resort Jeju Co., Ltd."),
        "maru-busan": _hotel("마루스테이 부산", "Maru Stay Busan", "마루스테이부산 주식회사", "Maru Stay Busan Co., Ltd."),
    },
    "roads": {
        "tayo-ride": Facts(
            "타요 라이드", "Tayo Ride", "타요모빌리티 주식회사", "Tayo Mobility Co., Ltd.",
            (
                purpose(
                    SERVICE, "이동이 끝난 뒤의 요금과 사고 확인", "Checking fares and incidents after a ride",
                    {"trip": READ}, max_expiry_days=14,
                    max_frequency={"count": 1, "unit": "record"},
                ),
            ),
        ),
        "baram-rental": Facts(
            "바람렌터카", "Baram Rent a Car", "바람렌터카 주식회사", "Baram Rent a Car Co., Ltd.",
            (
                purpose(
                    RECOMMEND, "타 보고 싶은 차 추천", "Cars that you may like to try",
                    {"vehicle_interest": READ, "benefit": GIVE},
                ),
            ),
        ),
        "banjjak-market": Facts(
            "반짝마켓", "Banjjak Market", "반짝커머스 주식회사", "Banjjak Commerce Co., Ltd.",
            (
                purpose(SERVICE, "주문한 상품의 사후 관리", "After-sales care for your orders", {"purchase": READ}),
                purpose(ANALYTICS, "서비스 이용 분석", "Analyzing use of the service", {"purchase": READ}),
            ),
        ),
    },
}  # fmt: skip


def facts() -> dict[str, Facts]:
    """Return every brand by its folder."""
    return {folder: one for group in GROUPS.values() for folder, one in group.items()}
