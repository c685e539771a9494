"""A partner registers a program by itself (RFC 7591), with a token that an operator issued for it.

The token names the partner and the level and counts once. What a program may be called, where
browsers come back to and by which keys it signs is all that it says; everything else follows from
the level, and the answer says how it is.
"""

import secrets
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from consent import partners
from consent.access.decision import is_answered
from consent.models import Client, Partner, RegistrationToken
from consent.oauth import keysets, pushing, redirects, tokens
from consent.oauth.exceptions import KeySetInvalid, KnockRefused, Reason, RedirectInvalid
from consent.oauth.signatures import ALGORITHM
from consent.partners import Operator
from consent.requests import rules
from vault import strictjson
from vault.exceptions import MalformedJSON, TooLarge

LONGEST_LIFE = timedelta(days=7)
LEVELS = (1, 2)
LIMITS = strictjson.Limits(size=32 * 1024, depth=5)
LONGEST_NAME = 80
_NUMBER = "Resident registration numbers are neither stored nor requested."  # ASCII, by RFC 6749
_METADATA = "invalid_client_metadata"
_BY_ITSELF = ["client_credentials"]
_BY_BROWSER = ["authorization_code", "client_credentials", "refresh_token"]


@transaction.atomic
def issue(partner: Partner, *, level: int, life: timedelta, actor: Operator) -> str:
    """Return a token with which `partner` registers one client of `level` within `life`.

    Raises `ValueError` for another level or a longer life, `PartnerSuspended`.
    """
    if level not in LEVELS or not timedelta() < life <= LONGEST_LIFE:
        raise ValueError("a registration token is for level 1 or 2 and lives at most 7 days")
    held = partners.need_live(partner)
    value = secrets.token_urlsafe(tokens.ENTROPY)
    now = timezone.now()
    RegistrationToken.objects.create(
        digest=tokens.digest(value),
        partner=held,
        level=level,
        issued_at=now,
        expires_at=now + life,
    )
    partners.note(held, actor, "registration-token-issued")
    return value


def register(token: str, body: bytes) -> dict[str, Any]:
    """Register what `body` describes and return it as it is registered (RFC 7591, 3.2.1).

    A body that is refused spends nothing. Raises `KnockRefused`.
    """
    found = _live(tokens.digest(token), timezone.now())
    if found is None:
        raise _unknown()
    facts = _facts(_metadata(body), found.level)
    return _answer(_spend(found, facts))


def _live(digest: bytes, now: datetime) -> RegistrationToken | None:
    unused = RegistrationToken.objects.filter(used_at=None, killed_at=None, expires_at__gt=now)
    found = unused.select_related("partner").filter(digest=digest).first()
    return found if found is not None and is_answered(found.partner) else None


@transaction.atomic
def _spend(token: RegistrationToken, facts: Mapping[str, Any]) -> Client:
    """Add the client and spend the token, in the partner's lock: of two at once one finds it spent."""
    partner = partners.lock(token.partner)
    if _live(bytes(token.digest), timezone.now()) is None:
        raise _unknown()
    client = partners.add_client(partner, None, level=token.level, **facts)
    RegistrationToken.objects.filter(pk=token.pk).update(used_at=timezone.now(), client=client)
    return client


def _metadata(body: bytes) -> Mapping[str, Any]:
    try:
        said = strictjson.loads(body, LIMITS)
    except (MalformedJSON, TooLarge):
        raise _wrong("The body is no JSON object of at most 32 KiB.") from None
    if not isinstance(said, dict):
        raise _wrong("The body is no JSON object of at most 32 KiB.")
    return said


def _facts(said: Mapping[str, Any], level: int) -> dict[str, Any]:
    """Return what a client is made of. Members that we do not know are ignored (RFC 7591, 2)."""
    if "software_statement" in said:
        raise KnockRefused(
            "unapproved_software_statement", Reason.METADATA, "No statement is trusted here."
        )
    if "jwks_uri" in said:
        raise _wrong("Keys come as jwks: nothing is fetched.")
    _check_fixed(said, level)
    uris = _redirect_uris(said, level)
    _check_flow(said, uris)
    return {**_names(said), "jwks": _jwks(said), "redirect_uris": uris}


