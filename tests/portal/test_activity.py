"""The timeline: every kind of entry has its sentence, refused reads are seen, values never."""

import pytest
from django.test import Client as Browser
from django.utils import timezone

from audit import log
from audit.types import EntryType
from consent import standing
from consent.actors import Actor
from consent.models import Grant
from consent.revocation.events import EventType
from portal.customer import timeline
from portal.customer.sentences import FILTERS, SENTENCES, TOLD
from tests import cast
from tests.portal.conftest import World
from vault.models import Pod


def entry(grant: Grant, kind: EntryType, **fields: object) -> None:
    log.append(
        log.Draft(
            type=kind,
            role="partner",
            partner=grant.partner.ref,
            client=grant.request.client.ref,
            grant=grant.ref,
            person=grant.pod.owner.ref,
            audit_key=grant.pod.audit_key_id,
            **fields,
        )
    )


@pytest.mark.rule("refused reads visible to the customer", "product.md, beyond 7")
def test_a_refused_read_is_shown_with_its_reason(browser: Browser, world: World) -> None:
    entry(
        world.grant,
        EntryType.RECORD_REFUSED,
        outcome="refused",
        reason="purpose-mismatch",
        categories=("stay",),
        repeats=4,
    )
    text = browser.get("/activity/?show=refused").content.decode()
    assert "Maru Hotel tried to look at Stays" in text
    assert "a purpose that you had not agreed to" in text
    assert "4 times more" in text
    assert "let Maru Hotel see" not in text


def test_a_sentence_about_a_company_ends_in_one_full_stop(browser: Browser, pod: Pod) -> None:
    asked = cast.make_request(pod, cast.make_client(cast.make_partner(legal_name_en="Ads Ltd.")))
    standing.block(pod, standing.About(partner=asked.partner), Actor.owner(pod.owner))
    text = browser.get("/activity/").content.decode()
    assert "You take no more requests of Ads Ltd.<" in text


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("grant-paused", "Maru Hotel was told of the pause."),
        ("grants-ended", "Maru Hotel was told that the sharing has ended."),
        ("item-ended", "Maru Hotel was told that you share less with it."),
        ("verification", "Maru Hotel was told."),
    ],
)
def test_what_a_brand_was_told_of_is_said(
    browser: Browser, world: World, event: str, said: str
) -> None:
    entry(world.grant, EntryType.DELIVERY_SENT, outcome="ok", detail={"event": event})
    assert said in browser.get("/activity/?show=told").content.decode()


def test_every_event_about_a_person_says_what_a_brand_was_told_of() -> None:
    assert set(EventType) - set(TOLD) == {EventType.VERIFICATION}


def test_every_entry_about_a_person_has_a_sentence(world: World) -> None:
    about_people = {
        kind
        for kind in EntryType
        if kind.split(".")[0] in {"grant", "record", "obligation", "login", "delivery"}
    }
    assert about_people <= set(SENTENCES)
    for _label, kinds in FILTERS.values():
        assert kinds <= set(SENTENCES)


def test_values_and_secrets_never_stand_in_the_timeline(browser: Browser, world: World) -> None:
    text = browser.get("/activity/").content.decode()
    assert "You added to Stays" in text
    assert "2026-08-14" not in text
    assert world.pod.owner.ref not in text


def test_the_timeline_goes_on_page_by_page(
    browser: Browser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.customer.views.activity.PER_PAGE", 3)
    first = browser.get("/activity/").content.decode()
    all_of_them = timeline.of(world.pod)
    older = f"?before={all_of_them[2].seq}"
    assert older in first
    assert "You opened your vault" not in first
    for nonsense in ("²", "-", "9" * 30, "٣"):
        assert browser.get("/activity/", {"before": nonsense}).status_code == 200
    last = browser.get(f"/activity/?before={all_of_them[-2].seq}").content.decode()
    assert "You opened your vault" in last
    assert timezone.now() >= all_of_them[0].at
