"""Story 11: a purpose that nobody agreed to is refused, logged, shown; the operator stops the brand."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from examples.demo import asking, brands, endings, mailbox, proof
from examples.demo.pages import Page
from examples.demo.person import Person
from examples.demo.report import Report
from examples.demo.staff import Staff
from examples.demo.world import DATA, World, until

MARKET, FOLDER = "반짝마켓", "banjjak-market"


@pytest.fixture
def buyer(customer: Callable[..., Person]) -> Person:
    """Somebody with purchases in the vault."""
    person = customer("buyer")
    person.bring(DATA / "purchases.csv", DATA / "purchases.mapping.json")
    return person


@pytest.fixture
def market(world: World, buyer: Person) -> Iterator[Staff]:
    """A market that may read purchases, for after-sales care. Afterwards it may go on."""
    staff = world.staff(FOLDER)
    asked = staff.ask(asking.market(buyer.address)).body["id"]
    buyer.approve(buyer.request_of(MARKET))
    staff.poll(asked)
    yield staff
    staff.manners()
    world.vault.manage("reinstate_partner", world.partners[FOLDER])


@pytest.mark.rule("Product", "Story 11")
@pytest.mark.rule("Design", "consent.md 6.7")
def test_a_purpose_that_was_not_granted_is_refused_logged_and_shown(
    market: Staff, buyer: Person, exported: Callable[[], Path]
) -> None:
    assert market.read("purchase", brands.SERVICE).ok
    for purpose in (brands.ANALYTICS, brands.ADVERTISING, "made-up"):
        answers = [market.read("purchase", purpose) for _ in range(4)]
        assert {(one.status, one.code) for one in answers} == {(403, "purpose-mismatch")}
        assert not any("records" in one.body for one in answers)

    lines = [line for line in buyer.activity("refused") if MARKET in line]
    assert len(lines) == 3  # the same again is counted, not repeated
    assert all("넘어간 정보는 없어요" in line for line in lines)
    assert all("동의하지 않은 목적" in line for line in lines)

    leaves = [leaf for leaf in proof.leaves(exported()) if leaf.get("reason") == "purpose-mismatch"]
    assert {"unknown", brands.ANALYTICS, brands.ADVERTISING} <= {leaf["purpose"] for leaf in leaves}
    assert not any("made-up" in str(leaf) for leaf in leaves)


@pytest.mark.rule("Product", "Story 11")
@pytest.mark.rule("Design", "consent.md 2.3")
def test_the_operator_stops_a_brand_and_every_customer_is_told(
    world: World, market: Staff, buyer: Person, exported: Callable[[], Path]
) -> None:
    assert market.read("purchase", brands.SERVICE).ok
    world.vault.manage(
        "suspend_partner", world.partners[FOLDER], "--ground", "unlawful-use-suspected"
    )

    # From the command's end on nothing is answered, with a token from before either.
    assert market.read("purchase", brands.SERVICE).status in {401, 403}
    assert not market.ask(asking.market(buyer.address) | {"partner_ref": "again"}).ok

    until(lambda: buyer.mails_about("막았어요"), "the customer was told")
    mail = buyer.mails_about("막았어요")[-1]
    assert "반짝커머스 주식회사" in mail.text
    assert "반짝" not in mail.subject  # a lock screen shows it
    assert "운영자" in buyer.grant(MARKET).text
    assert any(MARKET in line and "운영자" in line for line in buyer.activity("changed"))
    until(lambda: "grant-suspended" in market.events(), "the market was told too")

    # Cleared, it goes on without a new consent. The log has both, and no read in between.
    world.vault.manage("reinstate_partner", world.partners[FOLDER])
    until(lambda: market.read("purchase", brands.SERVICE).ok, "the market reads again")
    types = [leaf["type"] for leaf in proof.leaves(exported())]
    assert types.index("partner.suspended") < types.index("partner.reinstated")
    assert types.index("grant.suspended") < types.index("grant.reinstated")


@pytest.mark.rule("Issue 3", "a brand that acknowledges and never attests")
@pytest.mark.rule("Design", "consent.md 8.2, 8.4")
def test_a_brand_that_says_yes_and_destroys_nothing_ends_up_on_the_regulators_list(
    world: World, market: Staff, buyer: Person, report: Report
) -> None:
    assert market.read("purchase", brands.SERVICE).ok
    market.manners(lying=True)
    page = buyer.end(MARKET)
    until(lambda: _states(buyer.reload(page))[:3] == ["done"] * 3, "it was told, and said yes")
    assert (market.attested(), market.copies()) == ([], ["purchase"])
    assert _states(buyer.reload(page))[3] == "waiting"

    # A week passes: its privacy officer has a mail. Then two: it may ask nothing new.
    endings.move_on(world, buyer.address, timedelta(days=60))
    seen = buyer.reload(page)
    assert _states(seen)[3] == "late"
    until(lambda: buyer.mails_about("늦어지고"), "the customer was told")
    officer = mailbox.of(world.vault.mail, f"privacy@{FOLDER}.example")
    assert officer and not any(buyer.address in mail.text for mail in officer)
    assert market.ask(asking.market(buyer.address)).code == "requests-barred"

    endings.tell(report, world, {FOLDER: market}, {MARKET: seen.main})
    (flagged,) = json.loads(report.path.read_text())["tables"]["The regulator's list"]
    assert flagged["brand"] == "반짝커머스 주식회사"
    assert flagged["stage"] == "flagged for the regulator"
    assert flagged["days_overdue"] > 30
    listed = world.vault.manage("overdue", "--csv", "--flagged")
    assert "반짝커머스 주식회사" in listed
    assert buyer.address not in listed and market.subject not in listed

    market.manners()
    assert market.settle().ok
    until(lambda: _states(buyer.reload(page)) == ["done"] * 4, "late, but done")


def _states(page: Page) -> list[str]:
    return [state for state, _ in endings.steps(page.main)]


@pytest.mark.rule("Design", "consent.md 3.6")
def test_what_was_not_registered_cannot_even_be_asked(market: Staff, buyer: Person) -> None:
    request = asking.market(buyer.address)
    unregistered = market.ask(request | {"purpose": brands.ADVERTISING})
    assert (unregistered.status, unregistered.code) == (422, "purpose-not-registered")
    greedy = request | {"items": [request["items"][0] | {"category": "health"}]}
    assert market.ask(greedy).code == "category-not-registered"
    mail_as_category = request | {"items": [request["items"][0] | {"category": buyer.address}]}
    refused = market.ask(mail_as_category)
    assert refused.code == "category-unknown"
    assert buyer.address not in str(refused.body)
    assert MARKET not in buyer.browser.open("/requests/").main.all("section")[0].text
