"""Story 11: a purpose that nobody agreed to is refused, logged, shown; the operator stops the brand."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from examples.demo import asking, brands, proof
from examples.demo.person import Person
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
