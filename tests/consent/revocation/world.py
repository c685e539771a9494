"""A vault for tests that kill processes: makes grants, and ends one whenever it is told to.

Run as a process with the vault's own environment; speaks one JSON line for each line it hears:
"make <url> <n>", "end", "report".
"""

import json
import sys
from typing import Any

import django


def main() -> None:
    django.setup()
    answers = {"make": make, "end": end, "report": report}
    for line in sys.stdin:
        name, *arguments = line.split()
        print(json.dumps(answers[name](*arguments)), flush=True)


def make(url: str, count: str) -> dict[str, Any]:
    """Make grants to one brand each, read once; what they said so far counts as delivered."""
    from django.utils import timezone

    from consent.models import Delivery, Partner
    from tests import cast
    from tests.consent.revocation.conftest import was_read

    pod = cast.make_pod()
    for number in range(int(count)):
        grant = cast.make_grant(pod)
        Partner.objects.filter(pk=grant.partner_id).update(event_endpoint=f"{url}/brand{number}")
        was_read(grant)
    Delivery.objects.update(delivered_at=timezone.now())
    return {"made": int(count)}


def end() -> dict[str, Any]:
    """End the oldest grant that is left, as its owner."""
    from consent import grants
    from consent.actors import Actor
    from consent.models import Grant

    grant = Grant.objects.unended().order_by("given_at").first()
    assert grant
    grants.end(grant, Grant.EndKind.WITHDRAWN, "", Actor.owner(grant.pod.owner))
    return {"delivery": str(grant.deliveries.latest("happened_at").pk)}


def report() -> dict[str, Any]:
    """Say what is settled, and what stands in the log."""
    from audit.models import Entry
    from consent.models import Delivery, Obligation

    endings = Delivery.objects.filter(event_type="grant-withdrawn")
    return {
        "unsettled": endings.unsettled().count(),
        "attempts": sum(endings.values_list("attempts", flat=True)),
        "acknowledged": Obligation.objects.filter(acknowledged_at__isnull=False).count(),
        "sent_entries": Entry.objects.filter(type="delivery.sent").count(),
        "acknowledged_entries": Entry.objects.filter(type="obligation.acknowledged").count(),
    }


if __name__ == "__main__":
    main()
