"""A restored backup: partners, their tokens and their budgets are no freer than before."""

import pytest

from consent import partners, suspensions
from consent.access import calls, reading
from consent.actors import Actor
from consent.exceptions import BudgetSpent, PartnerSuspended, TokenRefused
from consent.models import AccessToken, Client, Grant, GrantUse, Partner
from consent.oauth import tokens
from tests import cast
from tests.backups import Taken, lose, recover
from tests.consent.restored import STAY, fresh, need_open_as_the_log_says, read
from tests.leaves import leaves
from vault import pods
from vault.models import Pod

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.rule("consent.md", "2.3")
def test_a_suspended_partner_stays_suspended(grant: Grant, hotel: Client, back_up: Taken) -> None:
    backup = back_up()
    suspensions.suspend(hotel.partner, "partner-breach", Actor.operator())
    lose(backup)
    recover()
    partner = Partner.objects.get(pk=hotel.partner_id)
    assert (partner.suspension_ground, partner.epoch) == ("partner-breach", 2)
    assert fresh(grant).suspended_at is not None
    with pytest.raises(PartnerSuspended):
        read(grant, hotel)
    suspensions.reinstate(partner, "checked", Actor.operator())
    need_open_as_the_log_says(grant)


def test_tokens_are_dead_and_a_revoked_client_stays_out(
    grant: Grant, hotel: Client, back_up: Taken
) -> None:
    value = tokens.issue(hotel)
    other = cast.make_client(hotel.partner)
    backup = back_up()
    partners.revoke_client(other, cast.OPERATOR)
    lose(backup)
    recover()
    assert not AccessToken.objects.filter(killed_at=None).exists()
    body = {"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE}
    with pytest.raises(TokenRefused):
        reading.read(tokens.digest(value), calls.parse(body))
    assert Client.objects.get(pk=other.pk).revoked_at is not None
    partner = Partner.objects.get(pk=hotel.partner_id)
    said = [each for each in leaves(partner=partner.ref) if "opens" in each][-1]
    assert partner.epoch == said["opens"] == 3  # registered 1, client revoked 2, recovered 3


@pytest.mark.rule("consent.md", "P2")
def test_budgets_count_as_full_for_the_windows_that_run(
    pod: Pod, hotel: Client, back_up: Taken
) -> None:
    pods.put(pod, "stay", STAY)
    daily = cast.make_grant(pod, hotel, frequency={"count": 2, "unit": "day"})
    backup = back_up()
    read(daily, hotel)
    read(daily, hotel)
    lose(backup)
    assert not GrantUse.objects.exists()
    recover()
    with pytest.raises(BudgetSpent):
        read(daily, hotel)


def test_a_total_is_full_only_where_the_log_shows_a_read(
    pod: Pod, hotel: Client, back_up: Taken
) -> None:
    once = {"count": 1, "unit": "total"}
    pods.put(pod, "stay", STAY)
    spent = cast.make_grant(pod, hotel, frequency=once)
    other = cast.make_client()
    unspent = cast.make_grant(pod, other, frequency=once)
    backup = back_up()
    read(spent, hotel)
    lose(backup)
    recover()
    with pytest.raises(BudgetSpent):
        read(spent, hotel)
    read(unspent, other)
