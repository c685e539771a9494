"""A brand is stopped as a whole: nothing is answered, and every owner is told."""

import io

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from audit import entries
from audit.types import EntryType
from consent import grants, suspensions
from consent.actors import Actor
from consent.letters import sending
from consent.models import Client, Delivery, Grant, Letter, Partner
from tests import cast
from vault.models import Pod

GROUND = "unlawful-use-suspected"


@pytest.mark.django_db
@pytest.mark.rule("Design", "consent.md 2.3")
def test_suspending_a_partner_stops_every_running_grant_and_tells_each_owner(
    grant: Grant, hotel: Client, stranger: Pod
) -> None:
    other = cast.make_grant(stranger, hotel)
    stopped = suspensions.suspend(hotel.partner, GROUND, Actor.operator())
    assert {each.pk for each in stopped} == {grant.pk, other.pk}
    assert not Grant.objects.live().exists()
    for each in (grant, other):
        (seen,) = entries.of_person(each.pod.owner.ref, types=[EntryType.GRANT_SUSPENDED])
        assert seen.leaf["reason"] == GROUND
        assert Delivery.objects.filter(grant=each, event_type="grant-suspended").count() == 1


@pytest.mark.django_db
@pytest.mark.rule("Design", "consent.md P8")
def test_twice_is_once(grant: Grant) -> None:
    assert len(suspensions.suspend(grant.partner, GROUND, Actor.operator())) == 1
    assert suspensions.suspend(grant.partner, GROUND, Actor.operator()) == []
    assert Partner.objects.get().suspension_ground == GROUND


@pytest.mark.django_db
def test_what_was_suspended_for_another_reason_stays_so_when_the_partner_goes_on(
    grant: Grant, hotel: Client, stranger: Pod
) -> None:
    contested = cast.make_grant(stranger, hotel)
    grants.suspend(contested, "identity-doubted", Actor.operator())
    suspensions.suspend(hotel.partner, GROUND, Actor.operator())
    partner = Partner.objects.get(pk=hotel.partner_id)
    (resumed,) = suspensions.reinstate(partner, "cleared", Actor.operator())
    assert resumed.pk == grant.pk
    assert list(Grant.objects.live()) == [grant]
    assert suspensions.reinstate(partner, "cleared", Actor.operator()) == []


@pytest.mark.django_db
def test_an_ended_grant_is_left_alone_and_an_unknown_ground_changes_nothing(grant: Grant) -> None:
    with pytest.raises(ValueError, match="grounds"):
        suspensions.suspend(grant.partner, "bad-mood", Actor.operator())
    assert Grant.objects.live().count() == 1
    grants.end(grant, Grant.EndKind.WITHDRAWN, "", Actor.owner(grant.pod.owner))
    assert suspensions.suspend(grant.partner, GROUND, Actor.operator()) == []


@pytest.mark.django_db
@pytest.mark.rule("Design", "portal.md: no brand on a lock screen")
def test_the_command_mails_the_owner_without_the_brand_in_the_subject(grant: Grant) -> None:
    said = io.StringIO()
    call_command("suspend_partner", str(grant.partner_id), "--ground", GROUND, stdout=said)
    assert "1 grants stopped; their owners are told" in said.getvalue()
    Letter.objects.exclude(kind=Letter.Kind.SUSPENDED).delete()
    assert sending.send_due() == 1
    (sent,) = mail.outbox
    assert sent.to == [grant.pod.owner.email]
    assert grant.partner.legal_name_ko in sent.body
    assert "마루" not in sent.subject
    call_command("reinstate_partner", str(grant.partner_id), stdout=said)
    assert "1 grants go on" in said.getvalue()


@pytest.mark.django_db
def test_the_commands_say_when_there_is_no_such_partner() -> None:
    nobody = "00000000-0000-4000-8000-000000000000"
    with pytest.raises(CommandError, match="no partner"):
        call_command("suspend_partner", nobody, "--ground", GROUND)
    with pytest.raises(CommandError, match="no partner"):
        call_command("reinstate_partner", nobody)
