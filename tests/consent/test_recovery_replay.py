"""P7: the log alone rebuilds the state of grants and partners, from its first leaf or from a backup."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from audit import exports
from consent import erasure, grants, partners, suspensions
from consent.actors import Actor
from consent.models import Grant, GrantItem, Partner
from consent.recovery.settling import which
from consent.recovery.states import States
from tests import cast
from tests.backups import Backup, lose, publish, recover
from tests.consent.restored import THREE, fresh
from tests.leaves import leaves

GROUND = "partner-breach"
Act = Callable[[Grant], Any]


def owner_of(grant: Grant) -> Actor:
    return Actor.owner(grant.pod.owner)


def unless_over(act: Act) -> Act:
    """Do it only to a grant that has not ended: afterwards nothing can be done to it."""
    return lambda grant: None if fresh(grant).ended_at else act(fresh(grant))


def end_an_item(grant: Grant) -> None:
    item = grant.items.filter(ended_at=None).first()
    grants.end_item(item, "withdrawn", "", owner_of(grant))


ACTS: dict[str, Act] = {
    "pause": lambda g: grants.pause(g, owner_of(g)),
    "resume": lambda g: grants.resume(g, owner_of(g)),
    "suspend": lambda g: grants.suspend(g, GROUND, Actor.operator()),
    "unsuspend": lambda g: grants.unsuspend(g, "checked", Actor.operator()),
    "pause all": lambda g: grants.pause_all(g.pod, owner_of(g)),
    "resume all": lambda g: grants.resume_all(g.pod, owner_of(g)),
    "end an item": end_an_item,
    "erase a category": lambda g: erasure.erase_category(g.pod, "stay", owner_of(g)),
    "suspend the partner": lambda g: suspensions.suspend(g.partner, GROUND, Actor.operator()),
    "reinstate the partner": lambda g: suspensions.reinstate(g.partner, "ok", Actor.operator()),
    "raise the partner's epoch": lambda g: partners.revoke_client(
        cast.make_client(g.partner), cast.OPERATOR
    ),
    "withdraw": lambda g: grants.end(g, "withdrawn", "", owner_of(g)),
    "revoke": lambda g: grants.end(g, "revoked", "mistake", Actor.operator()),
    "give again": lambda g: (
        cast.make_grant(
            g.pod, g.partner.clients.get(revoked_at=None), action="replace", items=THREE
        )
        if g.partner.is_live
        else None
    ),
}
# An example is a few seconds of a real database: what fails is shown as it was found.
quick = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
acts = st.lists(st.sampled_from(sorted(ACTS)), max_size=12)


def replayed() -> States:
    """Replay the log from its first leaf."""
    states = States()
    for said in leaves():
        states.follow(said)
    return states


def need_same(states: States) -> None:
    """Hold the rows of all grants and partners to what the log says of them."""
    for row in Grant.objects.all():
        said = states.grants[row.ref]
        assert said.epoch == row.epoch
        assert said.word == word(row)
        opened = not (row.ended_at or row.paused_at or row.suspended_at)
        assert said.opened == (row.epoch if opened else None)
        if opened:
            live = row.items.filter(ended_at=None)
            assert said.terms is not None
            assert set(said.terms.categories) == {each.category for each in live}
    for partner in Partner.objects.all():
        told = states.partners[partner.ref]
        assert told.epoch == partner.epoch
        assert bool(told.suspended_at) == bool(partner.suspended_at)
        assert told.opened == (partner.epoch if partner.is_live else None)


def word(row: Grant) -> str:
    if row.ended_at:
        return str(row.end_kind)
    return "suspended" if row.suspended_at else "paused" if row.paused_at else "live"


@pytest.mark.django_db
@pytest.mark.rule("consent.md", "P7")
@settings(quick, max_examples=25)
@given(acts)
def test_replaying_the_log_from_its_first_leaf_rebuilds_the_state(names: list[str]) -> None:
    pod = cast.make_pod()
    given_ = cast.make_grant(pod, cast.make_client(), items=THREE)
    cast.make_grant(pod, cast.make_client())
    for name in names:
        unless_over(ACTS[name])(given_)
    need_same(replayed())


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("consent.md", "P7")
@pytest.mark.rule("design/log.md", "Anchor")
@settings(quick, max_examples=12)
@given(before=acts, after=acts)
def test_a_recovered_backup_is_where_the_lost_database_was(
    tmp_path: Path, before: list[str], after: list[str]
) -> None:
    given_ = cast.make_grant(cast.make_pod(), cast.make_client(), items=THREE)
    for name in before:
        unless_over(ACTS[name])(given_)
    publish()
    backup = Backup(tmp_path / f"{uuid4().hex}.sqlite3")
    known = list(Grant.objects.values_list("pk", flat=True))
    cast.make_partner()  # so that there is something to lose
    for name in after:
        unless_over(ACTS[name])(given_)
    were = {
        row.pk: (word(row), row.epoch, ended(row)) for row in Grant.objects.filter(pk__in=known)
    }
    lose(backup)

    recover()

    need_same(replayed())
    for row in Grant.objects.filter(pk__in=known):
        state, epoch, items = were[row.pk]
        assert row.epoch >= epoch
        if row.end_reason != "lost-in-restore":
            assert word(row) == state
            # Of a grant that ended as a whole, single items do not matter any more.
            assert row.ended_at or ended(row) == items
        else:
            # Closed is all that it may be more than before.
            assert state != "live"
    assert not set(Grant.objects.values_list("pk", flat=True)) - set(known)
    assert not [ref for ref, said in replayed().grants.items() if said.opened and not exists(ref)]
    announced = exports.announce()
    publish()
    written = exports.write(exports.cut(announced), tmp_path / f"{uuid4().hex}.zip")
    assert written.verified, written.first_finding


def ended(row: Grant) -> set[tuple[str, str]]:
    over = row.items.exclude(ended_at=None)
    return {(each.category, each.action) for each in over}


def exists(ref: str) -> bool:
    return Grant.objects.filter(ref=ref).exists()


# Which item was ended ------------------------------------------------------------------
def items(*pairs: tuple[str, str]) -> list[GrantItem]:
    return [GrantItem(pk=n, category=name, action=act) for n, (name, act) in enumerate(pairs, 1)]


@pytest.mark.parametrize(
    ("pairs", "count", "categories", "actions", "found"),
    [
        ([("stay", "read"), ("trip", "read")], 1, ["trip"], ["read"], [1]),
        ([("stay", "read"), ("stay", "contribute")], 1, ["stay"], ["read"], [2]),
        ([("stay", "read"), ("trip", "read"), ("voice", "read")], 2, ["voice"], ["read"], [1, 2]),
        # Either may have been ended: the rest looks the same.
        (
            [("stay", "read"), ("stay", "contribute"), ("trip", "read"), ("trip", "contribute")],
            1, ["stay", "trip"], ["read", "contribute"], None,
        ),
        # No choice leaves this.
        ([("stay", "read"), ("trip", "read")], 1, ["voice"], ["read"], None),
    ],
)  # fmt: skip
def test_an_item_is_ended_again_only_where_the_leaf_leaves_one_choice(
    pairs: list[tuple[str, str]],
    count: int,
    categories: list[str],
    actions: list[str],
    found: list[int] | None,
) -> None:
    chosen = which(items(*pairs), count, categories, actions)
    assert (None if chosen is None else [each.pk for each in chosen]) == found
