"""A brand sends a browser here and gets it back: through sign-in, with and without script, under CSP."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from consent.models import Grant
from tests.browser import steps
from tests.browser.conftest import PASSWORD, World
from tests.consent.oauth.flow import hotel as hotels
from tests.consent.oauth.flow.hotel import Hotel

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


class Back(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"Welcome back")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def back() -> Iterator[str]:
    """A page of the brand: another origin than ours."""
    with HTTPServer(("127.0.0.1", 0), Back) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/back"
        server.shutdown()
        thread.join()


@pytest.fixture
def brand(world: World, back: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Hotel:
    settings.ALLOW_LOOPBACK_ENDPOINTS = True
    monkeypatch.setattr(hotels, "BACK", back)
    return Hotel.arrive(redirect_uris=[back])


@pytest.mark.rule("works without JavaScript; form-action lets the decision lead back", "issue 4")
@pytest.mark.parametrize("script", [True, False])
def test_agreeing_leads_through_sign_in_back_to_the_brand(
    world: World, brand: Hotel, back: str, visit: Any, script: bool
) -> None:
    visitor = visit(script=script)
    page = visitor.goto(brand.front(brand.push()))
    steps.sign_in(page, world.pod.owner.email, PASSWORD)
    page.check("[name=take-0]")
    steps.agree(page)
    page.wait_for_url(f"{back}?**")
    assert page.inner_text("body") == "Welcome back"
    said = dict(parse_qsl(urlsplit(page.url).query))
    assert said.keys() == {"code", "state", "iss"}
    assert brand.redeem(said["code"], redirect_uri=back).status_code == 200
    assert Grant.objects.filter(request__client=brand.client).exists()
    assert not visitor.complaints


def test_refusing_leads_back_too(world: World, brand: Hotel, back: str, visit: Any) -> None:
    visitor = visit().sign_in(world.pod.owner)
    page = visitor.goto(brand.front(brand.push()))
    page.click("a[href$='/refuse/']")
    page.locator("main form .actions button").first.click()
    page.wait_for_url(f"{back}?**")
    assert dict(parse_qsl(urlsplit(page.url).query))["error"] == "access_denied"
    assert not visitor.complaints


def test_a_browser_that_brings_nothing_is_told_so_on_a_page(world: World, visit: Any) -> None:
    page = visit(language="en").goto("/oauth/authorize?client_id=x&request_uri=y")
    assert "Nothing to decide here" in page.inner_text("main")
