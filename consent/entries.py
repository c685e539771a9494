"""How requests and grants stand in the log, and in the activity of the person they are about."""

from typing import Any

from audit.log import Draft
from audit.types import EntryType
from consent.actors import Actor
from consent.models import AccessRequest, Grant
from vault.models import Pod


def of_request(
    entry_type: EntryType,
    request: AccessRequest,
    actor: Actor,
    *,
    concerning: dict[str, Any] | None = None,
    **fields: Any,
) -> Draft:
    """Return an entry about a request; its items should be loaded.

    `concerning` is its person where that is known already.
    """
    items = list(request.items.all())
    return Draft(
        type=entry_type,
        request=request.ref,
        purpose=request.purpose,
        categories=tuple(item.category for item in items),
        actions=tuple(item.action for item in items),
        **actor.facts(),
        **(about(request.pod, actor) if concerning is None else concerning),
        **fields,
    )


def of_grant(
    entry_type: EntryType,
    grant: Grant,
    actor: Actor,
    *,
    opens: int | None = None,
    closes: int | None = None,
    **fields: Any,
) -> Draft:
    """Return an entry about a grant; one that opens an epoch says what can be read in it."""
    if opens is not None:
        items = [item for item in grant.items.all() if item.ended_at is None]
        fields.setdefault("categories", tuple(item.category for item in items))
        fields.setdefault("actions", tuple(item.action for item in items))
        fields |= {"since": grant.valid_from, "until": grant.stops_at}
    return Draft(
        type=entry_type,
        grant=grant.ref,
        purpose=grant.purpose,
        opens=opens,
        closes=closes,
        **actor.facts(),
        **about(grant.pod, actor),
        **fields,
    )


def about(pod: Pod | None, actor: Actor) -> dict[str, Any]:
    """Return the person an entry is about, with the door that was used; nobody where there is none.

    After an erasure there is no audit key, and only the leaf is written.
    """
    if pod is None or pod.audit_key_id is None:
        return {}
    return {
        "person": pod.owner.ref,
        "audit_key": pod.audit_key_id,
        "detail": {"channel": actor.channel},
    }
