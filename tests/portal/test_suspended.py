"""The operator stops a brand: in one transaction, and its customers see it everywhere."""

import io

import pytest
from django.core import mail
from django.core.management import call_command
from django.test import Client as Browser

from audit.models import Entry
from consent import letters, partners, suspensions
from consent.actors import Actor
from consent.letters import sending
from consent.models import Client, Delivery, Grant, Letter, Partner
from tests import cast
from tests.portal.conftest import World
from vault.models import Pod

GROUND = "unlawful-use-suspected"
NOBODY, ONE = "Nobody can see your data", "1 brand can see a part of your data"


def title(browser: Browser) -> str:
    return browser.get("/").content.decode().partition("</h1>")[0]


def suspend(client: Client) -> None:
    said = io.StringIO()
    call_command("suspend_partner", str(client.partner_id), "--ground", GROUND, stdout=said)
    assert "their owners are told" in said.getvalue()


@pytest.mark.rule("suspension is told to the owners", "consent.md 2.3")
def test_its_customers_read_it_in_a_mail_on_the_home_page_and_in_their_activity(
    browser: Browser, pod: Pod, hotel: Client
) -> None:
    grant = cast.make_grant(pod, hotel)
    assert ONE in title(browser)
    Letter.objects.all().delete()
    suspend(hotel)

    assert sending.send_due() == 1
    (sent,) = mail.outbox
    assert sent.to == [pod.owner.email]
    assert grant.partner.legal_name_ko in sent.body
    home = browser.get("/").content.decode()
    assert NOBODY in home.partition("</h1>")[0]
    assert "Stopped by the operator" in home
    assert "The operator stopped" in browser.get("/activity/").content.decode()
    assert "Stopped by the operator" in browser.get(f"/grants/{grant.pk}/").content.decode()


def test_others_still_count_and_it_counts_again_when_it_is_let_go_on(
    browser: Browser, world: World, hotel: Client
) -> None:
    other = cast.make_client(name_en="Baram Rental")
    cast.make_template(other.partner)
    cast.make_grant(world.pod, other)
    assert "2 brands can see" in title(browser)
    suspend(hotel)
    assert ONE in title(browser)
    suspensions.reinstate(Partner.objects.get(pk=hotel.partner_id), "cleared", Actor.operator())
    assert "2 brands can see" in title(browser)


def test_a_brand_counts_once_and_only_while_it_can_see(
    browser: Browser, pod: Pod, hotel: Client
) -> None:
    cast.make_template(hotel.partner, purpose="dpv:CustomerCare")
    cast.make_grant(pod, hotel)
    cast.make_grant(pod, hotel, purpose="dpv:CustomerCare")
    assert Grant.objects.live().count() == 2
    assert ONE in title(browser)
    browser.post("/pause/")
    assert NOBODY in title(browser)
    browser.post("/resume/")
    assert ONE in title(browser)
    # Without its grants, as nothing does: whom the door refuses is not counted.
    partners.suspend(hotel.partner, GROUND, cast.OPERATOR)
    assert NOBODY in title(browser)


@pytest.mark.rule("one transaction holds the change, its entry and what we owe", "style.md 3")
@pytest.mark.django_db(transaction=True)
def test_a_failure_in_the_middle_leaves_nothing(
    pod: Pod, hotel: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast.make_grant(pod, hotel)
    before = Entry.objects.count(), Delivery.objects.count(), Letter.objects.count()
    monkeypatch.setattr(letters, "of_grants", _broken)
    with pytest.raises(RuntimeError):
        suspensions.suspend(hotel.partner, GROUND, Actor.operator())

    assert Partner.objects.get(pk=hotel.partner_id).suspended_at is None
    assert Grant.objects.live().count() == 1
    assert (Entry.objects.count(), Delivery.objects.count(), Letter.objects.count()) == before


def _broken(*_: object) -> None:
    raise RuntimeError
