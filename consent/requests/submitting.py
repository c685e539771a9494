"""Takes a partner's request, or refuses it by rule before any owner sees it (3.6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import log, tally
from audit.types import EntryType
from consent import digests, locking
from consent.actors import Actor
from consent.exceptions import (
    ConsentError,
    KeyReuse,
    PartnerSuspended,
    RequestAgainstRule,
    RequestsBarred,
    RequestThrottled,
    TokenRefused,
)
from consent.models import AccessRequest, Client, Partner, PurposeTemplate
from consent.requests import addressees, hints, kept_out, links, rules, storing, validation
from consent.requests.storing import Checked, Key
from consent.requests.validation import Asked
from vault import categories, vocabulary

REFUSALS = (
    RequestAgainstRule,
    RequestThrottled,
    RequestsBarred,
    PartnerSuspended,
    TokenRefused,
)


@dataclass(frozen=True, slots=True)
class Submitted:
    """A request that was taken, with the code of its link where it has one."""

    request: AccessRequest
    link_code: str | None


def submit(
    client: Client,
    body: object,
    *,
    idempotency_key: str,
    now: datetime | None = None,
    linked: bool = True,
) -> Submitted:
    """Take a request, and put it before its owner if the partner named one whom we know.

    The answer is the same for somebody whom we do not know (3.5). The same key with the same
    body gives the same request again. Without `linked` a request for whoever comes first has no
    code: a browser brings it (consent/oauth/pushing.py). Raises `RequestInvalid`,
    `RequestAgainstRule`, `RequestThrottled`, `RequestsBarred`, `PartnerSuspended`, `KeyReuse`.
    """
    now = now or timezone.now()
    key = Key(idempotency_key, digests.of_body(body))
    if (earlier := _earlier(client, key)) is not None:
        return earlier
    asked = validation.parse(body)
    try:
        if rules.holds_resident_number(key.text):
            raise rules.broken("resident-number")
        template = allowed(client, body, asked, now)
        checked = Checked(client=client, asked=asked, template=template, key=key)
        return _take(checked, now, linked=linked)
    except (*REFUSALS, IntegrityError) as error:
        # The same key at the same moment: the other call took it.
        if (earlier := _earlier(client, key)) is not None:
            return earlier
        if isinstance(error, ConsentError):
            log_refusal(client, [asked], error)
        raise


def _earlier(client: Client, key: Key) -> Submitted | None:
    request = AccessRequest.objects.filter(client=client, idempotency_key=key.text).first()
    if request is None:
        return None
    if bytes(request.body_digest) != key.body_digest:
        raise KeyReuse
    return Submitted(request, links.code_of(request))


def allowed(client: Client, body: Any, asked: Asked, now: datetime) -> PurposeTemplate:
    """Return the template that a request goes by. Raises one of `REFUSALS`."""
    partner = Partner.objects.get(pk=client.partner_id)
    if client.revoked_at is not None:
        raise TokenRefused
    if not partner.is_live:
        raise PartnerSuspended
    if partner.requests_barred_at is not None:
        raise RequestsBarred
    if rules.holds_resident_number({**body, "subject": None}):
        raise rules.broken("resident-number")
    template = rules.current_template(partner, asked.purpose)
    rules.check(asked, template, client, now)
    return template


@transaction.atomic
def _take(checked: Checked, now: datetime, *, linked: bool) -> Submitted:
    client, asked = checked.client, checked.asked
    client.partner = locking.live_partner(client.partner_id)
    hints.throttle(checked.template, asked.subject, now)
    reach = hints.reach_of(asked.subject)
    addressee = addressees.find(client.partner, asked.subject)
    if addressee is not None and kept_out.keeps_out_asked(addressee, client.partner, asked):
        addressee = addressee.nobody()
    actor = Actor.of_client(client)
    request = storing.store(checked, actor, now, reach=reach, addressee=addressee)
    code = links.make(request) if linked and reach == AccessRequest.Reach.LINK else None
    return Submitted(request, code)


def log_refusal(client: Client, asked: Sequence[Asked], refusal: ConsentError) -> None:
    """Log it in a transaction of its own; the same refusal again within a minute is counted."""
    stated = asked[0].purpose if len({each.purpose for each in asked}) == 1 else "unknown"
    purpose = stated if stated in vocabulary.purposes() else "unknown"
    items = [item for each in asked for item in each.items]
    named = {item.category if categories.find(item.category) else "unknown" for item in items}
    draft = log.Draft(
        type=EntryType.REQUEST_REFUSED,
        purpose=purpose,
        categories=tuple(sorted(named)),
        outcome="refused",
        reason=refusal.code,
        **Actor.of_client(client).facts(),
    )
    tally.refuse(draft, digests.keyed("refusal", client.ref, refusal.code, purpose, *sorted(named)))
    refusal.entered = True
