"""Published vectors, and libraries that we did not write, agree with us."""

import json
import time
import uuid
from pathlib import Path
from typing import Any

import jwt
import pytest
from django.test import Client as Browser
from joserfc.jwk import ECKey, JWKRegistry
from jwcrypto import jwk as other_jwk
from jwcrypto import jwt as other_jwt

from consent.oauth import keysets, redeeming, signatures
from consent.oauth.exceptions import Reason, SignatureRefused
from tests.consent.oauth import world
from tests.consent.oauth.world import Brand, ask

VECTORS = Path(__file__).parents[2] / "vectors" / "jose"


def _read(name: str) -> Any:
    return json.loads((VECTORS / name).read_text())


ES256 = [
    pytest.param(
        case["jws"], group["public"], case["result"], id=f"{case['tcId']}-{case['comment']}"
    )
    for group in _read("wycheproof_es256.json")["testGroups"]
    for case in group["tests"]
]


@pytest.mark.rule("ES256 verification passes the published vectors", "Wycheproof")
@pytest.mark.parametrize(("text", "key", "result"), ES256)
def test_wycheproof_es256(text: str, key: dict[str, Any], result: str) -> None:
    assert signatures.is_signed_by(text, key) == (result == "valid")


@pytest.mark.parametrize("vector", _read("thumbprints.json"), ids=lambda vector: vector["source"])
def test_rfc7638_thumbprints(vector: dict[str, Any]) -> None:
    key = JWKRegistry.import_key(vector["jwk"])
    assert key.thumbprint() == vector["thumbprint_sha256"]
    if vector["jwk"].get("crv") == "P-256":
        (kept,) = keysets.validated({"keys": [vector["jwk"] | {"kid": "k"}]})["keys"]
        assert ECKey.import_key(kept).thumbprint() == vector["thumbprint_sha256"]


def test_rfc7520_es512_is_a_true_signature_that_we_do_not_take() -> None:
    vector = _read("rfc7520_4_3_ecdsa.json")
    key = vector["input"]["key"]
    text = vector["output"]["compact"]
    assert not signatures.is_signed_by(text, {name: key[name] for name in ("kty", "crv", "x", "y")})
    message = signatures.Message(text=text, header=vector["signing"]["protected"], claims={})
    with pytest.raises(SignatureRefused) as refused:
        signatures.verify(message, {"keys": [key]}, types={None})
    assert refused.value.reason == Reason.ALGORITHM


@pytest.mark.rule("PKCE S256 is the standard's", "RFC 7636, appendix B")
def test_rfc7636_pkce() -> None:
    vector = json.loads((VECTORS.parent / "oauth" / "rfc7636-appendix-b.json").read_text())
    octets = bytes(vector["code_verifier_octets"])
    assert world.b64(octets) == vector["code_verifier"]
    assert redeeming.fits(vector["code_verifier"], vector["code_challenge"])
    for wrong in (vector["code_challenge"], vector["code_verifier"][:-1] + "x", None):
        assert not redeeming.fits(wrong, vector["code_challenge"])
    # "plain" would be the verifier itself.
    assert not redeeming.fits(vector["code_verifier"], vector["code_verifier"])


def _claims(brand: Brand) -> dict[str, Any]:
    now = int(time.time())
    name = brand.client.client_id
    return {
        "iss": name,
        "sub": name,
        "aud": world.ISSUER,
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + 60,
    }


def _by_pyjwt(brand: Brand) -> str:
    return jwt.encode(_claims(brand), brand.key, algorithm="ES256", headers={"kid": "k1"})


def _by_jwcrypto(brand: Brand) -> str:
    token = other_jwt.JWT(header={"alg": "ES256", "kid": "k1"}, claims=_claims(brand))
    token.make_signed_token(other_jwk.JWK(**world.private_jwk(brand.key)))
    return str(token.serialize())


@pytest.mark.django_db
@pytest.mark.rule("independent libraries complete the flow", "issue, partner door")
@pytest.mark.parametrize("sign", [_by_pyjwt, _by_jwcrypto])
def test_other_libraries_walk_through_the_door(sign: Any, door: Browser, brand: Brand) -> None:
    value = ask(door, brand.form(sign(brand))).json()["access_token"]
    header = {"Authorization": f"Bearer {value}"}
    assert door.get("/api/probe", headers=header).json() == {"client": brand.client.client_id}
    assert ask(door, brand.form(sign(brand), token=value), "/oauth/revoke").status_code == 200
    assert door.get("/api/probe", headers=header).status_code == 401


def test_keys_made_by_jwcrypto_can_be_registered() -> None:
    key = other_jwk.JWK.generate(kty="EC", crv="P-256", kid="mine", use="sig", alg="ES256")
    assert (
        keysets.validated({"keys": [key.export_public(as_dict=True)]})["keys"][0]["kid"] == "mine"
    )
