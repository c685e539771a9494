"""A brand's side of the door, written without the product's own code: keys, claims, forgeries."""

import base64
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client as Browser
from django.urls import include, path
from prometheus_client import REGISTRY
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from consent.models import Client, Partner

ISSUER = "http://127.0.0.1:8000"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
REFUSAL = {"error": "invalid_client", "error_description": "Client authentication failed."}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value: int, size: int = 32) -> str:
    return b64(value.to_bytes(size, "big"))


def new_key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve or ec.SECP256R1())


def public_jwk(key: ec.EllipticCurvePrivateKey, kid: str = "k1") -> dict[str, Any]:
    point = key.public_key().public_numbers()
    return {
        "kty": "EC", "crv": "P-256", "x": number(point.x), "y": number(point.y),
        "kid": kid, "use": "sig", "alg": "ES256",
    }  # fmt: skip


def private_jwk(key: ec.EllipticCurvePrivateKey, kid: str = "k1") -> dict[str, Any]:
    return public_jwk(key, kid) | {"d": number(key.private_numbers().private_value)}


def raw_signature(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    size = (key.curve.key_size + 7) // 8
    algorithm = hashes.SHA384() if size == 48 else hashes.SHA256()
    pair = utils.decode_dss_signature(key.sign(message, ec.ECDSA(algorithm)))
    return b"".join(part.to_bytes(size, "big") for part in pair)


def compact(header: Any, payload: Any, key: ec.EllipticCurvePrivateKey) -> str:
    """Sign anything at all; bytes go in as they are."""
    parts = [
        part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)
    ]
    signed = ".".join(b64(part) for part in parts)
    return f"{signed}.{b64(raw_signature(key, signed.encode()))}"


@dataclass
class Brand:
    """A registered client and the private half of its key."""

    client: Client
    key: ec.EllipticCurvePrivateKey

    def header(self, **changes: Any) -> dict[str, Any]:
        return with_changes({"alg": "ES256", "kid": "k1", "typ": "JWT"}, changes)

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self.client.client_id, "sub": self.client.client_id, "aud": ISSUER,
            "jti": uuid.uuid4().hex, "iat": now, "exp": now + 60,
        }  # fmt: skip
        return with_changes(claims, changes)

    def assertion(self, **changes: Any) -> str:
        return compact(self.header(), self.claims(**changes), self.key)

    def form(self, assertion: str | None = None, **more: str) -> dict[str, str]:
        return {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion() if assertion is None else assertion,
        } | more


def with_changes(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return the values changed; `...` takes one away."""
    return {name: value for name, value in (values | changes).items() if value is not ...}


def register(level: int = 1, **partner: Any) -> Brand:
    key = new_key()
    facts = {
        "legal_name_ko": "마루호텔 주식회사", "legal_name_en": "Maru Hotels Inc.",
        "registration_number": "123-45-67890", "address": "서울특별시 중구", "country": "KR",
        "officer_name": "담당자", "officer_phone": "02-000-0000",
        "officer_mail": "privacy@maru.example", "privacy_url": "https://maru.example/privacy",
        "kind": "company",
    }  # fmt: skip
    owner = Partner.objects.create(**(facts | partner))
    jwks = {"keys": [public_jwk(key)]}
    client = Client.objects.create(
        partner=owner, name_ko="마루호텔 · 고객센터", name_en="Maru", level=level, jwks=jwks
    )
    return Brand(client, key)


def ask(door: Browser, form: Any, path: str = "/oauth/token", **more: Any) -> HttpResponse:
    more.setdefault("content_type", "application/x-www-form-urlencoded")
    from urllib.parse import urlencode

    body = form if isinstance(form, str | bytes) else urlencode(form)
    return door.post(path, data=body, **more)


def refusals(reason: str) -> float:
    return REGISTRY.get_sample_value("vault_oauth_refused_total", {"reason": reason}) or 0.0


class Probe(APIView):
    """The smallest door behind the authentication class."""

    def get(self, request: Request) -> Response:
        return Response({"client": request.user.client.client_id})


def broken(request: HttpRequest) -> HttpResponse:
    """Raise what the test put there."""
    raise broken.error  # type: ignore[attr-defined]


def fine(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"ok": True})


class BrokenProbe(APIView):
    authentication_classes = ()
    permission_classes = ()

    def get(self, request: Request) -> Response:
        raise broken.error  # type: ignore[attr-defined]


urlpatterns = [
    path("", include("consent.oauth.urls")),
    path("api/probe", Probe.as_view()),
    path("api/broken", broken),
    path("api/broken-framework", BrokenProbe.as_view()),
    path("oauth/broken", broken),
    path("pages/broken", broken),
]
handler400 = handler403 = handler404 = handler500 = "config.handlers.error_page"
