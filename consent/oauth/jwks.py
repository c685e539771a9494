"""The public halves of our signing keys (ES256), with which brands check our events (RFC 7517)."""

from datetime import UTC, datetime

from keys import signers, signing
from keys.keyring import keyring


def public_set() -> dict[str, list[dict[str, str]]]:
    """Return our JWK set: the key in use, the announced next one, and those before.

    A key's `kid` is its RFC 7638 thumbprint.
    """
    served = signers.served(keyring().signers(), datetime.now(UTC))
    return {"keys": [signing.public_jwk(each.jwk) for each in served]}
