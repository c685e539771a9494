"""Published vectors (Wycheproof) against the primitives, called as sealing calls them."""

import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VECTORS = Path(__file__).parent.parent / "vectors" / "wycheproof"


def cases(name: str) -> list[tuple[dict, dict]]:
    groups = json.loads((VECTORS / f"{name}_test.json").read_text())["testGroups"]
    return [(group, case) for group in groups for case in group["tests"]]


def octets(case: dict, *names: str) -> list[bytes]:
    return [bytes.fromhex(case[name]) for name in names]


def test_aes_256_gcm_opens_what_is_valid_and_nothing_else():
    sized = [c for g, c in cases("aes_gcm") if (g["keySize"], g["ivSize"]) == (256, 96)]
    assert {case["result"] for case in sized} == {"valid", "invalid"}
    for case in sized:
        key, nonce, aad, msg, ct, tag = octets(case, "key", "iv", "aad", "msg", "ct", "tag")
        if case["result"] == "valid":
            assert AESGCM(key).encrypt(nonce, msg, aad) == ct + tag
            assert AESGCM(key).decrypt(nonce, ct + tag, aad) == msg
        else:
            with pytest.raises(InvalidTag):
                AESGCM(key).decrypt(nonce, ct + tag, aad)


def test_hkdf_sha256_derives_the_published_keys():
    tried = cases("hkdf_sha256")
    for _, case in tried:
        ikm, salt, info, okm = octets(case, "ikm", "salt", "info", "okm")
        if case["result"] == "valid":
            made = HKDF(algorithm=hashes.SHA256(), length=case["size"], salt=salt, info=info)
            assert made.derive(ikm) == okm
        else:
            with pytest.raises(ValueError, match="larger"):
                HKDF(algorithm=hashes.SHA256(), length=case["size"], salt=salt, info=info)
    assert len(tried) > 50


def test_ed25519_accepts_what_is_valid_and_nothing_else():
    tried = cases("ed25519")
    for group, case in tried:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(group["publicKey"]["pk"]))
        msg, sig = octets(case, "msg", "sig")
        if case["result"] == "valid":
            key.verify(sig, msg)
        else:
            with pytest.raises(InvalidSignature):
                key.verify(sig, msg)
    assert len(tried) > 100
