"""A partner's signed word on what became of the copies (consent.md 8.1), kept verbatim as evidence.

A compact JWS, ES256 by a registered key of the calling client, `typ` "attestation+jwt":

    iss  the client's id             aud  the vault's issuer
    iat  now, give or take 15 min    jti  1 to 128 characters, never used again
    obligation  its id               outcomes  [{category, outcome, …}], see `outcomes`

Some categories now and the rest later is fine. The same message once more is answered as if
it were the first. Foreign, forged, stale or re-used ones change nothing and are on record.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from audit import log, tally
from audit.types import EntryType
from consent import letters
from consent.exceptions import AttestationRefused, RequestInvalid
from consent.models import Attestation, Client, Letter, Obligation
from consent.oauth import keysets, signatures
from consent.oauth.exceptions import SignatureRefused
from consent.revocation import bars, entries, obligations, outcomes

TYPES = frozenset({"attestation+jwt"})
TOLERANCE = timedelta(minutes=15)  # P14
_JTI = re.compile(r"[\x21-\x7e]{1,128}")


def attest(client: Client, obligation: Obligation, compact: str) -> dict[str, Any]:
    """Take a partner's word on some or all categories of an obligation; return its new state.

    Raises `AttestationRefused`, or `RequestInvalid` where a genuine message says nothing that
    could be accepted.
    """
    now = timezone.now()
    try:
        claims = _verified(client, obligation, compact, now)
        if _was_taken(client, obligation, compact, claims["jti"]):
            obligation.refresh_from_db()
            return obligations.state(obligation)
        _check_moment(claims, now)
    except AttestationRefused as refused:
        _put_on_record(client, obligation, refused)
        raise
    said = outcomes.validated(claims.get("outcomes"), obligation, now)
    word = Attestation(
        obligation=obligation,
        partner_id=client.partner_id,
        jti=claims["jti"],
        outcomes=said,
        signed=compact,
        received_at=now,
    )
    return obligations.state(_accept(client, word))


def _accept(client: Client, word: Attestation) -> Obligation:
    try:
        with transaction.atomic():
            return _take(client, word)
    except IntegrityError:
        # Another call took this jti between our look and our row.
        refused = AttestationRefused("replayed")
        _put_on_record(client, word.obligation, refused)
        raise refused from None


def _take(client: Client, word: Attestation) -> Obligation:
    held = obligations.hold(word.obligation_id)
    if held.abandoned_at is not None:
        raise RequestInvalid([("", "this obligation was abandoned")])
    word.save(force_insert=True)
    now = word.received_at
    complete = held.attested_at is None and _is_covered(held)
    Obligation.objects.filter(pk=held.pk).update(
        told_at=Coalesce("told_at", Value(now)),
        acknowledged_at=Coalesce("acknowledged_at", Value(now)),
        attested_at=now if complete else held.attested_at,
    )
    log.append(_entry(client, held, word.outcomes, complete=complete))
    if complete:
        bars.lift(held.partner_id)
        letters.of_grants([held.grant], Letter.Kind.CONFIRMED, now)
    return obligations.hold(held.pk)


def _verified(
    client: Client, obligation: Obligation, compact: str, now: datetime
) -> Mapping[str, Any]:
    """Return the claims of a message that this client made for us about this obligation."""
    try:
        message = signatures.parse(compact)
        signatures.verify(message, keysets.live(client.jwks, now), types=TYPES)
    except SignatureRefused as refused:
        raise AttestationRefused(refused.reason.value.replace("assertion_", "")) from None
    claims = message.claims
    if obligation.partner_id != client.partner_id or claims.get("iss") != client.client_id:
        raise AttestationRefused("issuer_wrong")
    if claims.get("aud") != settings.ORIGIN:
        raise AttestationRefused("audience_wrong")
    if claims.get("obligation") != str(obligation.pk):
        raise AttestationRefused("other_obligation")
    if not isinstance(claims.get("jti"), str) or not _JTI.fullmatch(claims["jti"]):
        raise AttestationRefused("jti_malformed")
    return claims


def _was_taken(client: Client, obligation: Obligation, compact: str, jti: str) -> bool:
    """Return whether this very message was taken before. Raises where only its jti was."""
    seen = Attestation.objects.filter(partner_id=client.partner_id, jti=jti).first()
    if seen is None:
        return False
    if seen.obligation_id != obligation.pk or seen.signed != compact:
        raise AttestationRefused("replayed")
    return True


def _check_moment(claims: Mapping[str, Any], now: datetime) -> None:
    issued = claims.get("iat")
    if isinstance(issued, bool) or not isinstance(issued, int | float):
        raise AttestationRefused("moment_malformed")
    if not abs(now.timestamp() - issued) <= TOLERANCE.total_seconds():
        raise AttestationRefused("stale")


def _is_covered(obligation: Obligation) -> bool:
    said = obligation.attestations.values_list("outcomes", flat=True)
    return {one["category"] for outcome in said for one in outcome} >= set(obligation.categories)


def _entry(
    client: Client, obligation: Obligation, said: list[dict[str, Any]], *, complete: bool
) -> log.Draft:
    laws = [one["law"] for one in said if "law" in one]
    return entries.of_grant(
        EntryType.OBLIGATION_ATTESTED,
        obligation.grant,
        role="partner",
        partner=client.partner.ref,
        client=client.ref,
        obligation=obligation.ref,
        categories=tuple(one["category"] for one in said),
        kind="complete" if complete else "partial",
        law=laws[0] if laws else None,
        outcome="ok",
        detail={"outcomes": said},
    )


def _put_on_record(client: Client, obligation: Obligation, refused: AttestationRefused) -> None:
    """Log what was refused; a flood of the same is counted. Commits by itself."""
    draft = entries.of_grant(
        EntryType.OBLIGATION_REFUSED,
        obligation.grant,
        role="partner",
        partner=client.partner.ref,
        client=client.ref,
        obligation=obligation.ref,
        outcome="refused",
        reason=refused.reason,
    )
    tally.refuse(draft, f"attest {client.ref} {obligation.ref} {refused.reason}".encode())
    refused.entered = True
