"""The brand's own key: made once, the private half never leaves this folder."""

import json
import os
from pathlib import Path

from joserfc.jwk import ECKey


def load_or_make(folder: Path) -> ECKey:
    """Return the brand's P-256 key, made on first use (mode 0600)."""
    path = folder / "private_key.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        key = ECKey.generate_key("P-256", private=True)
        named = {**key.as_dict(private=True), "kid": key.thumbprint()}
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(named, file)
    return ECKey.import_key(json.loads(path.read_text()))


def public_set(key: ECKey) -> dict[str, list[dict[str, str]]]:
    """Return the JWK set that the brand registers with the vault."""
    public = key.as_dict(private=False)
    return {"keys": [{**public, "kid": key.kid, "use": "sig", "alg": "ES256"}]}
