"""The sandbox's brands, each program with a folder of its own that examples/brand can use at once.

FOLDER/brand.json, client.json, private_key.json, details.json from level 2 on, and for level 3
sealing_key.json: whoever runs the
sandbox is meant to call as these brands, so their private keys lie there.
"""

import base64
import json
import os
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.conf import settings
from joserfc.jwk import ECKey

from consent import partners, registration
from consent.models import Client, Partner
from consent.oauth import registering
from consent.partners import Operator

PERSONAL, ADVERTISING = "dpv:ServicePersonalisation", "dpv:TargetedAdvertising"
AGE = "dpv:AgeVerification"
READ, BOTH = {"actions": ["read"]}, {"actions": ["read", "contribute"]}
SUITE = "x25519-sha256-aes256gcm"
BACK = "http://127.0.0.1:9000/back"


# What the programs of level 2 ask for in a browser (RFC 9396).
DETAIL = {
    "type": "urn:consent-vault:rar:data-sharing:v1", "datatypes": ["stay"],
    "actions": ["read", "contribute"], "purpose": PERSONAL, "duration": "P30D",
    "access_mode": "may_store", "retention": "P30D", "required": True,
    "why": {"ko": "취향에 맞게 방을 준비해요.", "en": "To prepare the room to your taste."},
    "benefit": {"ko": "늦은 퇴실 무료", "en": "Free late check-out"},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Program:
    """One program of a brand; `folder` is what the table calls it."""

    folder: str
    ko: str
    en: str
    level: int = 1


@dataclass(frozen=True)
class Brand:
    """An invented brand with its programs and purposes."""

    name: str
    ko: str
    en: str
    number: int
    programs: tuple[Program, ...]
    purposes: tuple[dict[str, Any], ...]
    delivery: str = "poll"

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Return the registration without its clients."""
        return {
            "legal_name_ko": f"{self.ko} 주식회사", "legal_name_en": f"{self.en} Co., Ltd.",
            "registration_number": f"000-01-{self.number:05}", "country": "KR",
            "address": f"서울특별시 중구 예시로 {self.number}", "officer_name": "한보호",
            "officer_phone": f"02-0000-{self.number:04}", "kind": "company",
            "officer_mail": f"privacy@{self.name}.example",
            "privacy_url": f"https://{self.name}.example/privacy",
            "event_delivery": self.delivery, "purposes": list(self.purposes),
        }  # fmt: skip


def _purpose(
    name: str, ko: str, en: str, categories: dict[str, Any], **ceilings: Any
) -> dict[str, Any]:
    usual = {
        "max_expiry_days": 366, "max_retention_days": 90, "max_frequency": None,
        "access_modes": ["look_only", "may_store"],
    }  # fmt: skip
    said = {"purpose": name, "title_ko": ko, "title_en": en, "categories": categories}
    return said | usual | ceilings


_STAYS = _purpose(
    PERSONAL, "머무는 동안의 맞춤 서비스", "Personal service during your stay",
    {
        "stay": BOTH, "itinerary": READ, "family_photo": READ, "workout": READ, "adult": READ,
        "preferences": READ | {"fields": ["pillow", "lighting", "meals"]},
    },
)  # fmt: skip
_ADS = _purpose(
    ADVERTISING, "관심사에 맞춘 광고", "Advertising by your interests", {"interest": READ},
    max_expiry_days=30, max_retention_days=30, access_modes=["may_store"],
    max_frequency={"count": 1, "unit": "day"},
)  # fmt: skip
MARU = Brand(
    "maru", "마루호텔", "Maru Hotel", 1,
    (
        Program("maru-desk", "마루호텔 · 프런트", "Maru Hotel · Front desk"),
        Program("maru-app", "마루호텔 · 앱", "Maru Hotel · App", level=2),
        Program("maru-sealed", "마루호텔 · 봉인", "Maru Hotel · Sealed", level=3),
    ),
    (_STAYS, _ADS),
)  # fmt: skip
# Its events are pushed, to no address: nothing leaves this machine.
BORA = Brand(
    "bora", "보라렌터카", "Bora Rental", 2, (Program("bora", "보라렌터카", "Bora Rental"),),
    (_STAYS,), delivery="push",
)  # fmt: skip
SORI = Brand(
    "sori", "소리마켓", "Sori Market", 3, (Program("sori", "소리마켓", "Sori Market"),), (_STAYS,)
)
NEUJEUN = Brand(
    "neujeun", "느즌여행", "Neujeun Travel", 4,
    (Program("neujeun", "느즌여행", "Neujeun Travel"),), (_STAYS,),
)  # fmt: skip
BRANDS = (MARU, BORA, SORI, NEUJEUN)


@dataclass(frozen=True, slots=True)
class Registered:
    """A brand as the vault knows it, its clients by their folders."""

    partner: Partner
    clients: dict[str, Client]


def home(folder: str) -> Path:
    """Return where a program's files lie."""
    return Path(settings.VAR_DIR) / "brands" / folder


def register(brand: Brand) -> Registered:
    """Register a brand as an operator would, and write its folders."""
    written = [_client(program) for program in brand.programs]
    made = registration.register(brand.facts | {"clients": written}, Operator())
    folders = [program.folder for program in brand.programs]
    for folder, said, client in zip(folders, written, made.clients, strict=True):
        _write(folder, brand, said, client)
    return Registered(made.partner, dict(zip(folders, made.clients, strict=True)))


def publish_old_view(partner: Partner) -> None:
    """Publish a purpose as it stood before this vault computed `adult`: then it could be added to."""
    partners.publish_purpose(
        partner, Operator(), purpose=AGE, title_ko="나이 확인", title_en="Verifying age",
        categories={"adult": {"actions": ["read", "contribute"], "fields": None}},
        max_expiry=timedelta(days=366), max_retention=timedelta(days=90),
        max_frequency=None, access_modes=["look_only", "may_store"],
    )  # fmt: skip


def invitation(folder: str) -> str:
    """Return a token with which one more program of a brand registers by itself (RFC 7591)."""
    told = json.loads((home(folder) / "client.json").read_text())
    partner = Partner.objects.get(pk=told["partner"])
    return registering.issue(partner, level=1, life=registering.LONGEST_LIFE, actor=Operator())


def _client(program: Program) -> dict[str, Any]:
    key = ECKey.generate_key("P-256", private=True)
    kid = key.thumbprint()
    _keep(program.folder, "private_key.json", {**key.as_dict(private=True), "kid": kid})
    public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": "ES256"}
    said: dict[str, Any] = {
        "name_ko": program.ko, "name_en": program.en, "level": program.level,
        "jwks": {"keys": [public]},
    }  # fmt: skip
    if program.level > 1:
        said["redirect_uris"] = [BACK]
    if program.level == partners.SEALED:
        said["sealing_key"] = _sealing_key(program.folder)
    return said


def _sealing_key(folder: str) -> dict[str, str]:
    private = X25519PrivateKey.generate()
    said = {"suite": SUITE, "kid": "1"}
    _keep(folder, "sealing_key.json", said | {"private": _text(private.private_bytes_raw())})
    return said | {"key": _text(private.public_key().public_bytes_raw())}


def _write(folder: str, brand: Brand, said: dict[str, Any], client: Client) -> None:
    about = {name: value for name, value in said.items() if name != "jwks"}
    facts = {"vault": settings.ORIGIN, "client": about, "registration": brand.facts}
    if client.level > 1:
        _keep(folder, "details.json", [DETAIL])
    _keep(folder, "brand.json", facts)
    ids = {"partner": str(client.partner_id), "clients": [{"client_id": client.client_id}]}
    _keep(folder, "client.json", ids)


def _keep(folder: str, name: str, value: object) -> None:
    home(folder).mkdir(parents=True, exist_ok=True)
    path = home(folder) / name
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(value, file, ensure_ascii=False, indent=1)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
