"""What a token is good for (RFC 7662), told to the partner whose it is and to nobody else."""

from typing import Any

from django.conf import settings
from django.utils import timezone

from consent.models import AccessToken, Client, RefreshToken
from consent.oauth import details, pushing, tokens

INACTIVE = {"active": False}


def of(value: str, caller: Client) -> dict[str, Any]:
    """Return the token's facts; unknown, foreign, expired, killed and ended ones are all inactive."""
    digest = tokens.digest(value)
    access = tokens.find(digest)
    if access is not None and access.client.partner_id == caller.partner_id:
        return _access(access)
    refresh = _refresh(digest, caller)
    return INACTIVE if refresh is None else _about(refresh)


def _access(token: AccessToken) -> dict[str, Any]:
    if _is_over(token):
        return INACTIVE
    told = _about(token) | {"exp": int(token.expires_at.timestamp())}
    if not token.cnf_jkt:
        return told | {"token_type": "Bearer"}
    return told | {"token_type": "DPoP", "cnf": {"jkt": token.cnf_jkt}}


def _refresh(digest: bytes, caller: Client) -> RefreshToken | None:
    known = RefreshToken.objects.select_related("client", "grant__notice")
    found = known.filter(digest=digest, killed_at=None, client__partner=caller.partner_id).first()
    if found is None or found.client.revoked_at or _is_over(found):
        return None
    return found


def _is_over(token: AccessToken | RefreshToken) -> bool:
    grant = token.grant
    return grant is not None and (grant.ended_at is not None or grant.stops_at <= timezone.now())


def _about(token: AccessToken | RefreshToken) -> dict[str, Any]:
    told: dict[str, Any] = {
        "active": True,
        "client_id": token.client.client_id,
        "iss": settings.ORIGIN,
        "aud": settings.ORIGIN,
        "iat": int(token.issued_at.timestamp()),
    }
    if token.grant is not None:
        told["sub"] = token.grant.pairwise
        told["grant_id"] = str(token.grant_id)
        told["authorization_details"] = details.of_grant(token.grant, settings.ORIGIN + pushing.API)
    return told
