"""Recovers, step by step: each step is one bundle of lost entries and all that they change.

First the doors are shut, then every step puts entries back and does again what they tell, and
the last one settles what is left. Killed anywhere, it goes on where it was: what a step
changed and how far the log has come are one transaction, and the database serves nobody
before the last step, because until then it is behind its anchor.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.db import transaction

from audit import anchor, recovering
from audit.recovering import Gap
from consent.recovery import decisions, doors, grants, partners, pods, rows, settling
from consent.recovery.plans import Advance, Plan, plan
from consent.recovery.states import GrantState
from consent.revocation.faults import point


def recover(advance: Advance = lambda _: None) -> Plan:
    """Bring the database to where the log was signed last; return what it had lacked.

    Twice is once. `advance` is told how many entries are back. Raises LogForked and
    AnchorMissing with nothing changed.
    """
    # Nobody signs meanwhile, and a second recovery waits.
    with anchor.publishing():
        made = plan()
        if made.gap.is_closed:
            return made
        given = made.given()
        found = _begin(made)
        while not found.is_closed:
            before = found.size
            found = _step(found, made, given)
            advance(found.size - before)
            point("recovery.stepped")
        return made


@transaction.atomic
def _begin(made: Plan) -> Gap:
    if made.gap.began is not None:
        return made.gap
    found = recovering.begin(made.gap)
    doors.shut(made)
    return found


@transaction.atomic
def _step(found: Gap, made: Plan, given: dict[str, GrantState]) -> Gap:
    lost = recovering.put_back(found)
    through = {ref: state.request for ref, state in given.items()}
    recovering.link(rows.people(lost, through))
    for each in lost:
        _replay(each.fields, made)
    after = replace(recovering.gap(), began=found.began)
    if after.is_closed:
        settling.settle(made)
    point("recovery.stepping")
    return after


def _replay(said: dict[str, Any], made: Plan) -> None:
    """Do again what one lost entry tells, if it changed anything that the backup has."""
    family = said["type"].partition(".")[0]
    replay = _BY_TYPE.get(said["type"]) or _BY_FAMILY.get(family)
    if family == "grant":
        # What its owner chose at an end is told by an entry after it.
        grants.replay(said, deletion=said["grant"] in made.deletions)
    elif replay is not None:
        replay(said)


_BY_TYPE: dict[str, Callable[[dict[str, Any]], None]] = {
    **dict.fromkeys(pods.TYPES, pods.replay),
    **dict.fromkeys(decisions.TYPES, decisions.replay),
}
_BY_FAMILY: dict[str, Callable[[dict[str, Any]], None]] = {
    "retention": grants.replay_retention,
    "partner": partners.replay,
    "client": partners.replay,
    "purpose": partners.replay,
}
