"""The page for brands' engineers in a real browser, with everything on it opened."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.test_looks import SMALL_TARGETS, WIDER

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), pytest.mark.django_db]
OPEN = "() => document.querySelectorAll('details').forEach(each => each.open = true)"
OURS = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}}


@pytest.mark.rule("readable on phone and desktop, light and dark", "issue 4, 10")
@pytest.mark.parametrize(
    ("width", "language", "scheme"), [(360, "ko", "dark"), (1440, "en", "light")]
)
def test_the_whole_page_can_be_read_and_reached(
    transactional_db: None, visit: Any, width: int, language: str, scheme: str
) -> None:
    visitor = visit(width=width, language=language, scheme=scheme)
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    page = visitor.goto("/about/api/")
    page.evaluate(OPEN)
    assert page.evaluate(WIDER) <= 0
    assert page.evaluate(SMALL_TARGETS) == []
    found = Axe().run(page, options=OURS).response["violations"]
    assert [each["id"] for each in found] == []
    assert all(address.startswith(visitor.origin) for address in asked)
    assert visitor.complaints == []
