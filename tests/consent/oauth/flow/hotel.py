"""A brand of level 2, written without the product's code: it pushes, redirects, redeems, proves, reads."""

import base64
import hashlib
import json
import re
import secrets
import time
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client as Browser

from tests import cast
from tests.consent.oauth import world

BACK = "https://hotel.example/back"
TYPE = "urn:consent-vault:rar:data-sharing:v1"
FORM = "application/x-www-form-urlencoded"


def detail(**changes: Any) -> dict[str, Any]:
    """One object of authorization details; `...` takes a member away."""
    whole = {
        "type": TYPE,
        "actions": ["read"],
        "datatypes": ["stay"],
        "purpose": cast.PURPOSE,
        "access_mode": "may_store",
        "duration": "P30D",
        "retention": "P30D",
        "why": {"ko": "취향에 맞게 방을 준비해요.", "en": "To prepare the room to your taste."},
        "benefit": {"ko": "늦은 퇴실 무료", "en": "Free late check-out"},
    }
    return world.with_changes(whole, changes)


def jkt(key: ec.EllipticCurvePrivateKey) -> str:
    jwk = {name: world.public_jwk(key)[name] for name in ("crv", "kty", "x", "y")}
    return world.b64(hashlib.sha256(json.dumps(jwk, separators=(",", ":")).encode()).digest())


@dataclass
class Hotel(world.Brand):
    """One client of level 2 with a key to prove and a browser's way in its head."""

    proving: ec.EllipticCurvePrivateKey = field(default_factory=world.new_key)
    http: Browser = field(default_factory=lambda: Browser(raise_request_exception=False))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @classmethod
    def arrive(cls, level: int = 2, **changes: Any) -> "Hotel":
        key = world.new_key()
        jwks = {"keys": [world.public_jwk(key)]}
        facts = {"level": level, "jwks": jwks, "redirect_uris": [BACK]} | changes
        client = cast.make_client(**facts)
        if not client.partner.purposes.exists():
            cast.make_template(client.partner)
        return cls(client, key)

    @property
    def challenge(self) -> str:
        return world.b64(hashlib.sha256(self.verifier.encode()).digest())

    def proof(
        self,
        method: str,
        url: str,
        token: str | None = None,
        *,
        key: ec.EllipticCurvePrivateKey | None = None,
        header: dict[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        key = key or self.proving
        jwk = {name: world.public_jwk(key)[name] for name in ("kty", "crv", "x", "y")}
        claims = {
            "jti": uuid.uuid4().hex, "htm": method, "htu": url, "iat": int(time.time()),
        }  # fmt: skip
        if token is not None:
            hashed = hashlib.sha256(token.encode()).digest()
            claims["ath"] = base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
        head = world.with_changes({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}, header or {})
        return world.compact(head, world.with_changes(claims, changes), key)

    def post(self, path: str, form: dict[str, Any], **headers: str) -> Any:
        """Send a form with the client's assertion; `...` takes a parameter away."""
        whole = world.with_changes(
            {
                "client_id": self.client.client_id,
                "client_assertion_type": world.ASSERTION_TYPE,
                "client_assertion": self.assertion(),
            },
            form,
        )
        return self.http.post(
            path, urlencode(whole, doseq=True), content_type=FORM, headers=headers or None
        )

    def pushed(self, *details: dict[str, Any], **changes: Any) -> dict[str, Any]:
        return world.with_changes(
            {
                "response_type": "code",
                "redirect_uri": BACK,
                "state": "s t&te",
                "code_challenge": self.challenge,
                "code_challenge_method": "S256",
                "authorization_details": json.dumps(list(details) or [detail()]),
            },
            changes,
        )

    def push(self, *details: dict[str, Any], **changes: Any) -> Any:
        return self.post("/oauth/par", self.pushed(*details) | changes)

    def front(self, answer: Any) -> str:
        """Where the hotel sends the browser."""
        assert answer.status_code == 201, answer.content
        asked = {"client_id": self.client.client_id, "request_uri": answer.json()["request_uri"]}
        return f"/oauth/authorize?{urlencode(asked)}"

    def token(self, form: dict[str, Any], *, proof: str | None = "") -> Any:
        """Ask for a token; `proof` "" makes a good one, None sends none."""
        if proof == "":
            proof = self.proof("POST", world.ISSUER + "/oauth/token")
        return self.post("/oauth/token", form, **({"DPoP": proof} if proof else {}))

    def redeem(self, code: str, /, *, proof: str | None = "", **changes: Any) -> Any:
        form = {
            "grant_type": "authorization_code", "code": code,
            "redirect_uri": BACK, "code_verifier": self.verifier,
        }  # fmt: skip
        return self.token(world.with_changes(form, changes), proof=proof)

    def call(
        self,
        method: str,
        path: str,
        token: str,
        body: Any = None,
        *,
        scheme: str = "DPoP",
        proof: str | None = "",
        **headers: str,
    ) -> Any:
        if proof == "":
            proof = self.proof(method, world.ISSUER + path, token)
        sent = {"Authorization": f"{scheme} {token}", **headers}
        raw = b"" if body is None else json.dumps(body).encode()
        return self.http.generic(
            method, path, raw, content_type="application/json",
            headers=sent | ({"DPoP": proof} if proof else {}),
        )  # fmt: skip

    def read(self, token: str, subject: str, **more: Any) -> Any:
        body = {"subject": subject, "category": "stay", "purpose": cast.PURPOSE}
        return self.call("POST", "/api/v1/reads", token, body, **more)


def walk(browser: Browser, front: str) -> Any:
    """Follow the browser from the brand's redirect to the page of the request."""
    page = browser.get(front, follow=True)
    assert page.status_code == 200, page.content
    return page


def agree(browser: Browser, front: str, choice: dict[str, Any] | None = None) -> Any:
    """Choose, confirm every tick, and return the last answer: the redirect to the brand."""
    page = walk(browser, front)
    place = page.request["PATH_INFO"]
    browser.post(place, {"take-0": "on"} if choice is None else choice)
    text = browser.get(f"{place}confirm/").content.decode()
    digest = re.search(r'name="notice" value="([0-9a-f]{64})"', text)
    assert digest, text
    ticks = re.findall(r'name="tick" value="(\w+)"', text)
    return last(browser, browser.post(f"{place}confirm/", {"tick": ticks, "notice": digest[1]}))


def last(browser: Browser, answer: Any) -> Any:
    """Follow redirects within the vault and return the answer that leads out of it, or the page."""
    while answer.status_code in {301, 302, 303} and answer["Location"].startswith("/"):
        answer = browser.get(answer["Location"])
    return answer


def query(answer: Any) -> dict[str, str]:
    """What came back in the address."""
    assert answer.status_code == 303, (answer.status_code, answer.content)
    address = urlsplit(answer["Location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == BACK
    return {name: values[0] for name, values in parse_qs(address.query).items()}
