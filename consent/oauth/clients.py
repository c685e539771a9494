"""Which client is knocking: from a client assertion to the row of a client that may have a token."""

from datetime import datetime

from django.db import IntegrityError, transaction

from consent.access.decision import is_answered
from consent.models import Client, SeenAssertion
from consent.oauth import assertions, keysets
from consent.oauth.assertions import Assertion
from consent.oauth.exceptions import AssertionRefused, Reason
from consent.oauth.signatures import Message


def authenticate(
    text: str, *, named: str | None, issuer: str, now: datetime, settling: bool = False
) -> Client:
    """Return the live client that made this assertion, and spend the assertion.

    `named` is the `client_id` parameter; when it is there it must say the same. `settling`: it asks
    for no more than a partner may do that is suspended or struck off.
    Raises `AssertionRefused`; nothing was stored then.
    """
    message = assertions.parse(text)
    claimed = assertions.claimed_client(message)
    if named is not None and named != claimed:
        raise AssertionRefused(Reason.CLIENT_MISMATCH)
    client = Client.objects.select_related("partner").filter(client_id=claimed).first()
    if client is None:
        raise AssertionRefused(Reason.UNKNOWN_CLIENT)
    assertions.verify(message, keysets.live(client.jwks, now))
    try:
        _accept(client, message, issuer=issuer, now=now, settling=settling)
    except AssertionRefused as refused:
        refused.client = client
        raise
    return client


def _accept(
    client: Client, message: Message, *, issuer: str, now: datetime, settling: bool
) -> None:
    """Take what the client has signed, once."""
    assertion = assertions.check_claims(
        message.claims, client_id=client.client_id, issuer=issuer, now=now
    )
    _check_live(client, settling=settling)
    _spend(client, assertion)


def _check_live(client: Client, *, settling: bool) -> None:
    if client.revoked_at is not None:
        raise AssertionRefused(Reason.CLIENT_REVOKED)
    if not is_answered(client.partner, settling=settling):
        struck_off = client.partner.deregistered_at and not client.partner.suspended_at
        raise AssertionRefused(
            Reason.PARTNER_DEREGISTERED if struck_off else Reason.PARTNER_SUSPENDED
        )


def _spend(client: Client, assertion: Assertion) -> None:
    """Remember the assertion. Of two at once the unique row lets one through, on any database."""
    try:
        with transaction.atomic():
            SeenAssertion.objects.create(
                client=client, jti=assertion.jti, expires_at=assertion.expires_at
            )
    except IntegrityError:
        raise AssertionRefused(Reason.REPLAYED) from None
