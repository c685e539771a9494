"""DPoP proofs (RFC 9449, 4.3): that whoever calls holds the key that a token is bound to.

Pure up to the last step, which remembers the proof. A brand's header is the same in every proof,
so a checked one is kept with its key and checking a proof costs little more than its signature.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from consent.oauth import keysets, seen, signatures
from consent.oauth.exceptions import KeySetInvalid, ProofRefused, Reason, SignatureRefused

PAST, AHEAD = timedelta(seconds=60), timedelta(seconds=10)
TYPE = "dpop+jwt"
MOST_CHARACTERS = 4096
MOST_JTI = 256
_JTI = re.compile(r"[\x21-\x7e]+")
_PORTS = {"https": 443, "http": 80}
_REGISTRY = jws.JWSRegistry(algorithms=[signatures.ALGORITHM], strict_check_header=False)


@dataclass(frozen=True, slots=True)
class _Shown:
    """The key of a header that was checked."""

    key: ECKey
    jkt: str


def check(
    proof: str, *, method: str, url: str, token: str | None = None, now: datetime | None = None
) -> str:
    """Return the thumbprint of the key that made this proof, for this call, now, once.

    `url` is ours as the caller knows it, never the internal one. With `token` the proof is for
    that token. Raises `ProofRefused`, `SeenStoreAway`.
    """
    header, claims, text = _parsed(proof)
    shown = _header(header)
    _check_claims(claims, method=method, url=url, token=token, now=now or datetime.now(UTC))
    _check_signature(text, shown.key)
    jti = _jti(claims)
    # A long name is no burden, and one of another key, method or address is another one.
    said = "\n".join((shown.jkt, method, url, jti)).encode()
    if not seen.is_first(hashlib.sha256(said).hexdigest()):
        raise ProofRefused(Reason.PROOF_REPLAYED)
    return shown.jkt


def _parsed(proof: str) -> tuple[str, Mapping[str, Any], str]:
    """Return the header as it was sent, the claims, and the whole; two headers arrive as one with a comma."""
    segments = proof.split(".")
    if len(segments) != 3 or len(proof) > MOST_CHARACTERS:
        raise ProofRefused(Reason.PROOF_MALFORMED)
    try:
        return segments[0], signatures.parsed_object(segments[1]), proof
    except SignatureRefused:
        raise ProofRefused(Reason.PROOF_MALFORMED) from None


@lru_cache(maxsize=1024)
def _header(segment: str) -> _Shown:
    """Check the JOSE header, which holds the key. Raises `ProofRefused`, and is then not kept."""
    try:
        header = signatures.parsed_object(segment)
    except SignatureRefused:
        raise ProofRefused(Reason.PROOF_MALFORMED) from None
    if header.get("typ") != TYPE:
        raise ProofRefused(Reason.PROOF_TYPE)
    if header.get("alg") != signatures.ALGORITHM:
        raise ProofRefused(Reason.PROOF_ALGORITHM)
    # Another key, a place to fetch one from, or what would change how to verify.
    if header.keys() & (signatures.FORBIDDEN - {"jwk"}):
        raise ProofRefused(Reason.PROOF_HEADER)
    return _key(header.get("jwk"))


def _key(jwk: object) -> _Shown:
    if not isinstance(jwk, Mapping):
        raise ProofRefused(Reason.PROOF_KEY)
    try:
        checked = keysets.public_point(jwk)
    except KeySetInvalid:
        raise ProofRefused(Reason.PROOF_KEY) from None
    key = ECKey.import_key(checked)
    return _Shown(key, key.thumbprint())


def _check_claims(
    claims: Mapping[str, Any], *, method: str, url: str, token: str | None, now: datetime
) -> None:
    if claims.get("htm") != method:
        raise ProofRefused(Reason.PROOF_METHOD)
    address = claims.get("htu")
    if not isinstance(address, str) or _address(address) != _address(url):
        raise ProofRefused(Reason.PROOF_ADDRESS)
    _check_moment(claims.get("iat"), now)
    if token is not None and not _is_hash_of(claims.get("ath"), token):
        raise ProofRefused(Reason.PROOF_HASH)


def _check_moment(issued: object, now: datetime) -> None:
    if isinstance(issued, bool) or not isinstance(issued, int | float) or not 0 < issued < 2**53:
        raise ProofRefused(Reason.PROOF_MOMENT)
    if not -PAST.total_seconds() <= issued - now.timestamp() <= AHEAD.total_seconds():
        raise ProofRefused(Reason.PROOF_MOMENT)


def _check_signature(proof: str, key: ECKey) -> None:
    try:
        jws.deserialize_compact(proof, key, registry=_REGISTRY)
    except (JoseError, ValueError):
        raise ProofRefused(Reason.PROOF_SIGNATURE) from None


def _is_hash_of(value: object, token: str) -> bool:
    hashed = hashlib.sha256(token.encode()).digest()
    wanted = base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
    return isinstance(value, str) and hmac.compare_digest(value.encode(), wanted.encode())


def _jti(claims: Mapping[str, Any]) -> str:
    value = claims.get("jti")
    if not isinstance(value, str) or len(value) > MOST_JTI or not _JTI.fullmatch(value):
        raise ProofRefused(Reason.PROOF_JTI)
    return value


@lru_cache(maxsize=256)
def _address(value: str) -> tuple[str, str, int | None, str] | str:
    """Return what of an address counts: case and default port do not, query and fragment are left out."""
    try:
        parts: SplitResult = urlsplit(value)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return value
    if not parts.hostname or "@" in parts.netloc:
        return value
    return parts.scheme, parts.hostname, port, parts.path or "/"
