"""Receives the vault's events (RFC 8935): checks, stores, answers, and then acts."""

import time
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from urllib3.exceptions import HTTPError

from examples.brand.office import Office
from examples.brand.vault_client import Refused, VaultClient

# How long a brand goes on trying to hand in its word. After that `settle` finds what is open.
TRIES, PAUSE = 5, 1.0


class EventRefused(Exception):
    """What came is no event of our vault; `err` is the RFC 8935 code."""

    def __init__(self, err: str, description: str) -> None:
        super().__init__(description)
        self.err = err
        self.description = description


def check(client: VaultClient, partner: str, compact: str) -> dict[str, Any]:
    """Return the claims of a genuine event for us."""
    try:
        token = jwt.decode(compact, client.event_keys(), algorithms=["ES256"])
    except (JoseError, ValueError):
        raise EventRefused("invalid_key", "the signature is not the vault's") from None
    claims = token.claims
    if token.header.get("typ") != "secevent+jwt":
        raise EventRefused("invalid_request", "typ is not secevent+jwt")
    if claims.get("iss") != client.origin:
        raise EventRefused("invalid_issuer", "another issuer")
    if claims.get("aud") != partner:
        raise EventRefused("invalid_audience", "another audience")
    return claims


def take(office: Office, claims: dict[str, Any]) -> list[dict[str, Any]]:
    """Store an event before it is answered; return the payloads that are new to us."""
    new = []
    for uri, payload in claims["events"].items():
        if office.take_event(claims["jti"], uri.rpartition("/")[2], payload):
            new.append(payload)
    return new


def act(client: VaultClient, office: Office, payload: dict[str, Any]) -> None:
    """Do what an event asks: destroy the copies that are owed, and say so, signed."""
    for owed in payload.get("obligations", ()):
        # In an event about several grants, each obligation says which one it belongs to.
        fulfil(client, office, {"grant": payload.get("grant"), **owed})


def settle(client: VaultClient, office: Office) -> int:
    """Fulfil what is still open, for a brand that was down when the event came; return how many."""
    owed = [each for each in client.obligations() if each["open_categories"]]
    for each in owed:
        fulfil(client, office, {**each, "categories": each["open_categories"]})
    return len(owed)


def fulfil(client: VaultClient, office: Office, owed: dict[str, Any]) -> None:
    """Destroy the copies of one obligation and attest it."""
    destroyed = office.destroy(owed["grant"], owed["categories"])
    outcomes = [_outcome(category, destroyed) for category in owed["categories"]]
    for _ in range(TRIES):
        try:
            client.attest(owed["id"], outcomes)
        except (Refused, HTTPError) as error:
            if isinstance(error, Refused) and error.status < 500:
                return  # said before, or not ours: the same again would be answered the same
            time.sleep(PAUSE)
        else:
            office.note_attested(owed, outcomes)
            return


def _outcome(category: str, destroyed: list[str]) -> dict[str, str]:
    if category in destroyed:
        return {"category": category, "outcome": "deleted", "method": "row deleted, no copies"}
    return {"category": category, "outcome": "never_stored"}
