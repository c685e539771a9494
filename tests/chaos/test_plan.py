"""A storm is a function of its seed, and leaves no kind of fault and no point out."""

import pytest

from tests.chaos import plan
from tests.chaos.house import Vault
from tests.consent.revocation.test_kill import POINTS


@pytest.mark.parametrize("quick", [True, False])
def test_the_same_seed_brings_the_same_storm(quick: bool) -> None:
    assert plan.make(7, quick=quick) == plan.make(7, quick=quick)
    assert plan.make(7, quick=quick) != plan.make(8, quick=quick)


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_every_kind_comes_with_either_broker_and_every_point_once(seed: int, quick: bool) -> None:
    storm = plan.make(seed, quick=quick)

    assert [act.broker for act in storm.acts] == list(plan.BROKERS)
    for act in storm.acts:
        assert {fault.kind for fault in act.faults} == set(plan.FAULTS)
        assert sorted(act.faults, key=lambda fault: fault.at) == list(act.faults)
        assert act.faults[-1].at <= act.lasting
    assert {fault.point for act in storm.acts for fault in act.faults} >= set(POINTS)


def test_a_full_storm_takes_each_broker_away_for_five_minutes_and_hangs_longer_than_a_lease() -> (
    None
):
    for act in plan.make(7, quick=False).acts:
        assert max(one.lasting for one in act.faults if one.kind == "stop-broker") == 300.0
        assert max(one.lasting for one in act.faults if one.kind == "hang-worker") > 20.0
        away = next(one for one in act.faults if one.lasting == 300.0)
        during = {one.kind for one in act.faults if one.at > away.at}
        assert during
        assert not during & plan.NEED_BROKER


def test_every_kind_can_be_done() -> None:
    assert all(hasattr(Vault, "_" + kind.replace("-", "_")) for kind in plan.FAULTS)
