"""How a brand speaks to the vault: a token by private_key_jwt, then JSON over HTTP."""

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import urllib3
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Refused(Exception):
    """The vault said no; `problem` is its RFC 9457 document."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('type', '')}")
        self.status = status
        self.problem = problem

    @property
    def code(self) -> str:
        """The last part of the problem's type, such as "grant-ended"."""
        return str(self.problem.get("type", "")).rpartition("/")[2].rpartition(":")[2]


@dataclass
class VaultClient:
    """One client of one partner."""

    origin: str
    client_id: str
    key: ECKey
    _http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False))
    _token: str = ""
    _token_until: float = 0.0

    def ask(self, request: dict[str, Any], *, key: str) -> dict[str, Any]:
        """Ask for access. The same `key` twice is one request."""
        return self._call("POST", "/api/v1/requests", request, {"Idempotency-Key": f'"{key}"'})

    def ask_journey(self, journey: dict[str, Any], *, key: str) -> dict[str, Any]:
        """Ask for all brands of an alliance that we lead."""
        return self._call("POST", "/api/v1/journeys", journey, {"Idempotency-Key": f'"{key}"'})

    def journey(self, journey_id: str) -> dict[str, Any]:
        """Look at a journey; its stops name the requests, which each brand asks for itself."""
        return self._call("GET", f"/api/v1/journeys/{journey_id}")

    def request(self, request_id: str) -> dict[str, Any]:
        """Ask what became of a request."""
        return self._call("GET", f"/api/v1/requests/{request_id}")

    def read(self, subject: str, category: str, purpose: str, **more: Any) -> dict[str, Any]:
        """Read one category of one customer, for a purpose that is said each time."""
        body = {"subject": subject, "category": category, "purpose": purpose, **more}
        return self._call("POST", "/api/v1/reads", body)

    def contribute(self, contribution: dict[str, Any], *, key: str) -> dict[str, Any]:
        """Give a record to the customer's pod."""
        headers = {"Idempotency-Key": f'"{key}"'}
        return self._call("POST", "/api/v1/contributions", contribution, headers)

    def poll(
        self, ack: list[str], errors: dict[str, Any] | None = None, *, most: int = 50
    ) -> dict[str, str]:
        """Say what we took of the events we were given, and return the next, by id (RFC 8936).

        Waits a while where there is none; with `most` 0 it only says.
        """
        body = {"ack": ack, "setErrs": errors or {}, "maxEvents": most}
        sets: dict[str, str] = self._call("POST", "/api/v1/events/poll", body)["sets"]
        return sets

    def obligations(self) -> list[dict[str, Any]]:
        """List what this brand still has to destroy and attest, page by page."""
        page = self._call("GET", "/api/v1/obligations")
        owed: list[dict[str, Any]] = page["obligations"]
        while "cursor" in page:
            page = self._call("GET", f"/api/v1/obligations?cursor={page['cursor']}")
            owed += page["obligations"]
        return owed

    def attest(self, obligation: str, outcomes: list[dict[str, Any]]) -> dict[str, Any]:
        """Say, signed with the brand's key, what became of the copies."""
        claims = {
            "iss": self.client_id,
            "aud": self.origin,
            "iat": int(time.time()),
            "jti": str(uuid.uuid4()),
            "obligation": obligation,
            "outcomes": outcomes,
        }
        signed = jws.serialize_compact(
            {"alg": "ES256", "kid": self.key.kid, "typ": "attestation+jwt"},
            json.dumps(claims).encode(),
            self.key,
        )
        headers = {"Content-Type": "application/jwt"}
        path = f"/api/v1/obligations/{obligation}/attestation"
        return self._call("POST", path, signed, headers)

    def event_keys(self) -> KeySet:
        """Return the keys that the vault signs its events with."""
        return KeySet.import_key_set(self._send("GET", "/.well-known/jwks.json", None, {}))

    def _call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Call with a token; once more where it was ended early, or where the vault is busy."""
        for attempt in range(3):
            bearer = {"Authorization": f"Bearer {self._access_token()}"}
            try:
                return self._send(method, path, body, bearer | (headers or {}))
            except Refused as refused:
                if refused.status not in {401, 503} or attempt == 2:
                    raise
                self._token_until = 0.0 if refused.status == 401 else self._token_until
                time.sleep(0.0 if refused.status == 401 else 1.0)
        raise AssertionError

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> dict[str, Any]:
        data = (
            body.encode() if isinstance(body, str) else None if body is None else json.dumps(body)
        )
        response = self._http.request(
            method, self.origin + path, body=data,
            headers={"Content-Type": "application/json", "Accept": "application/json"} | headers,
        )  # fmt: skip
        answer = json.loads(response.data) if response.data else {}
        if response.status >= 400:
            raise Refused(response.status, answer)
        return answer

    def _access_token(self) -> str:
        if time.time() < self._token_until:
            return self._token
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": JWT_BEARER,
            "client_assertion": self._assertion(),
        }
        response = self._http.request_encode_body(
            "POST", f"{self.origin}/oauth/token", fields=form, encode_multipart=False
        )
        answer = json.loads(response.data)
        if response.status != 200:
            raise Refused(response.status, answer)
        self._token = answer["access_token"]
        self._token_until = time.time() + answer["expires_in"] - 10
        return self._token

    def _assertion(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self.client_id, "sub": self.client_id, "aud": self.origin,
            "iat": now, "exp": now + 60, "jti": str(uuid.uuid4()),
        }  # fmt: skip
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key)
