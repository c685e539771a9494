"""Calls that each carry a DPoP proof of their own, made just before they are sent.

A proof counts once and for a minute, so there must be at least as many as calls: making them costs
the clients' side of a brand nothing here, because it happens before the clock runs.
"""

import base64
import hashlib
import json
import random
import secrets
import time
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from django.conf import settings
from django.utils import timezone
from joserfc.jwk import ECKey

from consent.models import AccessToken, Client
from consent.oauth import tokens

PATH = "/api/v1/reads"
# More than any machine of this kind answers; a call without a fresh proof would count as an error.
MOST_A_SECOND = 2_000


class Prover:
    """A brand's key and its token that is bound to it."""

    def __init__(self, client: Client) -> None:
        key = ECKey.generate_key("P-256", private=True)
        self.token = secrets.token_urlsafe(32)
        AccessToken.objects.create(
            digest=tokens.digest(self.token), client=client, cnf_jkt=key.thumbprint(),
            expires_at=timezone.now() + timedelta(days=1),
        )  # fmt: skip
        self._key: ec.EllipticCurvePrivateKey = key.private_key
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}
        self._header = _encoded(json.dumps(header).encode())
        self._ath = _encoded(hashlib.sha256(self.token.encode()).digest())

    def proof(self) -> str:
        """Return a proof for one call (RFC 9449, 4.2)."""
        claims = {
            "jti": secrets.token_urlsafe(12), "htm": "POST", "htu": settings.ORIGIN + PATH,
            "iat": int(time.time()), "ath": self._ath,
        }  # fmt: skip
        text = f"{self._header}.{_encoded(json.dumps(claims).encode())}"
        signed = self._key.sign(text.encode(), ec.ECDSA(hashes.SHA256()))
        r, s = utils.decode_dss_signature(signed)
        return f"{text}.{_encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def provers() -> dict[UUID, Prover]:
    """Return one prover for each partner, by its id."""
    return {one.partner_id: Prover(one) for one in Client.objects.all()}


def write(path: Path, calls: list[tuple[UUID, str]], known: dict[UUID, Prover], count: int) -> None:
    """Write `count` calls to a file for `load.drive`, chosen at random from (partner, body)."""
    with path.open("w") as file:
        for partner, body in random.choices(calls, k=count):
            prover = known[partner]
            file.write(f"{PATH}\t{prover.token}\t{body}\t{prover.proof()}\n")


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
