"""Home and a grant's page: who has access, pausing, ending, and what follows."""

from datetime import datetime, timedelta

import pytest
from django.test import Client as Browser
from django.utils import timezone, translation

from consent.models import Client, Grant, GrantActivity, Obligation
from portal.customer import words
from tests import airport, cast
from tests.portal.conftest import World
from vault.models import Pod


def test_home_sorts_by_last_use_and_never_hides_the_idle(
    browser: Browser, pod: Pod, hotel: Client
) -> None:
    brands = []
    for name, days in (("Idle Brand", None), ("Used Long Ago", 20), ("Used Today", 0)):
        client = cast.make_client(name_en=name)
        cast.make_template(client.partner)
        grant = cast.make_grant(pod, client)
        cast.start(grant, timezone.now() - timedelta(days=25))
        brands.append(name)
        if days is not None:
            at = timezone.now() - timedelta(days=days)
            GrantActivity.objects.create(grant=grant, day=at.date(), reads=3, last_at=at)
    text = browser.get("/").content.decode()
    now = text.partition("Who has access now")[2]
    places = [now.index(name) for name in reversed(brands)]
    assert places == sorted(places)


def test_pausing_everything_and_going_on(browser: Browser, world: World) -> None:
    browser.post("/pause/")
    world.grant.refresh_from_db()
    assert world.grant.paused_at is not None
    assert "Paused" in browser.get("/").content.decode()
    browser.post("/resume/")
    world.grant.refresh_from_db()
    assert world.grant.is_live


def test_pausing_one_and_going_on(browser: Browser, world: World) -> None:
    at = f"/grants/{world.grant.pk}/pause/"
    browser.post(at)
    world.grant.refresh_from_db()
    assert world.grant.paused_at is not None
    browser.post(at, {"resume": "1"})
    world.grant.refresh_from_db()
    assert world.grant.is_live
    over = browser.post(f"/grants/{world.ended.pk}/pause/", follow=True)
    assert "over already" in over.content.decode()


def test_ending_says_first_what_it_means_and_shows_the_progress(
    browser: Browser, world: World
) -> None:
    at = f"/grants/{world.grant.pk}/end/"
    assert "Free late check-out" in browser.get(at).content.decode()
    world.grant.refresh_from_db()
    assert world.grant.is_live, "looking at the page ends nothing"
    page = browser.post(at, follow=True)
    world.grant.refresh_from_db()
    assert world.grant.ended_at is not None
    assert "nothing to destroy" in page.content.decode()


def test_ending_one_part_leaves_the_rest(browser: Browser, world: World) -> None:
    item = world.grant.items.get(category="stay")
    at = f"/grants/{world.grant.pk}/items/{item.pk}/end/"
    _, going_on = browser.get(at).content.decode().split("What goes on")
    going_on = going_on.split("</dl>")[0]
    others = world.grant.items.exclude(pk=item.pk)
    assert all(words.category(each.category) in going_on for each in others)
    assert words.category("stay") not in going_on
    browser.post(at)
    item.refresh_from_db()
    world.grant.refresh_from_db()
    assert item.ended_at is not None
    assert world.grant.is_live


def test_home_shows_the_first_three_of_what_waits_and_leads_to_the_rest(
    browser: Browser, pod: Pod
) -> None:
    airport.make_journey(pod)
    for name in ("First Brand", "Second Brand", "Third Brand"):
        cast.make_request(pod, cast.make_client(name_en=name))
    text = browser.get("/").content.decode()
    assert "The day to Jeju" in text
    assert ["First Brand" in text, "Second Brand" in text, "Third Brand" in text] == [
        True, True, False,
    ]  # fmt: skip
    assert "All 4" in text


def test_home_says_what_ends_soon_by_date_and_tells_grants_of_one_brand_apart(
    browser: Browser, pod: Pod, hotel: Client
) -> None:
    cast.make_template(hotel.partner, purpose="dpv:CustomerCare")
    other = cast.make_client(name_en="Other Brand")
    for client, days, changes in (
        (hotel, 9, {}),
        (other, 5, {}),
        (hotel, 2, {"purpose": "dpv:CustomerCare"}),
    ):
        expires = (timezone.now() + timedelta(days=days)).isoformat()
        cast.make_grant(pod, client, expires=expires, **changes)
    soon = browser.get("/").content.decode().partition("Ending soon")[2].partition("</ul>")[0]
    rows = [row.partition("</a>")[0].rpartition(">")[2] for row in soon.split("<li>")[1:]]
    with translation.override("en"):
        care, service = words.purpose("dpv:CustomerCare"), words.purpose(cast.PURPOSE)
    assert rows == [f"Maru Hotel · {care}", "Other Brand", f"Maru Hotel · {service}"]


