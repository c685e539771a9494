"""Libraries that the product does not use go the whole way: PyJWT, jwcrypto, and oauthlib's client."""

import json
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import jwt
import pytest
from django.test import Client as Browser
from jwcrypto import jwk as other_jwk
from jwcrypto import jwt as other_jwt
from oauthlib.oauth2 import WebApplicationClient

from consent.models import Grant
from tests.consent.oauth import world
from tests.consent.oauth.flow.hotel import BACK, Hotel, agree

pytestmark = pytest.mark.django_db
Sign = Callable[[dict[str, Any], dict[str, Any], Any], str]


def by_pyjwt(header: dict[str, Any], claims: dict[str, Any], key: Any) -> str:
    return jwt.encode(claims, key, "ES256", headers=header)


def by_jwcrypto(header: dict[str, Any], claims: dict[str, Any], key: Any) -> str:
    token = other_jwt.JWT(header={"alg": "ES256"} | header, claims=claims)
    token.make_signed_token(other_jwk.JWK(**world.private_jwk(key)))
    return str(token.serialize())


class Foreign(Hotel):
    """A hotel whose messages are all signed by another library."""

    sign: Sign

    def assertion(self, **changes: Any) -> str:
        return type(self).sign({"kid": "k1"}, self.claims(**changes), self.key)

    def proof(self, method: str, url: str, token: str | None = None, **_: Any) -> str:
        public = {name: world.public_jwk(self.proving)[name] for name in ("kty", "crv", "x", "y")}
        claims = {"jti": str(uuid.uuid4()), "htm": method, "htu": url, "iat": int(time.time())}
        if token is not None:
            hashed = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256)
            claims["ath"] = world.b64(hashed.compute_hash_digest(token.encode()))
        return type(self).sign({"typ": "dpop+jwt", "jwk": public}, claims, self.proving)


@pytest.mark.rule("two independent libraries complete the whole flow", "issue 4")
@pytest.mark.parametrize("sign", [by_pyjwt, by_jwcrypto])
def test_other_libraries_go_the_whole_way(sign: Sign, browser: Browser) -> None:
    hotel = type("Signed", (Foreign,), {"sign": staticmethod(sign)}).arrive()
    client = WebApplicationClient(hotel.client.client_id)
    verifier = client.create_code_verifier(64)
    challenge = client.create_code_challenge(verifier, "S256")
    pushed = hotel.push(code_challenge=challenge, state="s")
    answer = agree(browser, hotel.front(pushed))
    found = client.parse_request_uri_response(answer["Location"], state="s")
    assert found["iss"] == world.ISSUER

    proof = hotel.proof("POST", world.ISSUER + "/oauth/token")
    form = client.prepare_request_body(
        code=found["code"], redirect_uri=BACK, code_verifier=verifier
    )
    told = hotel.token(dict(parse_qsl(form)), proof=proof)
    assert told.status_code == 200, told.content
    tokens = client.parse_request_body_response(told.content.decode())
    grant = Grant.objects.get()
    assert hotel.read(tokens["access_token"], grant.pairwise).json()["records"]

    again = hotel.token({"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]})
    assert again.json()["token_type"] == "DPoP"
    about = hotel.post("/oauth/introspect", {"token": again.json()["access_token"]}).json()
    public = {name: world.public_jwk(hotel.proving)[name] for name in ("kty", "crv", "x", "y")}
    assert about["cnf"]["jkt"] == other_jwk.JWK(**public).thumbprint()
    path = f"/api/v1/grants/{grant.pk}"
    assert hotel.call("DELETE", path, again.json()["access_token"]).status_code == 204
    assert json.loads(
        hotel.post("/oauth/introspect", {"token": tokens["access_token"]}).content
    ) == {"active": False}
