"""How an end has come about, seen from three sides: the brands, their customer, the regulator."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from examples.demo.pages import Node
from examples.demo.report import Report
from examples.demo.staff import Staff
from examples.demo.world import World

# The days pass for what one customer is owed, and the clock looks at it.
_LATER = """
from datetime import timedelta
from consent.models import Obligation
from consent.revocation import escalations
owed = Obligation.objects.open().filter(grant__pod__owner__email={mail!r})
for one in owed:
    one.opened_at -= timedelta(days={days})
    one.due_at -= timedelta(days={days})
    one.save()
for _ in range(3):
    escalations.escalate_overdue()
"""

# What `retry_delivery` does, for everything of one brand that still waits.
_NOW = """
from consent.models import Delivery
from consent.revocation import deliveries
for one in Delivery.objects.unsettled().filter(partner={partner!r}).select_related("partner"):
    deliveries.redeliver(one)
"""


def try_again(world: World, brand: str) -> None:
    """Let the operator send a brand now what its schedule would send it later."""
    world.vault.manage("shell", "-c", _NOW.format(partner=world.partners[brand]))


def move_on(world: World, mail: str, passing: timedelta) -> None:
    """Let time pass for what is owed to one customer, with what the vault does meanwhile."""
    world.vault.manage("shell", "-c", _LATER.format(mail=mail, days=passing.days))


def tell(
    report: Report, world: World, crew: Mapping[str, Staff], clocks: Mapping[str, Node]
) -> None:
    """Show each brand's state, the customer's view of the clocks, and the regulator's list.

    `clocks` are the parts of the customer's page, by the name that the page calls a brand.
    """
    report.table("Each brand", [_brand(world, name, staff) for name, staff in crew.items()])
    report.table("What the customer sees", [_seen(name, part) for name, part in clocks.items()])
    legal = {world.facts_of(name).legal_ko for name in crew}
    flagged = [one for one in overdue(world) if one["brand"] in legal]
    report.table("The regulator's list", [_short(one) for one in flagged])
    report.write()


def overdue(world: World, *options: str) -> list[dict[str, Any]]:
    """Return what the operator exports for the regulator."""
    said = world.vault.manage("overdue", "--flagged", "--json", *options)
    return [json.loads(line) for line in said.splitlines()]


def steps(part: Node) -> list[tuple[str, str]]:
    """Return the steps on a part of the customer's page: their state and what they say."""
    found = part.all("li", class_="step")
    states = ("done", "late", "now", "waiting")
    return [
        (next(state for state in states if f"step--{state}" in each.classes), each.text)
        for each in found
    ]


def _brand(world: World, name: str, staff: Staff) -> dict[str, Any]:
    return {
        "brand": world.facts_of(name).en,
        "told": [kind for kind in staff.events() if kind.startswith(("grant-", "grants-"))],
        "holds": staff.copies(),
        "attested": [f"{category}: {outcome}" for category, outcome in staff.attested()],
    }


def _seen(name: str, part: Node) -> dict[str, Any]:
    return {"brand": name, "clocks": [f"{state}: {text}" for state, text in steps(part)]}


def _short(one: Mapping[str, Any]) -> dict[str, Any]:
    shown = (
        "brand",
        "registration_number",
        "holder",
        "categories",
        "due_at",
        "days_overdue",
        "stage",
    )
    return {name: one[name] for name in shown}
