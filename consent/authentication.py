"""Who is calling: from an Authorization header to a token's digest, or to a partner's client."""

import re
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from consent import knocks
from consent.access.decision import is_used_as_bound
from consent.exceptions import TokenRefused
from consent.models import Client, Partner
from consent.oauth import proofs, refusals, tokens
from consent.oauth.exceptions import ProofRefused, Reason, TokenMissing

# RFC 6750, 2.1 and RFC 9449, 7.1. Only the header: a token in a URL or a body is never looked at.
_SENT = re.compile(r"(bearer|dpop) +([A-Za-z0-9._~+/-]{1,256}=*)", re.IGNORECASE)


# Under which name a call carries what it showed, for whoever logs its refusal.
SHOWN = "vault.shown"


@dataclass(frozen=True, slots=True)
class Shown:
    """A token as it was shown. Whether it counts is asked together with everything else."""

    digest: bytes
    jkt: str  # the key that the caller proved to hold for this very call; "" for a bearer token


@dataclass(frozen=True, slots=True)
class Caller:
    """A client that showed a live token. It is `request.user` behind the partner's door."""

    client: Client
    token: bytes  # the digest, to be checked again by the guard
    grant: UUID | None = None  # the only grant that the token is for; None: any
    is_authenticated = True

    @property
    def partner(self) -> Partner:
        """Return whose client it is; loaded with the token."""
        return self.client.partner


def shown(request: HttpRequest | Request) -> Shown:
    """Return the token that was sent, with its proof checked, without a look into the database.

    The read path asks for it together with everything else, in its one query of facts.
    Raises `TokenMissing`, `TokenRefused` when what was sent can be no token, `ProofRefused`,
    `SeenStoreAway`.
    """
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if not header:
        raise TokenMissing
    sent = _SENT.fullmatch(header)
    if sent is None:
        raise TokenRefused
    found = request.META[SHOWN] = Shown(tokens.digest(sent[2]), "")
    if sent[1].lower() != "bearer":
        found = request.META[SHOWN] = Shown(found.digest, _proven(request, sent[2]))
    return found


def _proven(request: HttpRequest | Request, token: str) -> str:
    proof = request.META.get("HTTP_DPOP")
    try:
        if proof is None:
            raise ProofRefused(Reason.PROOF_MISSING)
        # Our address as the caller knows it: behind a proxy the request names another host.
        url = settings.ORIGIN + request.path
        return proofs.check(proof, method=request.method or "", url=url, token=token)
    except ProofRefused as refused:
        refusals.count(refused.reason)
        raise


def refused(request: HttpRequest | Request, reason: str) -> None:
    """Log that this call was refused; who made it, the token says that it showed."""
    sent: Shown | None = request.META.get(SHOWN)
    client, is_proven = (None, False) if sent is None else _holder(sent)
    knocks.refuse(
        knocks.door_of(request),
        reason,
        by=client if is_proven else None,
        about=None if is_proven else client,
    )


def _holder(sent: Shown) -> tuple[Client | None, bool]:
    """Return whose token was shown, if it is a live one, and whether they showed it as it is bound."""
    try:
        token = tokens.find(sent.digest)
    except (DatabaseError, InterfaceError):
        return None, False
    if token is None:
        return None, False
    return token.client, is_used_as_bound(token.cnf_jkt, sent.jkt, token.client.level)


class PartnerAuthentication(BaseAuthentication):
    """Authentication for DRF views: one narrow query, `request.user` is a `Caller`."""

    def authenticate(self, request: Request) -> tuple[Caller, bytes] | None:
        """Return caller and token digest; nothing when no header came. Raises `TokenRefused`."""
        try:
            sent = shown(request)
        except TokenMissing:
            return None
        # Settling is said by the view that is called; without a word everything is refused.
        view = request.parser_context.get("view")
        token = tokens.find(sent.digest, settling=getattr(view, "settles", False))
        if token is None or not is_used_as_bound(token.cnf_jkt, sent.jkt, token.client.level):
            raise TokenRefused
        return Caller(token.client, sent.digest, token.grant_id), sent.digest

    def authenticate_header(self, _request: Request) -> str:
        """Name a scheme, which makes the framework answer 401 instead of 403."""
        return "Bearer"
