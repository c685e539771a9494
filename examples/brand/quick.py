"""A small brand's first afternoon, in one file: level 1, no server of your own, no browser redirect.

    python examples/brand/quick.py FOLDER

The first run makes FOLDER/key.json (keep it secret) and prints the key set for your registration.
Give that to the vault's operator with who you are and what you ask for; you get a client_id back.
Write FOLDER/brand.json: {"vault": "https://…", "client_id": "…", "request": {…}}; the request is
the body of POST /api/v1/requests, docs/api.md says what stands in it. Then every run does this:

1. a token, by a JWT signed with your key (private_key_jwt); it lives for five minutes
2. a request; with subject {"link": true} the answer holds a link and a code to give to a customer
3. polling, until the customer has agreed or the time is over
4. a read of each category that was granted, and what you have to do with it

It needs joserfc and nothing else.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

EVERY = float(os.environ.get("QUICK_POLL_SECONDS", "5"))
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Vault:
    """The vault, as this client sees it."""

    def __init__(self, origin: str, client_id: str, key: ECKey) -> None:
        self.origin, self.client_id, self.key = origin, client_id, key
        self._token, self._until = "", 0.0

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        """Call the partner API. An error ends the program with the vault's own words."""
        headers |= {"Authorization": f"Bearer {self.token()}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        return self._send(method, path, data, headers)

    def token(self) -> str:
        """Return a token, a new one where the last is nearly over."""
        if time.time() > self._until - 10:
            form = {
                "grant_type": "client_credentials",
                "client_assertion_type": JWT_BEARER,
                "client_assertion": self._assertion(),
            }
            data = urllib.parse.urlencode(form).encode()
            got = self._send("POST", "/oauth/token", data, {})
            self._token, self._until = got["access_token"], time.time() + got["expires_in"]
        return self._token

    def _assertion(self) -> str:
        """Say who we are. Each one counts once, and only for this vault."""
        now = int(time.time())
        claims = {
            "iss": self.client_id, "sub": self.client_id, "aud": self.origin,
            "iat": now, "exp": now + 60, "jti": str(uuid.uuid4()),
        }  # fmt: skip
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key)

    def _send(
        self, method: str, path: str, data: bytes | None, headers: dict[str, str]
    ) -> dict[str, Any]:
        request = urllib.request.Request(self.origin + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{path}: {error.code} {error.read().decode()}") from None


def load_key(folder: Path) -> ECKey:
    """Return our key; the first time make it, readable by us alone."""
    path = folder / "key.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        key = ECKey.generate_key("P-256", private=True)
        text = json.dumps({**key.as_dict(private=True), "kid": key.thumbprint()})
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    return ECKey.import_key(json.loads(path.read_text()))


def wait(vault: Vault, asked: dict[str, Any]) -> dict[str, Any]:
    """Ask again until somebody has decided. "closed" may mean no, nobody, or too late."""
    while asked["state"] == "pending":
        time.sleep(EVERY)
        asked = vault.call("GET", f"/api/v1/requests/{asked['id']}")
    return asked


def read(vault: Vault, asked: dict[str, Any]) -> None:
    """Read what was granted, saying each time what for."""
    for item in asked["granted"]["items"]:
        if item["action"] != "read":
            continue
        said = {
            "subject": asked["subject"], "category": item["category"], "purpose": asked["purpose"],
        }  # fmt: skip
        got = vault.call("POST", "/api/v1/reads", said)
        print(f"{item['category']}: {len(got['records'])} records, "
              f"erase them by {got['grant']['erase_by']}")  # fmt: skip
        for record in got["records"]:
            print("  ", json.dumps(record["data"], ensure_ascii=False))


def main() -> int:
    """Ask one customer, wait, read."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    folder = Path(sys.argv[1])
    key = load_key(folder)
    public = {**key.as_dict(private=False), "kid": key.kid, "use": "sig", "alg": "ES256"}
    if not (folder / "brand.json").exists():
        print(json.dumps({"keys": [public]}))
        return 0
    brand = json.loads((folder / "brand.json").read_text())
    vault = Vault(brand["vault"], brand["client_id"], key)
    once = {"Idempotency-Key": str(uuid.uuid4())}
    asked = vault.call("POST", "/api/v1/requests", brand["request"], **once)
    if "link" in asked:
        print(f"give the customer {asked['link']['url']} or the code {asked['link']['code']}")
    print("waiting …", flush=True)
    asked = wait(vault, asked)
    print(asked["state"])
    if asked["state"] == "approved":
        read(vault, asked)
    return 0


if __name__ == "__main__":
    sys.exit(main())
