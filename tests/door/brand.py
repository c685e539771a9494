"""A brand's program at the door: it knows HTTP, its key and its token, and nothing of the vault's code."""

import base64
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django.test import Client as Browser
from joserfc import jws

from consent.oauth import tokens
from tests import cast
from tests.cast import ClientWithKey

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PROBLEM = "application/problem+json"
URN = "urn:consent-vault:problem:"
ISSUER = "http://127.0.0.1:8000"
STAY = {"hotel": "Maru Hotel", "room": "1204", "check_in": "2026-11-20", "check_out": "2026-11-22"}


@dataclass
class Brand:
    """One client of one partner, with a token in hand."""

    made: ClientWithKey
    http: Browser = field(default_factory=lambda: Browser(raise_request_exception=False))
    token: str = ""

    def __post_init__(self) -> None:
        self.token = self.token or tokens.issue(self.made.client)

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def send(
        self,
        method: str,
        path: str,
        body: Any = b"",
        *,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Send bytes as they are, anything else as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.generic(
            method, path, raw, content_type=content_type, headers=self.bearer | (headers or {})
        )

    def read(self, body: Any, **more: Any) -> Any:
        return self.send("POST", "/api/v1/reads", body, **more)

    def ask(self, body: Any, *, key: str | None = None, **more: Any) -> Any:
        return self.send("POST", "/api/v1/requests", body, **with_key(key, more))

    def contribute(self, body: Any, *, key: str | None = None, **more: Any) -> Any:
        return self.send("POST", "/api/v1/contributions", body, **with_key(key, more))

    def poll(self, request_id: object) -> Any:
        return self.send("GET", f"/api/v1/requests/{request_id}")

    def attest(self, obligation: object, /, **changes: Any) -> Any:
        return self.send(
            "POST",
            f"/api/v1/obligations/{obligation}/attestation",
            self.attestation(obligation, **changes).encode(),
            content_type="application/jwt",
        )

    def attestation(self, obligation: object, /, **changes: Any) -> str:
        claims = {
            "iss": self.made.client.client_id, "aud": ISSUER, "iat": int(time.time()),
            "jti": uuid4().hex, "obligation": str(obligation),
            "outcomes": [{"category": "stay", "outcome": "deleted", "method": "row deleted"}],
        }  # fmt: skip
        return self.signed(claims | changes, typ="attestation+jwt")

    def knock(self, path: str = "/oauth/token", **changes: Any) -> Any:
        """Ask for a token. `claims` changes the assertion, anything else the form."""
        claims = changes.pop("claims", {})
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": JWT_BEARER,
            "client_assertion": self.assertion(**claims),
        } | changes
        return self.http.post(
            path, urlencode(form), content_type="application/x-www-form-urlencoded"
        )

    def assertion(self, **changes: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": self.made.client.client_id, "sub": self.made.client.client_id, "aud": ISSUER,
            "jti": uuid4().hex, "iat": now, "exp": now + 60,
        }  # fmt: skip
        return self.signed(claims | changes, typ="JWT")

    def signed(self, claims: dict[str, Any], *, typ: str) -> str:
        header = {"alg": "ES256", "kid": self.made.key.kid, "typ": typ}
        return jws.serialize_compact(header, json.dumps(claims).encode(), self.made.key)


def with_key(key: str | None, more: dict[str, Any]) -> dict[str, Any]:
    headers = {"Idempotency-Key": f'"{key or uuid4().hex}"'} | more.pop("headers", {})
    return more | {"headers": headers}


def arrive(**partner: Any) -> Brand:
    """A brand that is registered, with a purpose."""
    made = cast.make_client_with_key(cast.make_partner(**partner))
    cast.make_template(made.client.partner)
    return Brand(made)


def segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def code(answer: Any) -> str:
    """The last part of a problem's type; the answer must be a problem in every respect."""
    assert answer.headers["Content-Type"] == PROBLEM, (answer.status_code, answer.content)
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"].startswith(URN)
    assert body["title"].endswith(".")
    return str(body["type"]).removeprefix(URN)