def _check_fixed(said: Mapping[str, Any], level: int) -> None:
    """Pass if what is the same for everybody is said rightly, or not at all."""
    fixed = {
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": ALGORITHM,
        "scope": "",
    }
    for name, value in fixed.items():
        if said.get(name, value) != value:
            raise _wrong(f"{name} is not {value or 'known here'}.")
    bound = level >= pushing.LEAST_LEVEL
    if said.get("dpop_bound_access_tokens", bound) is not bound:
        raise _wrong(f"dpop_bound_access_tokens is {str(bound).lower()} on this level.")


def _redirect_uris(said: Mapping[str, Any], level: int) -> list[str]:
    try:
        uris = redirects.validated(said.get("redirect_uris", []))
    except RedirectInvalid as refused:
        raise KnockRefused("invalid_redirect_uri", Reason.METADATA, f"{refused}.") from None
    if uris and level < pushing.LEAST_LEVEL:
        raise KnockRefused(
            "invalid_redirect_uri", Reason.METADATA, "No browser comes back on this level."
        )
    if rules.holds_resident_number(uris):
        raise KnockRefused("invalid_redirect_uri", Reason.METADATA, _NUMBER)
    return uris


def _check_flow(said: Mapping[str, Any], uris: list[str]) -> None:
    """Pass if no grant type or response type is wanted that this client will not have."""
    for name, possible in (("grant_types", _grant_types(uris)), ("response_types", _codes(uris))):
        wanted = said.get(name, possible)
        if not isinstance(wanted, list) or not all(one in possible for one in wanted):
            raise _wrong(f"{name} holds what this client cannot have.")


def _names(said: Mapping[str, Any]) -> dict[str, str]:
    """Return what people will read, by language (RFC 7591, 2.2)."""
    plain = said.get("client_name")
    names = {f"name_{tag}": said.get(f"client_name#{tag}", plain) for tag in ("ko", "en")}
    if not all(_is_name(name) for name in names.values()):
        raise _wrong(f"client_name is needed: a text of 1 to {LONGEST_NAME} characters.")
    for member in ("client_name", "client_name#ko", "client_name#en"):
        if rules.holds_resident_number(said.get(member)):
            raise _wrong(f"{member}: {_NUMBER}")
    return names


def _is_name(name: object) -> bool:
    return (
        isinstance(name, str)
        and 0 < len(name) <= LONGEST_NAME
        and bool(name.strip())
        and name.isprintable()
        and unicodedata.is_normalized("NFC", name)
    )


def _jwks(said: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return keysets.validated(said.get("jwks"))
    except KeySetInvalid as refused:
        what = refused.what.replace('"', "'")
        raise _wrong(f"jwks: {what}.") from None


def _answer(client: Client) -> dict[str, Any]:
    uris = client.redirect_uris
    return {
        "client_id": client.client_id,
        "client_id_issued_at": int(client.registered_at.timestamp()),
        "client_name#ko": client.name_ko,
        "client_name#en": client.name_en,
        "redirect_uris": uris,
        "grant_types": _grant_types(uris),
        "response_types": _codes(uris),
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": ALGORITHM,
        "dpop_bound_access_tokens": client.level >= pushing.LEAST_LEVEL,
        "jwks": client.jwks,
    }


def _grant_types(uris: list[str]) -> list[str]:
    return _BY_BROWSER if uris else _BY_ITSELF


def _codes(uris: list[str]) -> list[str]:
    return ["code"] if uris else []


def _wrong(what: str) -> KnockRefused:
    return KnockRefused(_METADATA, Reason.METADATA, what)


def _unknown() -> KnockRefused:
    what = "The registration token is unknown, spent or over."
    return KnockRefused("invalid_token", Reason.INVITATION, what, status=401)
