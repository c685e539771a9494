"""Does again to partners what the log says happened to them: who was shut out stays out."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import F

from audit.types import EntryType
from consent import partners
from consent.models import Client, Partner, PurposeTemplate
from consent.oauth import keysets
from consent.recovery import rows
from consent.recovery.states import epoch_after


def replay(said: dict[str, Any]) -> None:
    """Do one lost change again, where the backup has the partner."""
    found = Partner.objects.filter(ref=said.get("partner", "")).first()
    if found is None:
        return
    partner = partners.lock(found)
    if "opens" in said or "closes" in said:
        partner.epoch = epoch_after(partner.epoch, said)
    change = _CHANGES.get(said["type"])
    if change is not None:
        change(partner, said)
    partner.save()


def _suspend(partner: Partner, said: dict[str, Any]) -> None:
    partner.suspended_at, partner.suspension_ground = rows.moment(said), said.get("reason", "")[:40]


def _reinstate(partner: Partner, _said: dict[str, Any]) -> None:
    partner.suspended_at, partner.suspension_ground = None, ""


def _deregister(partner: Partner, said: dict[str, Any]) -> None:
    partner.deregistered_at = rows.moment(said)


def _change(partner: Partner, said: dict[str, Any]) -> None:
    match said.get("reason"):
        case "client-revoked":
            _revoke_client(partner, said)
        case "requests-barred":
            partner.requests_barred_at = rows.moment(said)
        case "requests-allowed":
            partner.requests_barred_at = None


def _revoke_client(partner: Partner, said: dict[str, Any]) -> None:
    ref = said.get("client") or said["actor"].get("client", "")
    clients = Client.objects.filter(partner=partner, ref=ref, revoked_at=None)
    clients.update(revoked_at=rows.moment(said))


def _change_client(partner: Partner, said: dict[str, Any]) -> None:
    """Retire again what was retired; a key that was added only the lost row knew."""
    client = Client.objects.filter(partner=partner, ref=said.get("client", "")).first()
    if client is None or said.get("reason") != "key-retired":
        return
    for key in client.jwks["keys"]:
        if keysets.reference(key) == said.get("key"):
            key["exp"] = int(datetime.fromisoformat(said["until"]).timestamp())
    client.save(update_fields=["jwks"])


def _retire_purpose(partner: Partner, said: dict[str, Any]) -> None:
    """Retire the version that the backup takes for current: a newer one had replaced it.

    The newer one's ceilings are lost; the older ones may be wider, so nothing is asked by them.
    """
    current = PurposeTemplate.objects.filter(
        partner=partner, purpose=said.get("purpose", ""), retired_at=None
    )
    # Never before it was published, whatever the clocks of that day said.
    current.filter(published_at__lte=rows.moment(said)).update(retired_at=rows.moment(said))
    current.update(retired_at=F("published_at"))


_CHANGES: dict[str, Callable[[Partner, dict[str, Any]], None]] = {
    EntryType.PARTNER_SUSPENDED: _suspend,
    EntryType.PARTNER_REINSTATED: _reinstate,
    EntryType.PARTNER_DEREGISTERED: _deregister,
    EntryType.PARTNER_CHANGED: _change,
    EntryType.CLIENT_CHANGED: _change_client,
    EntryType.CLIENT_REVOKED: _revoke_client,
    EntryType.PURPOSE_PUBLISHED: _retire_purpose,
    EntryType.PURPOSE_RETIRED: _retire_purpose,
}
