"""Every decision works in a browser that runs no script at all."""

import pytest

from consent.models import Grant
from tests import cast
from tests.browser.conftest import World

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.mark.rule("usable without JavaScript for every decision", "portal.md")
def test_approving_pausing_ending_and_refusing_without_script(world: World, visit) -> None:
    visitor = visit(script=False).sign_in(world.pod.owner)
    page = visitor.goto(f"/requests/{world.asked.pk}/")
    page.check("[name=take-1]")
    page.locator("main form .actions button").first.click()
    page.wait_for_url("**/confirm/")
    for tick in page.locator("[name=tick]").all():
        assert not tick.is_checked()
        tick.check()
    page.locator("main form .actions button").first.click()
    page.wait_for_url("**/done/")
    grant = Grant.objects.get(request=world.asked)
    assert {item.category for item in grant.items.all()} == {"workout", "stay"}
    assert "연결됐어요" in page.inner_text("main")

    visitor.goto("/")
    page.click(f"a[href='/grants/{grant.pk}/end/']")
    page.locator("main form .actions button").first.click()
    page.wait_for_url(f"**/grants/{grant.pk}/")
    grant.refresh_from_db()
    assert grant.end_kind == Grant.EndKind.WITHDRAWN

    visitor.goto("/")
    page.click("form[action='/pause/'] button")
    page.wait_for_url(visitor.origin + "/")
    world.grant.refresh_from_db()
    assert world.grant.paused_at is not None

    page = visitor.goto(f"/requests/{world.small.pk}/refuse/")
    page.locator("main form .actions button").first.click()
    page.wait_for_url("**/done/")
    world.small.refresh_from_db()
    assert world.small.refused_at is not None


def test_the_code_of_a_link_is_typed_without_script_and_filled_in_with_it(
    world: World, visit
) -> None:
    made = cast.submit(world.grant.request.client, cast.make_body())
    typed = visit(script=False).goto("/link/")
    typed.fill("[name=code]", made.link_code)
    typed.locator("main form button").click()
    typed.wait_for_url("**/link/confirm/")
    scanned = visit()
    scanned.goto(f"/link/#{made.link_code}")
    scanned.page.wait_for_url("**/link/confirm/")
    assert "마루호텔" in scanned.page.inner_text("main")


def test_filtering_the_timeline_is_quicker_with_script_and_the_same_without(
    world: World, visit
) -> None:
    plain = visit(script=False).sign_in(world.pod.owner).goto("/activity/")
    plain.click("#show-ended")
    expected = plain.inner_text("#timeline")
    visitor = visit().sign_in(world.pod.owner)
    page = visitor.goto("/activity/")
    page.evaluate("() => { window.same_page = true }")
    page.click("#show-ended")
    page.wait_for_selector("#show-ended[aria-current]")
    assert page.evaluate("() => window.same_page"), "no page was loaded"
    assert page.url.endswith("?show=ended")
    assert page.inner_text("#timeline") == expected
    assert page.evaluate("() => document.activeElement.id") == "show-ended"
    assert visitor.complaints == []


def test_switching_the_language_keeps_the_page(world: World, visit) -> None:
    visitor = visit().sign_in(world.pod.owner)
    page = visitor.goto(world.pages["grant"])
    page.click("form.language button")
    page.wait_for_load_state()
    assert page.url.endswith(world.pages["grant"])
    assert page.get_attribute("html", "lang") == "en"
