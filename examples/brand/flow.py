"""The whole flow of levels 2 and 3, as FAPI 2.0 has it: push, browser, code, DPoP, data, revoke.

    python -m examples.brand.flow FOLDER

FOLDER/brand.json says who the brand is (see examples/README.md), with "level" 2 and one address in
"redirect_uris"; with level 3 answers come sealed, and "suite" says how. FOLDER/details.json is the
list of authorization details to ask for, FOLDER/record.json something to give back. The first run
makes the keys and registration.json; put the line that `register_partner` prints into client.json
and run it again. It prints an address: open it in a browser, as the brand's own page would send you
there. Everything else happens here, one line for each step.

In your own program keep the verifier, the state and the DPoP key with the user's session.
"""

import base64
import hashlib
import json
import secrets
import sys
import time
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import urllib3
from joserfc import jwt
from joserfc.jwk import ECKey

from examples.brand import grant, keys
from examples.brand.sealed import PLAIN, SealingKey

SEALED = 3  # the level at which answers come sealed
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Refused(Exception):
    """The vault said no."""


class FlowClient:
    """One client of level 2 or 3."""

    def __init__(self, origin: str, client_id: str, key: ECKey) -> None:
        self.origin, self.client_id, self.key = origin, client_id, key
        self.dpop_key = ECKey.generate_key("P-256", private=True)
        self._http = urllib3.PoolManager(retries=False, timeout=30.0)
        # RFC 8414: no address is written down here but the issuer's.
        self.server = self._get("/.well-known/oauth-authorization-server")
        assert self.server["issuer"] == origin

    def push(self, details: list[dict[str, Any]], redirect_uri: str, **more: str) -> "Pending":
        """Say what we want, before any browser moves (RFC 9126)."""
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        form = {
            "response_type": "code",
            "redirect_uri": redirect_uri,
            "state": state,
            "code_challenge": _hash(verifier),
            "code_challenge_method": "S256",
            "authorization_details": json.dumps(details),
            "dpop_jkt": self.dpop_key.thumbprint(),
            "grant_management_action": "create",
        } | more
        pushed = self.form("pushed_authorization_request_endpoint", form)
        query = urlencode({"client_id": self.client_id, "request_uri": pushed["request_uri"]})
        page = f"{self.server['authorization_endpoint']}?{query}"
        return Pending(page, verifier, state, redirect_uri)

    def redeem(self, pending: "Pending", query: dict[str, str]) -> dict[str, Any]:
        """Turn what the browser brought back into tokens."""
        if query.get("state") != pending.state or query.get("iss") != self.origin:
            raise Refused("this answer is not to our question, or not by our vault")
        if "code" not in query:
            raise Refused(query.get("error", "no code"))
        form = {
            "grant_type": "authorization_code",
            "code": query["code"],
            "redirect_uri": pending.redirect_uri,
            "code_verifier": pending.verifier,
        }
        return self.form("token_endpoint", form, prove=True)

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """Get a new access token. The refresh token stays the same."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self.form("token_endpoint", form, prove=True)

    def form(self, endpoint: str, form: dict[str, str], *, prove: bool = False) -> dict[str, Any]:
        """Send a form to one of the server's endpoints, with a fresh assertion of who we are."""
        url = self.server[endpoint]
        whole = form | {
            "client_id": self.client_id,
            "client_assertion_type": JWT_BEARER,
            "client_assertion": self.assertion(),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if prove:
            headers["DPoP"] = self.proof("POST", url)
        return self._send("POST", url, urlencode(whole), headers)

    def call(
        self,
        method: str,
        url: str,
        token: str,
        body: Any = None,
        more: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Call the API with a bound token and a new proof for this one call (RFC 9449)."""
        headers = {
            "Authorization": f"DPoP {token}",
            "DPoP": self.proof(method, url, token),
            "Content-Type": "application/json",
            "Accept": "application/json",
        } | (more or {})
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        return self._send(method, url, text, headers)

    def own_token(self, grant_id: str = "") -> dict[str, Any]:
        """Get a token that is good for all of our grants, or for one of them."""
        form = {"grant_type": "client_credentials"} | ({"grant_id": grant_id} if grant_id else {})
        return self.form("token_endpoint", form, prove=True)

    def proof(self, method: str, url: str, token: str | None = None) -> str:
        """Prove that we hold the key that our tokens are bound to, for one call."""
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.dpop_key.as_dict(private=False)}
        claims = {"jti": str(uuid.uuid4()), "htm": method, "htu": url, "iat": int(time.time())}
        return jwt.encode(header, claims | ({"ath": _hash(token)} if token else {}), self.dpop_key)

    def assertion(self, audience: str | None = None) -> str:
        """Say who we are. Each one counts once, and only for this vault."""
        now = int(time.time())
        claims = {
            "iss": self.client_id, "sub": self.client_id, "aud": audience or self.origin,
            "iat": now, "exp": now + 60, "jti": str(uuid.uuid4()),
        }  # fmt: skip
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key)

    def _get(self, path: str) -> dict[str, Any]:
        return self._send("GET", self.origin + path, None, {})

    def _send(
        self, method: str, url: str, body: str | None, headers: dict[str, str]
    ) -> dict[str, Any]:
        answer = self._http.request(method, url, body=body, headers=headers)
        if answer.status >= 400:
            raise Refused(f"{method} {urlsplit(url).path}: {answer.status} {answer.data.decode()}")
        return json.loads(answer.data) if answer.data else {}


class Pending:
    """What has to be remembered while the customer decides."""

    def __init__(self, page: str, verifier: str, state: str, redirect_uri: str) -> None:
        self.page, self.verifier, self.state = page, verifier, state
        self.redirect_uri = redirect_uri


def wait_for_browser(redirect_uri: str) -> dict[str, str]:
    """Stand where the redirect address points, and return what one browser brings."""
    brought: dict[str, str] = {}
    address = urlsplit(redirect_uri)

    class Back(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if urlsplit(self.path).path == address.path:
                found = parse_qs(urlsplit(self.path).query)
                brought.update({name: values[0] for name, values in found.items()})
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.end_headers()
            self.wfile.write("고맙습니다. Thank you.\n".encode())

        def log_message(self, *_: Any) -> None:
            """Stay silent: the address holds a code."""

    with HTTPServer((address.hostname or "", address.port or 80), Back) as server:
        while not brought:
            server.handle_request()
    return brought


def run(
    client: FlowClient,
    details: list[dict[str, Any]],
    redirect_uri: str,
    *,
    opened: grant.Open | None = None,
    record: dict[str, Any] | None = None,
) -> None:
    """Do all of it once."""
    pending = client.push(details, redirect_uri)
    print(f"open {pending.page}", flush=True)
    tokens = client.redeem(pending, wait_for_browser(redirect_uri))
    print(f"granted {tokens['grant_id']}, a {tokens['token_type']} token")
    tokens |= client.refresh(tokens["refresh_token"])
    granted = grant.Granted(client, tokens, opened)
    grant.show(granted, record)
    about = client.form("introspection_endpoint", {"token": granted.token})
    print(f"introspected: active {about['active']}, bound to {about['cnf']['jkt']}")
    print(f"queried: {len(granted.look()['authorization_details'])} items")
    granted.end()
    about = client.form("introspection_endpoint", {"token": granted.token})
    print(f"revoked: active {about['active']}")


def main() -> int:
    """Make the registration, or run the flow."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    folder = Path(sys.argv[1])
    brand = json.loads((folder / "brand.json").read_text())
    key = keys.load_or_make(folder)
    sealing = None
    if brand["client"].get("level") == SEALED:
        sealing = SealingKey.load_or_make(folder, brand.get("suite", PLAIN))
    if not (folder / "client.json").exists():
        _write_registration(folder, brand, key, sealing)
        return 0
    told = json.loads((folder / "client.json").read_text())
    client_id = told["clients"][0]["client_id"]
    details = json.loads((folder / "details.json").read_text())
    record = folder / "record.json"
    try:
        run(
            FlowClient(brand["vault"], client_id, key),
            details,
            brand["client"]["redirect_uris"][0],
            opened=sealing and (lambda answer: sealing.opened(answer, told["partner"], client_id)),
            record=json.loads(record.read_text()) if record.exists() else None,
        )
    except Refused as refused:
        print(f"refused: {refused}")
        return 1
    return 0


def _write_registration(
    folder: Path, brand: dict[str, Any], key: ECKey, sealing: SealingKey | None
) -> None:
    client = {**brand["client"], "jwks": keys.public_set(key)}
    if sealing is not None:
        client["sealing_key"] = sealing.public()
    registration = {**brand["registration"], "clients": [client]}
    (folder / "registration.json").write_text(json.dumps(registration, ensure_ascii=False))


def _hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


if __name__ == "__main__":
    sys.exit(main())
