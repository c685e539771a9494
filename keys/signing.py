"""The ES256 key that signs security event tokens, as a JWK (RFC 7517, RFC 7518 6.2)."""

import base64
import hashlib
import json

from cryptography.hazmat.primitives.asymmetric import ec


def private_jwk(secret: bytes) -> dict[str, str]:
    """Return the private JWK of a 32-byte P-256 key; `kid` is its thumbprint (RFC 7638)."""
    number = int.from_bytes(secret, "big")
    key = ec.derive_private_key(number, ec.SECP256R1())
    point = key.public_key().public_numbers()
    # Exactly the members, and the order, that the thumbprint is taken over.
    named = {"crv": "P-256", "kty": "EC", "x": _b64(point.x), "y": _b64(point.y)}
    canonical = json.dumps(named, separators=(",", ":"), sort_keys=True).encode()
    kid = base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()
    return named | {"alg": "ES256", "use": "sig", "kid": kid, "d": _b64(number)}


def public_jwk(jwk: dict[str, str]) -> dict[str, str]:
    """Return the JWK without its private part, as the JWKS endpoint serves it."""
    return {name: value for name, value in jwk.items() if name != "d"}


def _b64(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()
