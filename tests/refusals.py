"""What the log says of refusals: how many, for which reason, and whose they were."""

import json
from collections import Counter
from typing import Any

from audit.models import Entry, Tally

Told = Counter[tuple[str, str]]


def told() -> Told:
    """Every refusal on record by (reason, who): written out as entries, or counted with one."""
    found: Told = Counter()
    for leaf in Entry.objects.values_list("leaf", flat=True):
        said = json.loads(bytes(leaf))
        if said.get("outcome") == "refused":
            found[_key(said)] += said.get("repeats", 1)
    for draft, repeats in Tally.objects.values_list("draft", "repeats"):
        found[_key(json.loads(draft)["fields"])] += repeats
    return found


def of(reason: str) -> int:
    """How many refusals for this reason there are, whoever they were."""
    return sum(times for (said, _), times in told().items() if said == reason)


def _key(fields: dict[str, Any]) -> tuple[str, str]:
    """Whose: the client that was authenticated, "of <client>" where it was only named, or nobody."""
    client = fields["actor"].get("client", "")
    about = fields.get("client", "") if fields["type"] == "call.refused" else ""
    return fields.get("reason", ""), client or (f"of {about}" if about else "")