def test_home_never_says_that_a_paused_brand_has_access(browser: Browser, world: World) -> None:
    at = timezone.now()
    GrantActivity.objects.create(grant=world.grant, day=at.date(), reads=1, last_at=at)
    text = browser.get("/").content.decode()
    assert "Who has access now" in text
    assert "Last look a moment ago" in text
    browser.post("/pause/")
    text = browser.get("/").content.decode()
    assert "Nobody can see your data" in text
    assert "Who has access now" not in text
    assert "Maru Hotel" in text.partition("What you agreed to share")[2]


@pytest.mark.rule("the owner sees each clock", "consent.md 8.4")
def test_progress_counts_who_confirmed_and_says_what_is_late(
    browser: Browser, world: World
) -> None:
    now = timezone.now()
    facts = {"grant": world.ended, "partner": world.ended.partner, "categories": ["stay"]}
    Obligation.objects.create(**facts, due_at=now - timedelta(days=1), told_at=now)
    Obligation.objects.create(
        **facts, holder="Fast Mail", due_at=now, told_at=now, acknowledged_at=now, attested_at=now
    )
    text = browser.get(f"/grants/{world.ended.pk}/").content.decode()
    assert "(1/2)" in text
    assert "overdue" in text
    assert "Fast Mail" in text


@pytest.mark.rule("what a law makes them keep, with the law and the day", "consent.md 8.1")
def test_an_answer_that_keeps_a_part_is_not_called_destruction(
    browser: Browser, world: World
) -> None:
    now = timezone.now()
    kept = {"outcome": "kept_by_law", "law": "kr-medical-22", "until": "2031-01-31"}
    rows = [
        {"category": "stay", "outcome": "deleted", "method": "wiped"},
        {"category": "stay", **kept, "items": ["contracts"]},
    ]
    owed = attested(world.ended, rows, at=now)
    text = browser.get(f"/grants/{world.ended.pk}/").content.decode()
    assert "a part is kept" in text
    assert "Destruction confirmed" not in text
    assert "kept apart until 31 January 2031 (의료법 제22조): contracts" in text
    assert "destroyed</dd>" in text
    assert "Confirmed, a part is kept" in browser.get("/ended/").content.decode()
    later = [{"category": "stay", "outcome": "deleted", "method": "wiped"}]
    attested(world.ended, later, at=now + timedelta(days=1), owed=owed)
    text = browser.get(f"/grants/{world.ended.pk}/").content.decode()
    assert "Destruction confirmed" in text
    assert "kept apart" not in text


def attested(
    grant: Grant, rows: list[dict[str, object]], *, at: datetime, owed: Obligation | None = None
) -> Obligation:
    facts = {"grant": grant, "partner": grant.partner, "categories": ["stay"]}
    done = {"told_at": at, "acknowledged_at": at, "attested_at": at}
    owed = owed or Obligation.objects.create(**facts, **done, due_at=at + timedelta(days=1))
    said = {"jti": at.isoformat(), "partner": grant.partner, "signed": "x", "outcomes": rows}
    owed.attestations.create(**said, received_at=at)
    return owed


def test_what_was_given_up_waits_for_nobody(browser: Browser, world: World) -> None:
    now = timezone.now()
    facts = {"grant": world.ended, "partner": world.ended.partner, "categories": ["stay"]}
    Obligation.objects.create(
        **facts, due_at=now - timedelta(days=1), told_at=now, abandoned_at=now,
        abandoned_reason="closed",
    )  # fmt: skip
    text = browser.get("/ended/").content.decode()
    assert "Never confirmed" in text
    assert "confirm by" not in text
    assert "Overdue" not in text


def test_a_grants_page_names_what_the_brand_cannot_see(browser: Browser, world: World) -> None:
    from vault import pods

    pods.put(world.pod, "music", {"artist": "Nobody"})
    text = browser.get(f"/grants/{world.grant.pk}/").content.decode()
    assert "Music" in text.partition("What they cannot see")[2]


def test_an_account_without_a_pod_is_told_so(db: None) -> None:
    from accounts.models import User

    staff = User.objects.create_user("staff@example.com", is_staff=True)
    browser = Browser(headers={"accept-language": "en"})
    browser.force_login(staff)
    assert "This account has no vault" in browser.get("/").content.decode()


def test_a_long_life_of_grants_still_fits_the_page(browser: Browser, world: World) -> None:
    assert Grant.objects.of(world.pod).count() == 2
    assert "nowhere" not in browser.get("/requests/?page=999").content.decode()
