"""Letting partners in, keeping them out, and what changes an answer for all of their grants."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from audit import log
from audit.types import EntryType
from consent.exceptions import PartnerSuspended
from consent.models import Client, Partner, PurposeTemplate
from consent.oauth import keysets, redirects
from keys import envelopes
from keys.exceptions import EnvelopeKeyInvalid
from vault import resident_numbers

SEALED = 3  # the level of a client whose answers are sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Who acts for the house: the log reference of the account, never a name."""

    account: str | None = None


@transaction.atomic
def register(actor: Operator, **facts: Any) -> Partner:
    """Register a partner. Its epoch 1 opens with this entry."""
    partner = Partner.objects.create(**facts)
    _append(EntryType.PARTNER_REGISTERED, partner, actor, opens=partner.epoch)
    return partner


@transaction.atomic
def add_client(partner: Partner, actor: Operator | None, **facts: Any) -> Client:
    """Give a partner one more client; without an actor by the partner's own act.

    Raises `KeySetInvalid` when `jwks` are no keys for ES256, `RedirectInvalid` when `redirect_uris`
    are no addresses to send a browser to, `EnvelopeKeyInvalid` for the key to seal answers to;
    whoever has one is of level 3.
    """
    locked = lock(partner)
    checked = facts | {
        "jwks": keysets.validated(facts["jwks"]),
        "redirect_uris": redirects.validated(facts.get("redirect_uris", [])),
    }
    if facts.get("sealing_key") is not None:
        checked |= {"sealing_key": sealing_key(facts["sealing_key"]), "level": SEALED}
    client = Client.objects.create(partner=locked, **checked)
    _append(EntryType.CLIENT_REGISTERED, locked, actor, client=client)
    return client


def sealing_key(key: object) -> dict[str, str]:
    """Return a public key to seal answers to as it is kept. Raises `EnvelopeKeyInvalid`."""
    checked = envelopes.validated(key)
    if resident_numbers.spans(checked["kid"]):
        raise EnvelopeKeyInvalid("a kid may hold no resident registration number")
    return checked


@transaction.atomic
def set_sealing_key(client: Client, key: object, actor: Operator) -> Client:
    """Seal this client's answers to a public key from now on; it is of level 3 then.

    Answers that are under way are decided again. Raises `EnvelopeKeyInvalid`.
    """
    checked = sealing_key(key)
    partner = lock(client.partner)
    if client.sealing_key == checked:
        return client
    client.sealing_key, client.level = checked, SEALED
    client.save(update_fields=["sealing_key", "level"])
    raise_epoch(partner, actor, reason="sealing-key", client=client)
    return client


@transaction.atomic
def publish_purpose(partner: Partner, actor: Operator, **facts: Any) -> PurposeTemplate:
    """Publish a purpose with its ceilings; an earlier version of the same purpose retires."""
    locked = lock(partner)
    current = PurposeTemplate.objects.filter(
        partner=locked, purpose=facts["purpose"], retired_at=None
    )
    earlier = current.first()
    current.update(retired_at=timezone.now())
    version = earlier.version + 1 if earlier else 1
    template = PurposeTemplate.objects.create(partner=locked, version=version, **facts)
    _append(EntryType.PURPOSE_PUBLISHED, locked, actor, purpose=template.purpose)
    return template


@transaction.atomic
def suspend(partner: Partner, ground: str, actor: Operator) -> Partner:
    """Stop answering a partner at once. Its epoch closes and none opens; twice is once (2.3)."""
    locked = lock(partner)
    if locked.suspended_at is None:
        closes = locked.epoch
        Partner.objects.filter(pk=locked.pk).update(
            suspended_at=timezone.now(), suspension_ground=ground, epoch=F("epoch") + 1
        )
        _append(EntryType.PARTNER_SUSPENDED, locked, actor, closes=closes, reason=ground)
    return Partner.objects.get(pk=locked.pk)


@transaction.atomic
def reinstate(partner: Partner, actor: Operator) -> Partner:
    """Answer a partner again. The epoch that its suspension left unopened opens."""
    locked = lock(partner)
    if locked.suspended_at is not None:
        Partner.objects.filter(pk=locked.pk).update(suspended_at=None, suspension_ground="")
        _append(EntryType.PARTNER_REINSTATED, locked, actor, opens=locked.epoch)
    return Partner.objects.get(pk=locked.pk)


@transaction.atomic
def revoke_client(client: Client, actor: Operator) -> None:
    """Shut one client out. All of the partner's reads are decided anew (architecture: "Why")."""
    locked = lock(client.partner)
    if Client.objects.filter(pk=client.pk, revoked_at=None).update(revoked_at=timezone.now()):
        raise_epoch(locked, actor, reason="client-revoked", client=client)


def raise_epoch(
    partner: Partner, actor: Operator | None, *, reason: str, client: Client | None = None
) -> None:
    """Close the partner's epoch and open the next: every read of theirs is decided anew.

    Without an actor it was the partner's own act. The caller is in a transaction and has
    locked the partner with `lock`. The epoch of a suspended partner is closed already: then
    the entry only says what changed.
    """
    if not partner.is_live:
        _append(EntryType.PARTNER_CHANGED, partner, actor, client=client, reason=reason)
        return
    closes = partner.epoch
    Partner.objects.filter(pk=partner.pk).update(epoch=closes + 1)
    partner.epoch = closes + 1
    _append(
        EntryType.PARTNER_CHANGED,
        partner,
        actor,
        client=client,
        reason=reason,
        closes=closes,
        opens=closes + 1,
    )


def need_live(partner: Partner) -> Partner:
    """Return the partner's row, locked, if the partner is answered. Raises `PartnerSuspended`."""
    locked = lock(partner)
    if not locked.is_live:
        raise PartnerSuspended
    return locked


def note(partner: Partner, actor: Operator, reason: str) -> None:
    """Enter something about a partner that changes no answer."""
    _append(EntryType.PARTNER_CHANGED, partner, actor, reason=reason)


def lock(partner: Partner) -> Partner:
    """Return the partner's row, locked for the rest of the transaction (lock order: pod → partner → grants).

    No key is changed, so rows that point at it may be written: whoever ends a grant owes its
    partner an event, and must not wait for somebody who waits for that grant.
    """
    return Partner.objects.select_for_update(no_key=True).get(pk=partner.pk)


def _append(
    entry_type: EntryType,
    partner: Partner,
    actor: Operator | None,
    *,
    client: Client | None = None,
    opens: int | None = None,
    closes: int | None = None,
    purpose: str | None = None,
    reason: str | None = None,
) -> None:
    log.append(
        log.Draft(
            type=entry_type,
            role="operator" if actor else "partner",
            account=actor.account if actor else None,
            partner=None if actor else partner.ref,
            partner_object=partner.ref,
            client=client.ref if client else None,
            opens=opens,
            closes=closes,
            purpose=purpose,
            reason=reason,
        )
    )
