"""The table of everything that the sandbox refuses: for people, and for programs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from sandbox import brands, cases_of_data, cases_of_form, cases_of_requests, people, states
from sandbox.calls import Case
from sandbox.seeding import Seeded

# What no call leads to, and why: docs/sandbox.md says the same.
NOT_ON_DEMAND = {
    "internal": "would need a mistake of ours",
    "bad-request": "stands for what no other code describes",
    "unauthenticated": "stands for a 401 of the web framework; ours say invalid-token",
    "forbidden": "stands for a 403 of the web framework; ours say which",
    "unavailable": "stands for a 503 that no other code describes",
    "too-many-requests": "stands for a 429 of the web framework; ours say which",
    "database-away": "stop the database",
    "log-behind": "restore an old copy of the database beside the newer anchor",
    "proof-store-away": "set CACHE_URL to a Redis, and stop that",
}


def cases(seeded: Seeded, invitation: str) -> Iterator[Case]:
    """Yield every case, those that disturb others last."""
    yield from cases_of_form.of_http()
    yield from cases_of_form.of_oauth()
    yield from cases_of_form.of_registering(invitation)
    yield from cases_of_data.of_reads(seeded)
    yield from cases_of_requests.of_rules(seeded)
    yield from cases_of_requests.of_asking(seeded)
    yield from cases_of_requests.of_journeys(seeded, client_ids())
    yield from cases_of_requests.of_attesting(seeded)
    yield from cases_of_data.of_contributions(seeded)
    yield from cases_of_data.of_callers(seeded)
    yield from cases_of_data.of_the_house(seeded)


def client_ids() -> dict[str, str]:
    """Return how the vault calls each program."""
    found = {}
    for program in (each for brand in brands.BRANDS for each in brand.programs):
        said = json.loads((brands.home(program.folder) / "client.json").read_text())
        found[program.folder] = said["clients"][0]["client_id"]
    return found


def write(path: Path, seeded: Seeded) -> str:
    """Write all of it as JSON, and return it for people.

    Moments in it are counted from now, and a registration token lives for days: it is written at
    each start.
    """
    invitation = brands.invitation("bora")
    found = list(cases(seeded, invitation))
    told: dict[str, Any] = {
        "vault": settings.ORIGIN,
        "programs": {name: str(brands.home(name)) for name in client_ids()},
        "password": seeded.password,
        "customers": [{"mail": each.mail, "does": each.does} for each in everybody()],
        "grants": seeded.grants,
        "subjects": seeded.subjects,
        "alliance": seeded.alliance,
        "invitation": invitation,
        "cases": [case.told() for case in found],
        "not_on_demand": NOT_ON_DEMAND,
    }
    path.write_text(json.dumps(told, ensure_ascii=False, indent=1))
    return _shown(seeded, invitation, found)


def everybody() -> list[people.Person]:
    """Return all customers: those who answer, then those in one state each."""
    return [*people.ANSWERING, *(state.person for state in states.STATES)]


def _shown(seeded: Seeded, invitation: str, found: list[Case]) -> str:
    lines = ["", "Ask these, by mail, as any brand:"]
    lines += [f"  {each.mail:<40} {each.does}" for each in people.ANSWERING]
    lines += ["", "Customers of Maru Hotel, each in one state:"]
    lines += [f"  {each.person.mail:<40} {each.is_so}" for each in states.STATES]
    lines += ["", f"All of them sign in with the password {seeded.password}"]
    lines += [f"A program of Bora Rental registers once with {invitation}", "", "What is refused:"]
    return "\n".join([*lines, *(_line(case) for case in found)])


def _line(case: Case) -> str:
    last = case.calls[-1]
    who = f"{case.customer}@" if case.customer else ""
    call = f"{last.method} {last.path}"
    return f"  {case.code:<30} {case.program:<10} {call:<34.34} {who:<12} {case.why}"
