"""The rows that a lost entry is about, held, and the moments and people that it means."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from accounts.models import User
from audit.recovering import Lost
from consent import locking
from consent.models import AccessRequest, Grant
from keys import tree
from keys.exceptions import KeysError, ProviderAway
from vault import holding
from vault.exceptions import PodErased
from vault.models import Pod


def moment(said: dict[str, Any]) -> datetime:
    """Return when it happened."""
    return datetime.fromisoformat(said["time"])


def grant(ref: str) -> Grant | None:
    """Hold the grant of this reference; None where only the log knows it."""
    found = Grant.objects.filter(ref=ref).values_list("pk", flat=True).first()
    if found is None:
        return None
    held = locking.grant(found)
    held.pod = addressable(held.pod)
    return held


def pod(ref: str | None) -> Pod | None:
    """Hold the pod of this reference; None where it is unknown, or erased already."""
    found = Pod.objects.filter(ref=ref).first()
    if found is None:
        return None
    try:
        return addressable(holding.alone(found))
    except PodErased:
        return None


def addressable(found: Pod) -> Pod:
    """Return the pod, without its audit key where the keyring no longer opens that.

    In a backup that is older than its wrapping generations some keys open nothing any more.
    What has to be entered is entered all the same, as for an erased owner: about nobody.
    """
    if found.audit_key_id is not None:
        try:
            tree.open_audit_key(found.audit_key_id)
        except ProviderAway:
            raise
        except KeysError:
            found.audit_key_id = None
    return found


def people(lost: Iterable[Lost], through: Mapping[str, str | None]) -> list[tuple[Lost, str]]:
    """Return those entries whose person is still known, each with that person.

    A grant, request, pod or account that the backup has leads to its owner. A grant that it
    has not leads there by way of its request: `through`.
    """
    found = list(lost)
    owners = _owners(found, through)
    pairs = []
    for each in found:
        person = next((owners[ref] for ref in _about(each.fields, through) if ref in owners), None)
        if person is not None:
            pairs.append((each, person))
    return pairs


def _about(said: dict[str, Any], through: Mapping[str, str | None]) -> list[str]:
    """Return the references that may lead to the person an entry is about."""
    objects = [said[name] for name in ("grant", "request", "pod", "account") if name in said]
    asked = through.get(said.get("grant", ""))
    # Whoever did it is whom it is about only where nothing else is named: a sign-in.
    actor = said["actor"].get("account") if not objects else None
    return [ref for ref in (*objects, asked, actor) if ref is not None]


def _owners(lost: list[Lost], through: Mapping[str, str | None]) -> dict[str, str]:
    """Return the person behind each reference that the entries name, but for erased people."""
    refs = {ref for each in lost for ref in _about(each.fields, through)}
    keyed = Pod.objects.filter(audit_key_id__isnull=False)
    grants = Grant.objects.filter(ref__in=refs, pod__in=keyed)
    requests = AccessRequest.objects.filter(ref__in=refs, pod__in=keyed)
    users = User.objects.filter(ref__in=refs, pod__in=keyed)
    return dict(
        [
            *users.values_list("ref", "ref"),
            *keyed.filter(ref__in=refs).values_list("ref", "owner__ref"),
            *requests.values_list("ref", "pod__owner__ref"),
            *grants.values_list("ref", "pod__owner__ref"),
        ]
    )
