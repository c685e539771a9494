"""Sealing to another's public key, held to RFC 9180 and to a second implementation of it."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke as product
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

from keys import envelopes
from keys.exceptions import EnvelopeKeyInvalid
from tests import hpke

VECTORS = Path(__file__).parents[1] / "vectors" / "hpke" / "rfc9180-appendix-a.json"
BASE_X25519 = [
    case
    for case in json.loads(VECTORS.read_text())
    if (case["kem_id"], case["kdf_id"], case["mode"]) == (0x20, 1, 0) and case["encryptions"]
]
PLAIN, HYBRID = envelopes.SUITES


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def a_key(suite: str = PLAIN) -> tuple[dict[str, str], Any]:
    """A public key as a brand registers it, and its private half."""
    exchange = x25519.X25519PrivateKey.generate()
    if suite == PLAIN:
        raw = exchange.public_key().public_bytes_raw()
        return {"suite": suite, "kid": "1", "key": text(raw)}, exchange
    lattice = mlkem.MLKEM768PrivateKey.generate()
    raw = lattice.public_key().public_bytes_raw() + exchange.public_key().public_bytes_raw()
    private = product.MLKEM768X25519PrivateKey(lattice, exchange)
    return {"suite": suite, "kid": "1", "key": text(raw)}, private


def opened(suite: str, private: Any, blob: bytes, info: bytes) -> bytes:
    kem = product.KEM.X25519 if suite == PLAIN else product.KEM.MLKEM768_X25519
    made = product.Suite(kem, product.KDF.HKDF_SHA256, product.AEAD.AES_256_GCM)
    return made.decrypt(blob, private, info=info)


@pytest.mark.rule("RFC 9180", "Appendix A")
@pytest.mark.parametrize("case", BASE_X25519, ids=lambda case: f"aead {case['aead_id']}")
def test_the_second_implementation_follows_the_published_vectors(case: dict[str, Any]) -> None:
    first = case["encryptions"][0]
    raw = {name: bytes.fromhex(case[name]) for name in ("info", "enc", "skRm", "shared_secret")}
    key, nonce = hpke.schedule(raw["shared_secret"], raw["info"], case["aead_id"])

    assert (key.hex(), nonce.hex()) == (case["key"], case["base_nonce"])
    assert hpke.open_base(
        raw["skRm"],
        raw["enc"],
        bytes.fromhex(first["ct"]),
        info=raw["info"],
        aead=case["aead_id"],
        aad=bytes.fromhex(first["aad"]),
    ) == bytes.fromhex(first["pt"])


@pytest.mark.rule("RFC 9180", "5.1")
def test_what_is_sealed_opens_in_the_second_implementation() -> None:
    key, private = a_key()
    blob = envelopes.seal(key, b"a stay", [b"one", b"two"])

    found = hpke.open_base(
        private.private_bytes_raw(), blob[:32], blob[32:],
        info=envelopes.info(PLAIN, [b"one", b"two"]), aead=0x0002,
    )  # fmt: skip

    assert found == b"a stay"


@pytest.mark.parametrize("suite", envelopes.SUITES)
def test_only_the_private_half_and_the_same_context_open_it(suite: str) -> None:
    key, private = a_key(suite)
    _, other = a_key(suite)
    blob = envelopes.seal(key, b"a stay", [b"grant", b"event"])

    assert opened(suite, private, blob, envelopes.info(suite, [b"grant", b"event"])) == b"a stay"
    for wrong in ([b"grant", b"other"], [b"grante", b"vent"], [b"grant"], [b"event", b"grant"]):
        with pytest.raises(InvalidTag):
            opened(suite, private, blob, envelopes.info(suite, wrong))
    with pytest.raises(InvalidTag):
        opened(suite, other, blob, envelopes.info(suite, [b"grant", b"event"]))
    changed = blob[:-1] + bytes([blob[-1] ^ 1])
    with pytest.raises(InvalidTag):
        opened(suite, private, changed, envelopes.info(suite, [b"grant", b"event"]))


def test_the_context_of_one_suite_is_none_of_another() -> None:
    assert envelopes.info(PLAIN, [b"a"]) != envelopes.info(HYBRID, [b"a"])


@pytest.mark.parametrize("suite", envelopes.SUITES)
def test_a_key_is_kept_as_it_was_sent(suite: str) -> None:
    key, _ = a_key(suite)
    assert envelopes.validated(key) == key


GOOD = a_key()[0]


@pytest.mark.parametrize(
    "key",
    [
        None,
        [],
        {},
        GOOD | {"d": "x"},
        GOOD | {"suite": "rot13"},
        GOOD | {"suite": HYBRID},
        GOOD | {"suite": ["a"]},
        GOOD | {"kid": ""},
        GOOD | {"kid": "x" * 129},
        GOOD | {"kid": 1},
        GOOD | {"kid": "a\n"},
        GOOD | {"key": GOOD["key"][:-2]},
        GOOD | {"key": "*" * 43},
        GOOD | {"key": "가" * 43},
        GOOD | {"key": 7},
        GOOD | {"key": text(bytes(32))},
        {**a_key(HYBRID)[0], "key": text(b"\xff" * 1216)},
    ],
)
def test_what_is_no_public_key_is_refused_without_a_word_of_it(key: Any) -> None:
    with pytest.raises(EnvelopeKeyInvalid) as refused:
        envelopes.validated(key)
    assert GOOD["key"] not in str(refused.value)
