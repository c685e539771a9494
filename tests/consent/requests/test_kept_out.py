"""Standing rules: requests that their owner wants to hear no more of, whoever asks."""

import pytest

from consent import requests, standing
from consent.actors import Actor
from consent.exceptions import UnknownThing
from consent.models import AccessRequest, Client, Grant, StandingRule
from consent.requests import kept_out
from consent.standing import About
from tests import cast
from tests.leaves import leaves, only
from vault.exceptions import UnknownCategory
from vault.models import Pod

pytestmark = pytest.mark.django_db
READ_ONLY = {"actions": ["read"], "fields": None}


@pytest.fixture
def shop(db: None) -> Client:
    """A shop that may ask for stays, and for identity and a view of it."""
    made = cast.make_client()
    names = {"identity": READ_ONLY, "adult": READ_ONLY}
    stay = {"actions": ["read", "contribute"], "fields": None}
    cast.make_template(made.partner, categories={"stay": stay, **names})
    return made


def ask(pod: Pod, client: Client, *items: dict[str, object]) -> AccessRequest:
    AccessRequest.objects.update(named_digest=None)  # not what is tried here
    return cast.make_request(pod, client, items=list(items) or [cast.make_item("stay")])


@pytest.mark.rule("6.2: no standing rule against it; 3.5", "consent.md")
def test_what_reads_a_category_is_asked_in_vain_whoever_asks(
    pod: Pod, shop: Client, hotel: Client, owner: Actor
) -> None:
    assert standing.block(pod, About(category="stay"), owner)

    asked = [ask(pod, shop), ask(pod, hotel)]

    assert [each.pod for each in asked] == [None, None]
    assert [requests.answer(each)["state"] for each in asked] == ["pending", "pending"]
    assert ask(pod, shop, cast.make_item("identity")).pod == pod
    assert ask(pod, shop, cast.make_item("stay", action="contribute")).pod == pod


def test_a_rule_about_a_category_is_one_about_its_views_and_not_the_other_way(
    pod: Pod, shop: Client, owner: Actor
) -> None:
    view = cast.make_item()
    view["view"] = view.pop("category").replace("stay", "adult")
    standing.block(pod, About(category="adult"), owner)
    assert ask(pod, shop, view).pod is None
    assert ask(pod, shop, cast.make_item("identity")).pod == pod
    standing.unblock(pod, About(category="adult"), owner)

    standing.block(pod, About(category="identity"), owner)
    assert ask(pod, shop, view).pod is None


def test_a_purpose_is_kept_away_with_every_brand_and_no_other_purpose_is(
    pod: Pod, shop: Client, hotel: Client, owner: Actor
) -> None:
    cast.make_template(shop.partner, purpose="dpv:CustomerCare")
    standing.block(pod, About(purpose=cast.PURPOSE), owner)

    assert [ask(pod, each).pod for each in (shop, hotel)] == [None, None]
    assert cast.make_request(pod, shop, purpose="dpv:CustomerCare").pod == pod


def test_what_waits_is_refused_and_what_is_shared_goes_on(
    pod: Pod, shop: Client, hotel: Client, owner: Actor
) -> None:
    shared = cast.make_grant(pod, hotel)
    waiting, other = ask(pod, shop), ask(pod, shop, cast.make_item("identity"))

    standing.block(pod, About(category="stay"), owner)

    assert AccessRequest.objects.get(pk=waiting.pk).refused_at is not None
    assert AccessRequest.objects.get(pk=other.pk).refused_at is None
    assert Grant.objects.get(pk=shared.pk).is_live


def test_what_another_page_decides_at_this_moment_does_not_undo_the_rule(
    pod: Pod, shop: Client, hotel: Client, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _second = ask(pod, shop), ask(pod, hotel)

    def keeps_out(pod: Pod, request: AccessRequest) -> bool:
        if request == first:
            requests.refuse(first, actor=owner)
        return True

    monkeypatch.setattr(kept_out, "keeps_out", keeps_out)
    assert standing.block(pod, About(category="stay"), owner)

    assert standing.stands(pod, About(category="stay"))
    assert AccessRequest.objects.filter(refused_at__isnull=False).count() == 2
    assert len(leaves("request.declined")) == 2


def test_making_and_removing_are_entries_that_say_nothing_to_others(
    pod: Pod, owner: Actor, stranger: Pod
) -> None:
    about = About(category="stay")
    assert standing.block(pod, about, owner)
    assert not standing.block(pod, about, owner)
    assert standing.stands(pod, about)
    assert not standing.stands(stranger, about)
    assert standing.unblock(pod, about, owner)
    assert not standing.unblock(pod, about, owner)
    assert len(leaves("rule.made")) == len(leaves("rule.removed")) == 1
    assert "stay" not in str(only("rule.made"))
    assert StandingRule.objects.get().removed_at is not None


def test_a_stranger_makes_and_removes_nothing(pod: Pod, owner: Actor, stranger: Pod) -> None:
    about, someone = About(category="stay"), Actor.owner(stranger.owner)
    standing.block(pod, about, owner)
    for change in (standing.block, standing.unblock):
        with pytest.raises(UnknownThing):
            change(pod, about, someone)
    assert standing.stands(pod, about)


def test_a_rule_is_about_one_thing_that_exists(pod: Pod) -> None:
    for wrong in ({}, {"purpose": "dpv:CustomerCare", "category": "stay"}):
        with pytest.raises(ValueError, match="one"):
            About(**wrong)
    with pytest.raises(UnknownCategory):
        About(category="no-such-kind")
