"""A grant as a client may see and end it (Grant Management for OAuth 2.0, implementer's draft 1).

`grant_id` is the id of one version of a consent; `replace` leads to a new one. There is no
`merge`: it would hide which consent allowed what.
"""

from typing import Any

from django.conf import settings
from django.utils import timezone

from consent import grants
from consent.access import refusals
from consent.actors import Actor
from consent.exceptions import GrantEnded
from consent.models import Client, Grant
from consent.oauth import details, pushing

ACTIONS = ("query", "revoke", "replace", "create")
PATH = pushing.API + "/grants"


def query(grant: Grant) -> dict[str, Any]:
    """Return what is granted. Raises `GrantEnded` for one that is over."""
    if grant.ended_at is not None or grant.stops_at <= timezone.now():
        owed = refusals.owed_after(grant.pk)
        raise GrantEnded(grant.ended_at or grant.stops_at, owed)
    narrowed = [item.ended_at for item in grant.items.all()]
    moments = [grant.given_at, grant.paused_at, grant.suspended_at, *narrowed]
    return {
        "grant_id": str(grant.pk),
        "scopes": [],
        "claims": [],
        "authorization_details": details.of_grant(grant, settings.ORIGIN + pushing.API),
        "created_at": int(grant.given_at.timestamp()),
        "last_updated_at": int(max(each for each in moments if each).timestamp()),
        "expires_at": int(grant.stops_at.timestamp()),
        "updated_by": "authorization_server",
    }


def revoke(grant: Grant, client: Client) -> None:
    """End a grant from its partner's side; its tokens are dead with it. Twice is once."""
    grants.end(grant, Grant.EndKind.REVOKED, "by-partner", Actor.of_client(client))
