"""The keys of a partner's program change with overlap: a new one stands beside the old one.

A retired key stays in the set with the moment from which it proves nothing (`exp`): what it signed
before is evidence, and can still be checked by it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit import log
from audit.types import EntryType
from consent import partners
from consent.models import AccessToken, Client, Partner
from consent.oauth import keysets
from consent.oauth.exceptions import KeySetInvalid
from consent.partners import Operator
from keys import envelopes
from keys.exceptions import EnvelopeKeyInvalid

# No token comes later of an assertion that was taken before.
ANSWERED_WITHIN = timedelta(seconds=10)


@transaction.atomic
def add(client: Client, key: object, actor: Operator) -> Client:
    """Let a client sign with one more key, from now on. Raises `KeySetInvalid`."""
    partners.lock(client.partner)
    held = Client.objects.select_related("partner").get(pk=client.pk)
    (checked,) = keysets.validated({"keys": [key]})["keys"]
    held.jwks = keysets.with_one_more(held.jwks, checked, timezone.now())
    held.save(update_fields=["jwks"])
    _enter(held, actor, "key-added", checked)
    return held


@transaction.atomic
def retire(client: Client, kid: str, actor: Operator, *, at: datetime | None = None) -> Client:
    """Let one key prove nothing from `at` on; without `at` at once, and its tokens die with it.

    Which key a token was asked for with is not kept, so all of the client's die then; of a key whose
    moment is over already, those from before that moment. A key that is to be retired may be retired
    earlier, never later. Raises `KeySetInvalid` where no other key would be left: then the client
    itself is to be shut out.
    """
    partner = partners.lock(client.partner)
    held = Client.objects.select_related("partner").get(pk=client.pk)
    now = timezone.now()
    moment = now if at is None else max(at, now)
    key = keysets.named(held.jwks, kid)
    if keysets.retires_at(key) <= int(moment.timestamp()):
        if at is None:
            _kill_tokens(partner, held, actor, until=_answered_until(key))
        return held
    if all(one["kid"] == kid or "exp" in one for one in held.jwks["keys"]):
        raise KeySetInvalid("the last key cannot be retired; add another one first")
    key["exp"] = int(moment.timestamp())
    held.save(update_fields=["jwks"])
    _enter(held, actor, "key-retired", key, until=moment)
    if moment == now:
        _kill_tokens(partner, held, actor, until=now)
    return held


def _kill_tokens(partner: Partner, client: Client, actor: Operator, *, until: datetime) -> None:
    """Kill a client's tokens that were issued until a moment. Twice is once."""
    now = timezone.now()
    alive = AccessToken.objects.filter(client=client, killed_at=None, expires_at__gt=now)
    if alive.filter(issued_at__lte=until).update(killed_at=now):
        partners.raise_epoch(partner, actor, reason="key-retired", client=client)


def _answered_until(key: dict[str, Any]) -> datetime:
    """Return until when a token may have come of an assertion by a retired key."""
    return datetime.fromtimestamp(keysets.retires_at(key), UTC) + ANSWERED_WITHIN


@transaction.atomic
def change_sealing_key(client: Client, key: object, actor: Operator, *, at: datetime) -> Client:
    """Seal this client's answers to another key from `at` on; until then to the one it has.

    Each answer names its key, so the client opens both. Raises `EnvelopeKeyInvalid`, also where there
    is no key yet: the first one makes the client one of level 3, at once.
    """
    checked = partners.sealing_key(key)
    partners.lock(client.partner)
    held = Client.objects.select_related("partner").get(pk=client.pk)
    if held.sealing_key is None:
        raise EnvelopeKeyInvalid("the first key counts at once, not from a moment on")
    now = envelopes.in_use(held.sealing_key, timezone.now())
    held.sealing_key = now | {"next": checked | {"from": int(at.timestamp())}}
    held.save(update_fields=["sealing_key"])
    _enter(held, actor, "sealing-key", until=at)
    return held


def _enter(
    client: Client,
    actor: Operator,
    reason: str,
    key: dict[str, Any] | None = None,
    until: datetime | None = None,
) -> None:
    log.append(
        log.Draft(
            type=EntryType.CLIENT_CHANGED,
            role="operator",
            account=actor.account,
            partner_object=client.partner.ref,
            client_object=client.ref,
            key=None if key is None else keysets.reference(key),
            reason=reason,
            until=until,
        )
    )
