"""The published examples of RFC 9449 and RFC 9396, and the cost of checking a proof."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from django.core.cache import cache
from jwcrypto import jwk as other_jwk
from jwcrypto import jwt as other_jwt

from consent.oauth import details, proofs
from consent.oauth.exceptions import KnockRefused, ProofRefused, Reason
from tests import cast
from tests.consent.oauth import world

VECTORS = Path(__file__).parents[2] / "vectors"
DPOP: dict[str, Any] = json.loads((VECTORS / "dpop" / "rfc9449-examples.json").read_text())
RAR: list[Any] = json.loads((VECTORS / "oauth" / "rfc9396-examples.json").read_text())


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def check(vector: dict[str, Any], **changes: Any) -> str:
    """Check an example at its own moment, for its own call."""
    said = vector["payload"]
    token = DPOP["access_token"] if "ath" in said else None
    given = {"method": said["htm"], "url": said["htu"], "token": token} | changes
    given.setdefault("now", datetime.fromtimestamp(said["iat"], UTC))
    return proofs.check(vector["proof"], **given)


@pytest.mark.rule("the published examples pass", "RFC 9449, figures 1 to 13")
@pytest.mark.parametrize("vector", DPOP["proofs"], ids=lambda vector: str(vector["payload"]["iat"]))
def test_the_examples_of_the_standard_pass_with_its_thumbprint(vector: dict[str, Any]) -> None:
    assert check(vector) == DPOP["expected_jkt"]
    with pytest.raises(ProofRefused) as refused:
        check(vector)
    assert refused.value.reason == Reason.PROOF_REPLAYED


@pytest.mark.parametrize("vector", DPOP["proofs"], ids=lambda vector: str(vector["payload"]["iat"]))
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"method": "PUT"}, Reason.PROOF_METHOD),
        ({"url": "https://server.example.com/other"}, Reason.PROOF_ADDRESS),
        ({"token": "another"}, Reason.PROOF_HASH),
        ({"now": datetime(2019, 7, 4, 18, 0, tzinfo=UTC)}, Reason.PROOF_MOMENT),
    ],
    ids=lambda value: str(value)[:24],
)
def test_the_examples_pass_for_nothing_else(
    vector: dict[str, Any], change: dict[str, Any], reason: Reason
) -> None:
    with pytest.raises(ProofRefused) as refused:
        check(vector, **change)
    assert refused.value.reason == reason


def test_a_changed_example_is_refused() -> None:
    vector = DPOP["proofs"][0]
    header, payload, signature = vector["proof"].split(".")
    for text in (
        f"{header}.{payload}.{signature[:-2]}AA", f"{header}.{payload}.{'A' * 86}",
        f"{header}.{DPOP['proofs'][1]['proof'].split('.')[1]}.{signature}",
    ):  # fmt: skip
        at = datetime.fromtimestamp(vector["payload"]["iat"], UTC) + timedelta(seconds=1)
        said = vector["payload"]
        if text.split(".")[1] != payload:
            at = datetime.fromtimestamp(DPOP["proofs"][1]["payload"]["iat"], UTC)
        with pytest.raises(ProofRefused) as refused:
            proofs.check(text, method=said["htm"], url=said["htu"], now=at)
        assert refused.value.reason == Reason.PROOF_SIGNATURE


def figures() -> Iterator[Any]:
    for number, figure in enumerate(RAR):
        value = figure["json"]
        whole = value if isinstance(value, list) else [value]
        yield pytest.param(whole, id=f"{number}-{figure['figure'][:40]}")


@pytest.mark.django_db
@pytest.mark.rule("an unknown type is refused", "RFC 9396, 5")
@pytest.mark.parametrize("objects", list(figures()))
def test_what_the_standard_shows_is_well_formed_and_of_types_that_we_do_not_have(
    objects: list[Any],
) -> None:
    with pytest.raises(KnockRefused) as refused:
        details.parse(json.dumps(objects), cast.make_partner(), world.ISSUER)
    assert refused.value.error == "invalid_authorization_details"


URL = "https://vault.example/api/v1/reads"


def claims() -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp())
    return {"jti": world.new_key().private_numbers().private_value.to_bytes(32, "big").hex(),
            "htm": "POST", "htu": URL, "iat": now}  # fmt: skip


def test_proofs_of_other_libraries_count() -> None:
    key = world.new_key()
    jwk = {name: world.public_jwk(key)[name] for name in ("kty", "crv", "x", "y")}
    by_pyjwt = jwt.encode(claims(), key, "ES256", headers={"typ": "dpop+jwt", "jwk": jwk})
    other = other_jwt.JWT(header={"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}, claims=claims())
    other.make_signed_token(other_jwk.JWK(**world.private_jwk(key)))
    thumbprint = other_jwk.JWK(**jwk).thumbprint()
    for proof in (by_pyjwt, other.serialize()):
        assert proofs.check(proof, method="POST", url=URL) == thumbprint
