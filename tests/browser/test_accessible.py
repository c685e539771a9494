"""axe finds nothing at WCAG 2.2 AA on any page, in both languages, light and dark, small and wide."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from consent.models import Obligation, Partner
from tests.browser.conftest import World, speak
from tests.consent.grants.test_ending import read_once

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}
PUBLIC = ("/", "/account/login/", "/account/signup/", "/account/password/reset/", "/link/")


def violations(page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]]


@pytest.mark.rule("zero axe violations at WCAG 2.2 AA", "portal.md")
@pytest.mark.parametrize(
    ("width", "language", "scheme"), [(390, "ko", "light"), (1280, "en", "dark")]
)
def test_every_page_is_accessible(
    world: World, visit, width: int, language: str, scheme: str
) -> None:
    speak(world.pod.owner, language)
    visitor = visit(width=width, language=language, scheme=scheme).sign_in(world.pod.owner)
    found = {}
    for name, path in world.pages.items():
        if problems := violations(visitor.goto(path)):
            found[name] = problems
    page = visitor.goto(world.pages["request"])
    for summary in page.locator("main summary").all():
        summary.click()
    if problems := violations(page):
        found["request, everything open"] = problems
    page.locator("main form .actions button").first.click()
    page.wait_for_url("**/confirm/")
    if problems := violations(page):
        found["confirm"] = problems
    assert found == {}
    assert visitor.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_for_everybody_are_accessible(world: World, visit, scheme: str) -> None:
    visitor = visit(scheme=scheme)
    found = {path: problems for path in PUBLIC if (problems := violations(visitor.goto(path)))}
    assert found == {}
    assert visitor.complaints == []


@pytest.mark.rule("consent.md", "7.3")
@pytest.mark.parametrize(
    ("width", "language", "scheme"), [(390, "ko", "light"), (1280, "en", "dark")]
)
def test_leaving_copies_with_a_brand_is_accessible_too(
    world: World, visit, width: int, language: str, scheme: str
) -> None:
    read_once(world.grant)
    speak(world.pod.owner, language)
    visitor = visit(width=width, language=language, scheme=scheme).sign_in(world.pod.owner)
    at = f"/grants/{world.grant.pk}/"
    page = visitor.goto(f"{at}end/")
    found = {"end": violations(page)}
    box = page.locator("input[name=keep]")
    assert not box.is_checked()
    box.check()
    page.locator("main form .actions button").first.click()
    page.wait_for_url(f"**{at}")
    found["ended"] = violations(page)
    found["list"] = violations(visitor.goto("/ended/"))
    found["taking back"] = violations(visitor.goto(f"{at}recall/"))
    assert not any(found.values()), found
    assert visitor.complaints == []


@pytest.mark.rule("consent.md", "7.3")
@pytest.mark.parametrize(
    ("width", "language", "scheme"), [(390, "ko", "light"), (1280, "en", "dark")]
)
def test_choosing_deletion_is_accessible_too(
    world: World, visit, width: int, language: str, scheme: str
) -> None:
    Partner.objects.filter(pk=world.grant.partner_id).update(country="AU")
    read_once(world.grant)
    speak(world.pod.owner, language)
    visitor = visit(width=width, language=language, scheme=scheme).sign_in(world.pod.owner)
    at = f"/grants/{world.grant.pk}/"
    page = visitor.goto(f"{at}end/")
    found = {"end": violations(page)}
    boxes = page.locator("input[name=copies]")
    assert [boxes.nth(place).is_checked() for place in range(boxes.count())] == [True, False]
    boxes.last.check()
    assert not boxes.first.is_checked()
    found["everything"] = violations(visitor.goto("/end/"))
    page = visitor.goto(f"{at}end/")
    page.locator("main form .actions button").first.click()
    page.wait_for_url(f"**{at}")
    found["ended"] = violations(page)
    assert not any(found.values()), found
    assert visitor.complaints == []
    assert Obligation.objects.get(grant=world.grant).deletion_only
