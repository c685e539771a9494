"""Keyed hashes of what somebody might guess: addresses, codes, bodies of calls.

The key is in the keyring, so a stolen table cannot be searched for a known address.
"""

import hashlib
import hmac
import json
from typing import Any

from keys.keyring import keyring


def keyed(name: str, *parts: str | bytes) -> bytes:
    """Return 32 bytes that only this vault can make from these parts, in this order."""
    code = hmac.new(keyring().secret(f"consent/{name}"), digestmod=hashlib.sha256)
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        # With its length, so that ("ab", "c") and ("a", "bc") differ.
        code.update(len(raw).to_bytes(4, "big") + raw)
    return code.digest()


def of_body(body: Any) -> bytes:
    """Return what tells one JSON body from another, whatever the order of its members."""
    return keyed("body", json.dumps(body, sort_keys=True, separators=(",", ":")))
